/*
 * Passwords: argon2id in the work pool, never on the loop, and the rules for new ones.
 *
 * Text is NFC-normalised before it is hashed or compared. Parameters are options, so a hash may
 * be older than they are.
 */
#ifndef NXT_PASSWORDS_H
#define NXT_PASSWORDS_H

#include <stdbool.h>

struct request;

/* Is it a fit new password? Refuses with fail_field(field): too_short, too_long, too_common. */
int password_check(struct request *rq, const char *field, const char *password);
/* In libsodium's text form, in the arena. -1: ERR_OVERLOADED. Parks the fiber. */
int password_hash(struct request *rq, const char *password, const char **ret_hash);
/*
 * hash NULL is an account that does not exist: takes as long as a real one and gives false.
 * -1: ERR_OVERLOADED. Parks the fiber.
 */
int password_verify(struct request *rq, const char *hash, const char *password, bool *ret_ok);
/* Made with other parameters than today's. */
bool password_needs_rehash(const char *hash);

#endif
