/*
 * Signing in and stepping up: proving who one is.
 *
 * argon2id runs before the transaction, so that no connection waits for it. An unknown account,
 * a wrong password and an account that is not confirmed are told apart by nothing.
 */
#include <string.h>

#include "contacts.h"
#include "db.h"
#include "devices.h"
#include "dispatch.h"
#include "identity.h"
#include "passkeys.h"
#include "passwords.h"
#include "request.h"
#include "second_factor.h"
#include "sessions.h"
#include "throttle.h"

static const char *const clients[] = { "UI", "API", NULL };

const struct column login_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ "password", COL_TEXT, COL_REQUIRED | COL_ANY_TEXT, .max = PASSWORD_TYPED_MAX },
	{ "client", COL_ENUM, 0, .values = clients, .initial = "API",
	    .doc = "What the caller is; stands in audit as the source." },
	{ "device", COL_TEXT, 0, .max = 100,
	    .doc = "What the caller calls itself in the list of sessions; who does is given a device_token." },
	{ "device_token", COL_TEXT, 0, .max = 100,
	    .doc = "From the last sign-in on this device: the failures of others do not delay it." },
	{ 0 }
};

const struct column step_up_body[] = {
	{ "password", COL_TEXT, COL_ANY_TEXT, .max = PASSWORD_TYPED_MAX },
	{ "code", COL_TEXT, 0, .min = 6, .max = 6,
	    .doc = "Of the authenticator, in the place of the password, where one is set up." },
	{ "passkey", COL_JSON, COL_OBJECT,
	    .doc = "What navigator.credentials.get() gave for /v1/auth/step-up/options: id, response." },
	{ 0 }
};

/* What was found out before the transaction. */
struct attempt {
	struct sign_in how;
	struct throttle throttle;
	const char *email, *user_id, *hash;	/* NULL user_id and hash: no such account */
	bool is_right;
};

static int
find_account(struct request *rq, struct attempt *at)
{
	struct db_result *r = db_query(rq, "SELECT asked.email, u.id, u.password_hash"
	    " FROM (SELECT lower($1) AS email) asked LEFT JOIN users u ON lower(u.email) = asked.email",
	    DB(at->email));
	const char *proof;

	if (r == NULL)
		return -1;
	at->user_id = db_text(r, 0, 1);
	at->hash = db_text(r, 0, 2);
	/* asked for an unknown account too, so that both take as long */
	if (device_proof(rq, at->user_id, &at->how, &proof) < 0)
		return -1;
	at->throttle.user_id = at->user_id;
	at->throttle.method = at->how.method;
	return throttle_read(rq, db_text(r, 0, 0), proof, &at->throttle);
}

static int
refuse(struct request *rq, struct attempt *at)
{
	if (throttle_failed(rq, &at->throttle) < 0)
		return -1;
	auth_failed(rq, at->user_id, at->how.method, "bad_credentials", at->throttle.own.failures);
	return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "e-mail or password is wrong");
}

struct login {
	struct attempt attempt;
	const char *new_hash;	/* parameters have risen since the old one; else NULL */
};

static int
sign_in(struct request *rq, void *arg)
{
	struct login *login = arg;
	struct attempt *at = &login->attempt;
	struct row *user;

	if (!at->is_right)
		return refuse(rq, at);
	user = row_load(rq, &users_resource, at->user_id, true);
	if (user == NULL)
		return -1;
	if (user_is_unconfirmed(user) ||
	    !password_is_still(user, at->hash))
		return refuse(rq, at);
	act_as_user(rq, user);
	rq->source_type = at->how.client;
	if (login->new_hash != NULL)
		row_set(user, "password_hash", login->new_hash);
	if (throttle_passed(rq, &at->throttle) < 0 || second_factor_ask(rq, user, &at->how) < 0)
		return -1;
	return session_open(rq, user, &at->how);
}

int
auth_login(struct request *rq)
{
	struct login login = { .attempt.how.method = "password" };
	struct attempt *at = &login.attempt;
	const char *password = body_text(rq, "password");

	at->how.client = body_has(rq, "client") ? body_text(rq, "client") : "API";
	at->how.device = body_text(rq, "device");
	if (email_take(rq, "email", &at->email) < 0 ||
	    find_account(rq, at) < 0 || throttle_take(rq, &at->throttle) < 0)
		return -1;
	if (password_verify(rq, at->hash, password, &at->is_right) < 0)
		return throttle_undo(rq, &at->throttle);
	if (at->is_right && password_needs_rehash(at->hash) &&
	    password_hash(rq, password, &login.new_hash) < 0)
		return throttle_undo(rq, &at->throttle);
	return unit_run(rq, sign_in, &login);
}

/* ---- step-up ---- */

static int
confirm(struct request *rq, void *arg)
{
	struct attempt *at = arg;

	if (!at->is_right)
		return refuse(rq, at);
	return throttle_passed(rq, &at->throttle) < 0 ? -1 : session_stepped_up(rq, "password");
}

/* The caller's own password, a code or a passkey, right now: opens what needs a fresh proof for STEP_UP_S. */
int
auth_step_up(struct request *rq)
{
	struct attempt at = { .how.method = "step_up", .user_id = rq->caller.user_id,
	    .throttle = { .user_id = rq->caller.user_id, .method = "step_up" } };
	struct db_result *r;

	if ((body_text(rq, "password") != NULL) + (body_text(rq, "code") != NULL) +
	    json_is_object(body_json(rq, "passkey")) != 1)
		return fail_field(rq, "password", "required", "send a password, a code or a passkey, one of them");
	if (json_is_object(body_json(rq, "passkey")))
		return passkey_step_up(rq);
	if (body_text(rq, "code") != NULL)
		return second_factor_step_up(rq);
	r = db_one_or_fail(rq, ERR_BAD_TOKEN, "this account is gone",
	    "SELECT lower(email), password_hash FROM users WHERE id = $1", DB(rq->caller.user_id));
	if (r == NULL)
		return -1;
	at.hash = db_text(r, 0, 1);
	if (throttle_read(rq, db_text(r, 0, 0), session_proof(rq), &at.throttle) < 0 ||
	    throttle_take(rq, &at.throttle) < 0)
		return -1;
	if (password_verify(rq, at.hash, body_text(rq, "password"), &at.is_right) < 0)
		return throttle_undo(rq, &at.throttle);
	return unit_run(rq, confirm, &at);
}
