/*
 * The keys that sign access tokens: one private ES256 JWK per file in SIGNING_KEYS_DIR, made here
 * where there is none. All are published, of more than a dozen the newest; one signs.
 *
 * A key signs only after it has been published for 90 s, longer than any daemon takes to fetch the
 * set again, unless there is no older one. Replicas share the folder and look for changes each second.
 */
#ifndef NXT_SIGNING_KEYS_H
#define NXT_SIGNING_KEYS_H

struct access_claims;
struct arena;
struct error;
struct event_base;

/* Loads the folder, made (0700) with a first key where missing. base NULL: a command, no watching. */
int signing_keys_open(struct event_base *base, const char *dir, struct error *e);
/* The same for a command that only looks: makes nothing; -1 where there is no key. */
int signing_keys_read(const char *dir, struct error *e);
void signing_keys_close(void);
/* The public set, as /.well-known/jwks.json shows it; valid until the next turn. */
const char *jwks_json(void);
/*
 * Makes a new key, which will sign after 90 s, and deletes those that were replaced more than an
 * hour ago, since their last tokens have long expired. Returns the new kid in the arena, or NULL:
 * with ERR_CONFLICT where there are as many as can be published.
 */
char *keys_rotate(struct arena *a, struct error *e);
/* Deletes a key at once (it leaked); its tokens die when the event signing_key.removed is published. */
int keys_remove(const char *kid, struct error *e);
/* Lines "kid<TAB>made<TAB>signing|published", oldest first. */
char *keys_list(struct arena *a);
/* A signed token: ES256, typ at+jwt, with iss, aud and a fresh jti. Times as the claims say. */
char *access_token_sign(struct arena *a, const struct access_claims *claims);

#endif
