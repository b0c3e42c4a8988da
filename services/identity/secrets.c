/* Random secrets; see secrets.h. */
#include "secrets.h"

#include <sodium.h>
#include <string.h>

#include "arena.h"
#include "base64url.h"
#include "json.h"

#define SECRET_BYTES 32

char *
secret_new(struct arena *a)
{
	unsigned char bytes[SECRET_BYTES];
	char *text;

	randombytes_buf(bytes, sizeof(bytes));
	text = base64url_text(a, bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return text;
}

const char *
secret_hash(struct arena *a, const char *secret)
{
	char *hex = arena_alloc(a, 65);

	sha256_hex(secret, strlen(secret), hex);
	return hex;
}

/* The key is derived, so that it is no hash that stands in a table. */
static void
sealing_key(const char *secret, unsigned char key[crypto_secretbox_KEYBYTES])
{
	static const char purpose[] = "refresh token successor";

	crypto_generichash(key, crypto_secretbox_KEYBYTES, (const unsigned char *)secret,
	    strlen(secret), (const unsigned char *)purpose, sizeof(purpose) - 1);
}

const char *
secret_seal(struct arena *a, const char *secret, const char *text)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	size_t len = strlen(text), all = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + len;
	unsigned char *box = arena_alloc(a, all);
	char *hex = arena_alloc(a, 2 + 2 * all + 1);

	sealing_key(secret, key);
	randombytes_buf(box, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, (const unsigned char *)text, len,
	    box, key);
	sodium_memzero(key, sizeof(key));
	memcpy(hex, "\\x", 2);
	sodium_bin2hex(hex + 2, 2 * all + 1, box, all);
	return hex;
}

const char *
secret_open(struct arena *a, const char *secret, const char *sealed)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	size_t all = strlen(sealed) / 2, n = 0, overhead;
	unsigned char *box = arena_alloc(a, all + 1);
	char *text;
	int wrong;

	overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
	if (strncmp(sealed, "\\x", 2) != 0 ||
	    sodium_hex2bin(box, all, sealed + 2, strlen(sealed + 2), NULL, &n, NULL) != 0 ||
	    n < overhead)
		return NULL;
	text = arena_alloc(a, n - overhead + 1);
	sealing_key(secret, key);
	wrong = crypto_secretbox_open_easy((unsigned char *)text, box + crypto_secretbox_NONCEBYTES,
	    n - crypto_secretbox_NONCEBYTES, box, key);
	sodium_memzero(key, sizeof(key));
	return wrong ? NULL : text;
}
