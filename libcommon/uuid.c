/*
 * UUIDs; see uuid.h. Version 7 by RFC 9562 §6.2 method 1: 48 bits of milliseconds, a counter of
 * 12 bits that starts in its lower half each millisecond, 62 random bits.
 *
 * The loop's thread alone makes ids, so the state needs no lock.
 */
#include "uuid.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"

/* Random bytes are fetched in bulk: one system call for 64 ids. */
void
uuid_random(void *out, size_t n)
{
	static unsigned char pool[512];
	static size_t left;

	if (left < n) {
		randombytes_buf(pool, sizeof(pool));
		left = sizeof(pool);
	}
	memcpy(out, pool + sizeof(pool) - left, n);
	memset(pool + sizeof(pool) - left, 0, n);
	left -= n;
}

/* Strictly increasing (ms, counter) pairs, whatever the wall clock does. */
static void
next_tick(uint64_t *ret_ms, unsigned *ret_counter)
{
	static uint64_t last_ms;
	static unsigned counter;
	uint64_t now = (uint64_t)(clock_wall_us() / 1000);

	if (now > last_ms) {
		last_ms = now;
		uuid_random(&counter, sizeof(counter));
		counter &= 0x7ff;
	} else if (++counter > 0xfff) {
		last_ms++;
		counter = 0;
	}
	*ret_ms = last_ms;
	*ret_counter = counter;
}

void
uuid_format(const uint8_t in[16], char out[UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[in[i] >> 4];
		*p++ = hex[in[i] & 15];
	}
	*p = '\0';
}

void
uuid_v7(char out[UUID_TEXT])
{
	uint8_t b[16];
	uint64_t ms;
	unsigned counter;

	next_tick(&ms, &counter);
	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | counter >> 8);
	b[7] = (uint8_t)counter;
	uuid_random(b + 8, 8);
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	uuid_format(b, out);
}

char *
uuid_new(struct arena *a)
{
	char *text = arena_alloc(a, UUID_TEXT);

	uuid_v7(text);
	return text;
}

void
uuid_v5(const char *ns, const char *name, char out[UUID_TEXT])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t space[16], digest[EVP_MAX_MD_SIZE];

	if (!uuid_parse(ns, space) || ctx == NULL || !EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) ||
	    !EVP_DigestUpdate(ctx, space, sizeof(space)) ||
	    !EVP_DigestUpdate(ctx, name, strlen(name)) || !EVP_DigestFinal_ex(ctx, digest, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
	digest[6] = (uint8_t)(0x50 | (digest[6] & 0x0f));
	digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
	uuid_format(digest, out);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_parse(const char *s, uint8_t out[16])
{
	uint8_t b[16];

	if (s == NULL)
		return false;
	for (int i = 0; i < 16; i++) {
		int high, low;
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return false;
		if ((high = hex_value(s[0])) < 0 || (low = hex_value(s[1])) < 0)
			return false;
		b[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	if (*s != '\0')
		return false;
	memcpy(out, b, sizeof(b));
	return true;
}

bool
uuid_is_valid(const char *s)
{
	uint8_t b[16];

	return uuid_parse(s, b);
}

int64_t
uuid_v7_ms(const uint8_t in[16])
{
	int64_t ms = 0;

	if (in[6] >> 4 != 7)
		return -1;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | in[i];
	return ms;
}
