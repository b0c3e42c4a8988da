/* One-time passwords by time; see totp.h. */
#include "totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "router.h"

#define SHA1_BYTES 20
#define DIGITS_MAX 9

void
totp_code(const void *secret, size_t len, int64_t step, int digits, char *ret_code)
{
	unsigned char counter[8], mac[SHA1_BYTES];
	uint32_t number, limit = 1;
	unsigned mac_len = 0;
	size_t at;

	for (int i = 0; i < 8; i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
	if (HMAC(EVP_sha1(), secret, (int)len, counter, sizeof(counter), mac, &mac_len) == NULL ||
	    mac_len != sizeof(mac))
		abort();
	/* dynamic truncation, RFC 4226 section 5.3 */
	at = mac[SHA1_BYTES - 1] & 0xf;
	number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
	    (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	for (int i = 0; i < digits; i++)
		limit *= 10;
	snprintf(ret_code, (size_t)digits + 1, "%0*u", digits, number % limit);
	sodium_memzero(mac, sizeof(mac));
}

int64_t
totp_match(const void *secret, size_t len, const char *code, int64_t now_s, int64_t last_step)
{
	char wanted[DIGITS_MAX + 1], given[TOTP_DIGITS + 1] = "";
	int64_t now = now_s / TOTP_PERIOD_S, found = 0;
	bool is_long = strlen(code) != TOTP_DIGITS;

	snprintf(given, sizeof(given), "%s", code);
	for (int64_t step = now - TOTP_DRIFT_STEPS; step <= now + TOTP_DRIFT_STEPS; step++) {
		totp_code(secret, len, step, TOTP_DIGITS, wanted);
		if (sodium_memcmp(wanted, given, TOTP_DIGITS) == 0 && step > last_step)
			found = step;
	}
	sodium_memzero(wanted, sizeof(wanted));
	return is_long ? 0 : found;
}

const char *
base32_text(struct arena *a, const void *bytes, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const unsigned char *p = bytes;
	char *text = arena_alloc(a, (len * 8 + 4) / 5 + 1), *out = text;
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < len; i++) {
		held = held << 8 | p[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*out++ = letters[held >> (bits - 5) & 31];
		held &= (1U << bits) - 1;
	}
	if (bits > 0)
		*out++ = letters[held << (5 - bits) & 31];
	*out = '\0';
	return text;
}

const char *
totp_uri(struct arena *a, const char *issuer, const char *account, const char *base32)
{
	const char *from = url_encode(a, issuer);

	return arena_printf(a, "otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
	    from, url_encode(a, account), base32, from, TOTP_DIGITS, TOTP_PERIOD_S);
}
