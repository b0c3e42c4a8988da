/* Random secrets that are handed out once and stored as a hash only. */
#ifndef NXT_SECRETS_H
#define NXT_SECRETS_H

struct arena;

/* 32 random bytes as base64url: 43 characters. */
char *secret_new(struct arena *a);
/* SHA-256, 64 hex digits: what the tables hold. */
const char *secret_hash(struct arena *a, const char *secret);
/*
 * `text` sealed so that only the holder of `secret` opens it: PostgreSQL's text form of a bytea.
 * NULL from secret_open: another secret, or touched.
 */
const char *secret_seal(struct arena *a, const char *secret, const char *text);
const char *secret_open(struct arena *a, const char *secret, const char *sealed);

#endif
