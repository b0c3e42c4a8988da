/* See secretbox.h. */
#include "secretbox.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "base64url.h"
#include "error.h"

#define NONCE crypto_secretbox_NONCEBYTES
#define MAC crypto_secretbox_MACBYTES

static struct secretbox_key token_key;

int
secretbox_key_init(struct secretbox_key *key, const char *option, const char *hex_key,
    struct error *e)
{
	unsigned char given[sizeof(key->bytes)];
	size_t n = 0;

	if (sodium_hex2bin(given, sizeof(given), hex_key, strlen(hex_key), NULL, &n, NULL) != 0 ||
	    n != sizeof(given))
		return error_set(e, ERR_BAD_REQUEST, "%s must be 64 hex digits", option);
	memcpy(key->bytes, given, sizeof(given));
	sodium_memzero(given, sizeof(given));
	key->is_set = true;
	return 0;
}

char *
secretbox_seal_with(const struct secretbox_key *key, struct arena *a, const char *text)
{
	size_t len = strlen(text);
	unsigned char *box = arena_alloc(a, NONCE + MAC + len);

	if (!key->is_set)
		abort();
	randombytes_buf(box, NONCE);
	crypto_secretbox_easy(box + NONCE, (const unsigned char *)text, len, box, key->bytes);
	return base64url_text(a, box, NONCE + MAC + len);
}

char *
secretbox_open_with(const struct secretbox_key *key, struct arena *a, const char *sealed)
{
	unsigned char *box, *text;
	size_t n;

	if (!key->is_set)
		abort();
	box = base64url_bytes(a, sealed, strlen(sealed), &n);
	if (box == NULL || n < NONCE + MAC)
		return NULL;
	text = arena_alloc(a, n - NONCE - MAC + 1);	/* zeroed: ends the string */
	if (crypto_secretbox_open_easy(text, box + NONCE, n - NONCE, box, key->bytes) != 0)
		return NULL;
	return (char *)text;
}

int
secretbox_init(const char *hex_key, struct error *e)
{
	return secretbox_key_init(&token_key, "TOKEN_KEY", hex_key, e);
}

char *
secretbox_seal(struct arena *a, const char *text)
{
	return secretbox_seal_with(&token_key, a, text);
}

char *
secretbox_open(struct arena *a, const char *sealed)
{
	return secretbox_open_with(&token_key, a, sealed);
}
