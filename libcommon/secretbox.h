/*
 * Authenticated encryption of short secrets between services (XSalsa20-Poly1305): the one-time
 * tokens of auth.token_issued, sealed by identity, opened by notify, with the shared TOKEN_KEY.
 */
#ifndef NXT_SECRETBOX_H
#define NXT_SECRETBOX_H

struct arena;
struct error;

/* The key as 64 hex digits. -1: it is none; the text says so without showing it. */
int secretbox_init(const char *hex_key, struct error *e);
/* base64url of nonce and box; two seals of one text differ. Aborts without a key. */
char *secretbox_seal(struct arena *a, const char *text);
/* The text; NULL where it was sealed with another key or touched. */
char *secretbox_open(struct arena *a, const char *sealed);

#endif
