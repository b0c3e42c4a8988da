/*
 * Authenticated encryption of short secrets (XSalsa20-Poly1305). The one-time tokens of
 * auth.token_issued are sealed by identity and opened by notify with the shared TOKEN_KEY; what a
 * service keeps for itself it seals with a key of its own (…_with).
 */
#ifndef NXT_SECRETBOX_H
#define NXT_SECRETBOX_H

#include <stdbool.h>

struct arena;
struct error;

struct secretbox_key {
	unsigned char bytes[32];
	bool is_set;
};

/* The key as 64 hex digits, from the option of that name. -1: it is none; the text says so without showing it. */
int secretbox_key_init(struct secretbox_key *key, const char *option, const char *hex_key,
    struct error *e);
char *secretbox_seal_with(const struct secretbox_key *key, struct arena *a, const char *text);
char *secretbox_open_with(const struct secretbox_key *key, struct arena *a, const char *sealed);

/* TOKEN_KEY. The key as 64 hex digits. -1: it is none; the text says so without showing it. */
int secretbox_init(const char *hex_key, struct error *e);
/* base64url of nonce and box; two seals of one text differ. Aborts without a key. */
char *secretbox_seal(struct arena *a, const char *text);
/* The text; NULL where it was sealed with another key or touched. */
char *secretbox_open(struct arena *a, const char *sealed);

#endif
