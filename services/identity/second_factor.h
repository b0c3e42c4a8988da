/*
 * The second factor of an account: whether it has one, the secret that its owner's authenticator shares
 * with us, and the judgement of what the owner shows of it. Sealed at rest with a key of its own, TOTP_KEY.
 * Passkeys are judged by auth_passkey.c.
 */
#ifndef NXT_SECOND_FACTOR_H
#define NXT_SECOND_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "throttle.h"

struct error;
struct event_out;
struct event_type;
struct request;
struct row;
struct sign_in;

/* What somebody shows; exactly one of code and recovery_code. */
struct second_proof {
	const char *user_id;
	const char *code, *recovery_code;
	const char *proven;	/* as for throttle_read: of a device or a session; NULL: a stranger who knows the password */
	struct throttle throttle;
};

/* hex_key: 64 hex digits; -1 with the reason where it is none. */
int second_factor_init(const char *hex_key, struct error *e);

/* Puts a fresh, unconfirmed secret in place of an unconfirmed one. In base32, to be answered once. */
int totp_secret_make(struct request *rq, const char *user_id, const char **ret_base32);
/*
 * Takes a code of the unconfirmed secret as proof that the authenticator has it. ERR_CONFLICT
 * without such a secret; *ret_is_right false for a wrong code.
 */
int totp_secret_confirm(struct request *rq, const char *user_id, const char *code,
    bool *ret_is_right);
/* The secret goes; recovery codes stay while a passkey does. */
int totp_secret_remove(struct request *rq, const char *user_id);

/* What is asked for after a right password, each in the place of the other: a confirmed secret, a passkey. */
struct second_factors {
	bool totp, passkey;
};
int second_factors_read(struct request *rq, const char *user_id, struct second_factors *ret);
/* The same in SQL, whether there is any, of the user that the expression names. */
#define SECOND_FACTOR_IS_ON(user) \
	"(EXISTS (SELECT FROM user_totps WHERE user_id = " user " AND confirmed_at IS NOT NULL)" \
	" OR EXISTS (SELECT FROM user_passkeys WHERE user_id = " user "))"
/*
 * One of them has just been removed: recovery codes go with the last, and where staff must have a second factor
 * the tokens of one who has none end.
 */
int second_factor_removed(struct request *rq, const char *user_id);

/*
 * Counts the attempt before it is judged, apart from the guesses at the password: those who know
 * no password cannot make the owner wait here, nor those who do where the owner holds something. -1: ERR_TOO_MANY_REQUESTS. Outside a transaction.
 */
int second_factor_take(struct request *rq, struct second_proof *p);
/*
 * Uses the code up: its step, or the recovery code, is taken once, also of several at once. In the
 * transaction; wrong, used and not enabled are all `false`.
 */
int second_factor_judge(struct request *rq, const struct second_proof *p, bool *ret_is_right);
/* Wrong: counted, told, committed. Returns -1: ERR_BAD_CREDENTIALS. */
int second_factor_refuse(struct request *rq, const struct row *user, const struct second_proof *p);
/* Right: failures are forgotten, and the use of a recovery code is told. */
int second_factor_passed(struct request *rq, const struct row *user, const struct second_proof *p);

/* An event about the user's second factor, with the user's id and label. */
struct event_out *second_factor_event(struct request *rq, const struct row *user,
    const struct event_type *type);

/*
 * After a right password: 0 where it suffices. Else -1, ERR_SECOND_FACTOR_REQUIRED with a
 * challenge that /v1/auth/totp and, where there is a passkey, /v1/auth/passkey take; committed.
 */
int second_factor_ask(struct request *rq, struct row *user, const struct sign_in *how);
/* POST /v1/auth/step-up with a code in the place of the password. */
int second_factor_step_up(struct request *rq);

#endif
