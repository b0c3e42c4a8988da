/*
 * Cursors, in three ways by the first byte. F: the rest is a cursor, which must be refused, since
 * nobody but us can sign. S: the rest is a payload that carries a right signature, as if the key had
 * leaked. Else: scope and two keys with 0xff between; the cursor made of them gives them back, and
 * neither another scope nor any change of one character does.
 */
#include "fuzz.h"

#include <sodium.h>

#include "base64url.h"
#include "cursor.h"

#define KEY "the key of the fuzzer"

static void
forged(struct arena *a, const char *text)
{
	const char *keys[2];
	struct error e;

	hold(cursor_read(a, "scope", text, keys, 2, &e) == -1);
	hold_refusal(&e, ERR_BAD_CURSOR);
}

/* The bytes that cursor.c signs: length of the scope, scope, payload. */
static void
signed_by_us(struct arena *a, const uint8_t *payload, size_t len)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES], secret[32];
	uint64_t scope_len = 5;
	crypto_auth_hmacsha256_state s;
	const char *keys[2] = { NULL };
	struct error e;

	sha256_raw(KEY, strlen(KEY), secret);
	crypto_auth_hmacsha256_init(&s, secret, sizeof(secret));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)&scope_len, sizeof(scope_len));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)"scope", 5);
	crypto_auth_hmacsha256_update(&s, payload, len);
	crypto_auth_hmacsha256_final(&s, mac);
	if (cursor_read(a, "scope", arena_printf(a, "%s.%s", base64url_text(a, payload, len),
	    base64url_text(a, mac, sizeof(mac))), keys, 2, &e) < 0)
		hold_refusal(&e, ERR_BAD_CURSOR);
	else
		for (int i = 0; i < 2; i++)
			hold(keys[i] == NULL || utf8_is_valid(keys[i], strlen(keys[i])));
}

static void
there_and_back(struct arena *a, const uint8_t *data, size_t len)
{
	const char *read[2], *scope = take_until(a, &data, &len, 0xff, NULL), *made[2];
	size_t at = len > 0 ? data[len - 1] : 0;
	struct error e;
	char *cursor;

	for (int i = 0; i < 2; i++) {
		made[i] = len > 0 ? take_until(a, &data, &len, 0xff, NULL) : NULL;
		if (made[i] != NULL && !utf8_is_valid(made[i], strlen(made[i])))
			return;
	}
	if ((cursor = cursor_make(a, scope, made, 2)) == NULL)
		return;
	hold(cursor_read(a, scope, cursor, read, 2, &e) == 0);
	for (int i = 0; i < 2; i++)
		hold(made[i] == NULL ? read[i] == NULL : read[i] != NULL && strcmp(made[i], read[i]) == 0);
	hold(cursor_read(a, arena_printf(a, "%s ", scope), cursor, read, 2, &e) == -1);
	at %= strlen(cursor);
	cursor[at] = cursor[at] == 'A' ? 'B' : 'A';
	hold(cursor_read(a, scope, cursor, read, 2, &e) == -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();

	cursor_init(KEY);
	if (len > 1 && data[0] == 'F')
		forged(a, arena_strndup(a, (const char *)data + 1, len - 1));
	else if (len > 1 && data[0] == 'S')
		signed_by_us(a, data + 1, len - 1);
	else
		there_and_back(a, data, len);
	arena_free(a);
	return 0;
}
