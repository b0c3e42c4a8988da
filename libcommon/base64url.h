/* base64url without padding (RFC 4648, section 5): bytes as text, and back. One sequence of bytes has one text. */
#ifndef NXT_BASE64URL_H
#define NXT_BASE64URL_H

#include <stddef.h>

struct arena;

/* Characters that so many bytes take. */
#define BASE64URL_LEN(bytes) (((bytes) * 4 + 2) / 3)

char *base64url_text(struct arena *a, const void *p, size_t len);
/*
 * The bytes of a text of len characters; "" has none. NULL where it is not base64url: another character,
 * padding, a length that no bytes have, or bits at the end that belong to no byte.
 */
unsigned char *base64url_bytes(struct arena *a, const char *text, size_t len, size_t *ret_len);

#endif
