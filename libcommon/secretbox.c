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

static unsigned char key[crypto_secretbox_KEYBYTES];
static bool have_key;

int
secretbox_init(const char *hex_key, struct error *e)
{
	unsigned char given[sizeof(key)];
	size_t n = 0;

	if (sodium_hex2bin(given, sizeof(given), hex_key, strlen(hex_key), NULL, &n, NULL) != 0 ||
	    n != sizeof(given))
		return error_set(e, ERR_BAD_REQUEST, "TOKEN_KEY must be 64 hex digits");
	memcpy(key, given, sizeof(key));
	sodium_memzero(given, sizeof(given));
	have_key = true;
	return 0;
}

char *
secretbox_seal(struct arena *a, const char *text)
{
	size_t len = strlen(text), size = sodium_base64_ENCODED_LEN(NONCE + MAC + len, BASE64);
	unsigned char *box = arena_alloc(a, NONCE + MAC + len);

	if (!have_key)
		abort();
	randombytes_buf(box, NONCE);
	crypto_secretbox_easy(box + NONCE, (const unsigned char *)text, len, box, key);
	return sodium_bin2base64(arena_alloc(a, size), size, box, NONCE + MAC + len, BASE64);
}

char *
secretbox_open(struct arena *a, const char *sealed)
{
	size_t len = strlen(sealed), n;
	unsigned char *box = arena_alloc(a, len + 1), *text;

	if (!have_key)
		abort();
	if (sodium_base642bin(box, len, sealed, len, NULL, &n, NULL, BASE64) != 0 || n < NONCE + MAC)
		return NULL;
	text = arena_alloc(a, n - NONCE - MAC + 1);	/* zeroed: ends the string */
	if (crypto_secretbox_open_easy(text, box + NONCE, n - NONCE, box, key) != 0)
		return NULL;
	return (char *)text;
}
