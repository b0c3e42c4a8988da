/* base64url; see base64url.h. libsodium's, whose time does not depend on what is in it. */
#include "base64url.h"

#include <sodium.h>

#include "arena.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

char *
base64url_text(struct arena *a, const void *p, size_t len)
{
	size_t size = sodium_base64_ENCODED_LEN(len, VARIANT);

	return sodium_bin2base64(arena_alloc(a, size), size, p, len, VARIANT);
}

unsigned char *
base64url_bytes(struct arena *a, const char *text, size_t len, size_t *ret_len)
{
	unsigned char *p = arena_alloc(a, len + 1);
	size_t n;

	if (sodium_base642bin(p, len + 1, text, len, NULL, &n, NULL, VARIANT) != 0)
		return NULL;
	*ret_len = n;
	return p;
}
