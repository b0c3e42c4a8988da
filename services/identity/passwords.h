/*
 * Passwords: argon2id (RFC 9106) in the work pool, never on the loop.
 *
 * A password is Unicode, brought into one form first, so that two keyboards that type one word give
 * one hash: OpaqueString of RFC 8265, which maps every kind of space to U+0020 and then composes
 * (NFC). Not NFKC, the other form in use: it would make one of characters that people tell apart
 * ("²" and "2", full and half width) and so take from what they chose. Nothing else is changed or cut.
 */
#ifndef NXT_PASSWORDS_H
#define NXT_PASSWORDS_H

#include <stdbool.h>

struct request;
struct row;

#define PASSWORD_NONE "*"		/* in the place of a hash: no password opens the account */
#define PASSWORD_LENGTH_MIN 8	/* code points, counted in the one form */
#define PASSWORD_LENGTH_MAX 256
#define PASSWORD_TYPED_MAX (PASSWORD_LENGTH_MAX * 4)	/* the same as it may come, decomposed */

/* Cost of new hashes: passes over the memory, and memory in KiB. Defaults of the options: 2 and 19456. */
void passwords_init(unsigned passes, unsigned memory_kib);
/*
 * Refuses (fail_field) one that is too short, too long, among the most common, or just the
 * account's own e-mail address; no other rules. `email` may be NULL.
 */
int password_check(struct request *rq, const char *field, const char *password, const char *email);
/* *ret_hash: argon2id in its standard text form, in the request's arena. */
int password_hash(struct request *rq, const char *password, const char **ret_hash);
/*
 * hash NULL (no such account) takes as long as any other and never matches. -1 only where the
 * work pool is full.
 */
int password_verify(struct request *rq, const char *hash, const char *password, bool *ret_matches);
/* Made with other costs than today's: hash again at the next sign-in. */
bool password_needs_rehash(const char *hash);
/* Is this the hash that the locked user has? An erased one has none. */
bool password_is_still(const struct row *user, const char *hash);

#endif
