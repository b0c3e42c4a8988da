/*
 * The keys that sign access tokens: ES256, one private JWK per file in SIGNING_KEYS_DIR.
 *
 * The newest signs; all are published, so that tokens of the one before stay good until they
 * expire. Keys exist in files only and are re-read when the folder changes.
 */
#ifndef NXT_SIGNING_KEYS_H
#define NXT_SIGNING_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access_claims;
struct arena;
struct error;
struct event_base;

/* Reads the folder (makes a first key where it is empty), looks again each second, feeds auth_use_jwks. */
int signing_keys_start(struct event_base *base, struct error *e);
/* The public halves, as /.well-known/jwks.json answers them. Valid until the next turn. */
const char *jwks_json(void);
/* A signed token (typ at+jwt) in the arena. */
char *access_token_sign(struct arena *a, const struct access_claims *claims);

/* ---- for the commands `keys rotate` and `keys list`; they need no signing_keys_start ---- */
struct signing_key_info {
	const char *kid;
	int64_t created_us;	/* wall clock */
	bool is_current;	/* signs new tokens */
};
/*
 * Makes a new current key and removes all but the newest two. The kids that were removed come as
 * a NULL-terminated list in the arena, so that signing_key.removed can be published.
 */
int keys_rotate(struct arena *a, const char **ret_new_kid, const char *const **ret_removed,
    struct error *e);
/* Newest first. */
int keys_list(struct arena *a, const struct signing_key_info **ret_keys, size_t *ret_count,
    struct error *e);

#endif
