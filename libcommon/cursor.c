/*
 * Keyset cursors; see cursor.h. Text: base64url(JSON array of keys) "." base64url(HMAC). The MAC
 * covers the scope too, so a cursor serves the list it came from and no other.
 */
#include "cursor.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "base64url.h"
#include "error.h"
#include "json.h"

#define MAC_BYTES crypto_auth_hmacsha256_BYTES

static unsigned char secret[crypto_auth_hmacsha256_KEYBYTES];

void
cursor_init(const char *key)
{
	if (key == NULL || key[0] == '\0')
		randombytes_buf(secret, sizeof(secret));
	else
		sha256_raw(key, strlen(key), secret);
}

/* Lengths first, so that no two pairs of scope and payload give the same bytes. */
static void
sign(const char *scope, const char *payload, size_t len, unsigned char mac[MAC_BYTES])
{
	crypto_auth_hmacsha256_state state;
	uint64_t scope_len = strlen(scope);

	crypto_auth_hmacsha256_init(&state, secret, sizeof(secret));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)&scope_len, sizeof(scope_len));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)scope, scope_len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)payload, len);
	crypto_auth_hmacsha256_final(&state, mac);
}

char *
cursor_make(struct arena *a, const char *scope, const char *const *keys, size_t nkeys)
{
	unsigned char mac[MAC_BYTES];
	struct buf b;
	char *text;

	buf_init(&b, a, 128);
	buf_add_char(&b, '[');
	for (size_t i = 0; i < nkeys; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_json(&b, keys[i]);
	}
	buf_add_char(&b, ']');
	sign(scope, b.text, b.len, mac);
	text = arena_printf(a, "%s.%s", base64url_text(a, b.text, b.len),
	    base64url_text(a, mac, sizeof(mac)));
	return strlen(text) <= CURSOR_TEXT_MAX ? text : NULL;
}

static int
take_keys(const json_t *array, const char **ret_keys, size_t nkeys)
{
	if (!json_is_array(array) || json_array_size(array) != nkeys)
		return -1;
	for (size_t i = 0; i < nkeys; i++) {
		json_t *key = json_array_get(array, i);
		if (!json_is_string(key) && !json_is_null(key))
			return -1;
	}
	for (size_t i = 0; i < nkeys; i++)
		ret_keys[i] = json_string_value(json_array_get(array, i));
	return 0;
}

int
cursor_read(struct arena *a, const char *scope, const char *cursor, const char **ret_keys,
    size_t nkeys, struct error *e)
{
	static const char text[] = "the cursor is not one of this list";
	size_t len = strnlen(cursor, CURSOR_TEXT_MAX + 1), payload_len, mac_len;
	const char *dot = memchr(cursor, '.', len);
	unsigned char mac[MAC_BYTES], *payload, *given;
	json_t *keys;

	if (len > CURSOR_TEXT_MAX || dot == NULL)
		return error_set(e, ERR_BAD_CURSOR, text);
	payload = base64url_bytes(a, cursor, (size_t)(dot - cursor), &payload_len);
	given = base64url_bytes(a, dot + 1, len - (size_t)(dot + 1 - cursor), &mac_len);
	if (payload == NULL || given == NULL || mac_len != MAC_BYTES)
		return error_set(e, ERR_BAD_CURSOR, text);
	sign(scope, (const char *)payload, payload_len, mac);
	if (sodium_memcmp(mac, given, MAC_BYTES) != 0)
		return error_set(e, ERR_BAD_CURSOR, text);
	keys = json_parse_strict(a, (const char *)payload, payload_len, true, e);
	if (keys == NULL || take_keys(keys, ret_keys, nkeys) < 0)
		return error_set(e, ERR_BAD_CURSOR, text);
	return 0;
}
