/* See secretbox.h. */
#include "secretbox.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
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
	size_t len = strlen(text), size = sodium_base64_ENCODED_LEN(NONCE + MAC + len, BASE64);
	unsigned char *box = arena_alloc(a, NONCE + MAC + len);

	if (!key->is_set)
		abort();
	randombytes_buf(box, NONCE);
	crypto_secretbox_easy(box + NONCE, (const unsigned char *)text, len, box, key->bytes);
	return sodium_bin2base64(arena_alloc(a, size), size, box, NONCE + MAC + len, BASE64);
}

char *
secretbox_open_with(const struct secretbox_key *key, struct arena *a, const char *sealed)
{
	size_t len = strlen(sealed), n;
	unsigned char *box = arena_alloc(a, len + 1), *text;

	if (!key->is_set)
		abort();
	if (sodium_base642bin(box, len, sealed, len, NULL, &n, NULL, BASE64) != 0 || n < NONCE + MAC)
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
