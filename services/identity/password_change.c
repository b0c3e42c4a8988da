/*
 * Forgotten, reset and changed passwords. Each change ends every session of the account; asking
 * for a reset answers the same whether the address is known or not.
 */
#include <string.h>

#include "contacts.h"
#include "db.h"
#include "devices.h"
#include "dispatch.h"
#include "event.h"
#include "identity.h"
#include "link_requests.h"
#include "one_time_tokens.h"
#include "passwords.h"
#include "request.h"
#include "sessions.h"
#include "throttle.h"

const struct column password_forgot_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ 0 }
};
const struct column password_reset_body[] = {
	{ "token", COL_TEXT, COL_REQUIRED, .max = 200, .doc = "From the link in the mail." },
	{ "password", COL_TEXT, COL_REQUIRED | COL_ANY_TEXT, .min = PASSWORD_LENGTH_MIN, .max = PASSWORD_TYPED_MAX },
	{ 0 }
};
const struct column password_change_body[] = {
	{ "current_password", COL_TEXT, COL_REQUIRED | COL_ANY_TEXT, .max = PASSWORD_TYPED_MAX },
	{ "new_password", COL_TEXT, COL_REQUIRED | COL_ANY_TEXT, .min = PASSWORD_LENGTH_MIN,
	    .max = PASSWORD_TYPED_MAX },
	{ 0 }
};

/* The locked user's new password; all sessions end, also the one that asked. */
static int
put_password(struct request *rq, struct row *user, const char *hash)
{
	struct event_out *ev = row_event_as(rq, user, &EV_USER_CHANGED);

	event_set_bool(ev, "password_changed", true);
	row_set(user, "password_hash", hash);
	row_set_now(rq, user, "password_changed_at");
	if (row_update(rq, user) < 0 ||
	    sessions_end(rq, row_id(user), NULL, "PASSWORD_CHANGED") < 0 ||
	    one_time_tokens_end(rq, row_id(user)) < 0)
		return -1;
	return throttle_clear(rq, row_id(user));
}

/* ---- forgot ---- */

static int
forgot(struct request *rq, void *arg)
{
	if (link_request_add(rq, "RESET_PASSWORD", arg) < 0)
		return -1;
	return reply_json(rq, 202, json_pack("{s:s}", "status", "ACCEPTED"));
}

int
auth_password_forgot(struct request *rq)
{
	const char *email;

	if (email_take(rq, "email", &email) < 0 || unit_run(rq, forgot, (void *)email) < 0)
		return -1;
	link_requests_wake();
	return 0;
}

/* ---- reset ---- */

/* Who reads the mail is the owner, whose next sign-in no stranger's failures may delay. */
static int
reset(struct request *rq, void *arg)
{
	struct one_time_token token;
	const char *device_token;
	struct row *user;

	if (one_time_token_redeem(rq, "RESET_PASSWORD", body_text(rq, "token"), &token) < 0)
		return -1;
	user = row_load(rq, &users_resource, token.user_id, true);
	if (user == NULL)
		return -1;
	act_as_user(rq, user);
	if (put_password(rq, user, arg) < 0 || devices_forget(rq, row_id(user)) < 0 ||
	    device_remember(rq, row_id(user), NULL, &device_token) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s, s:s}", "status", row_text(user, "status"),
	    "device_token", device_token));
}

int
auth_password_reset(struct request *rq)
{
	const char *password = body_text(rq, "password"), *email, *hash;

	/* a wrong token is refused before a hash is computed for it */
	if (one_time_token_look(rq, "RESET_PASSWORD", body_text(rq, "token"), &email) < 0 ||
	    password_check(rq, "password", password, email) < 0 || password_hash(rq, password, &hash) < 0)
		return -1;
	return unit_run(rq, reset, (void *)hash);
}

/* ---- change ---- */

struct change {
	struct throttle throttle;
	const char *old_hash, *new_hash;
	bool is_right;
};

static int
refuse(struct request *rq, const struct change *c)
{
	if (throttle_failed(rq, &c->throttle) < 0)
		return -1;
	auth_failed(rq, rq->caller.user_id, "password", "bad_credentials",
	    c->throttle.own.failures);
	return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "the current password is wrong");
}

static int
change(struct request *rq, void *arg)
{
	struct change *c = arg;
	struct row *user;

	if (!c->is_right)
		return refuse(rq, c);
	user = row_load(rq, &users_resource, rq->caller.user_id, true);
	if (user == NULL)
		return -1;
	if (!password_is_still(user, c->old_hash))
		return fail(rq, ERR_CONFLICT, "the password was changed meanwhile");
	if (throttle_passed(rq, &c->throttle) < 0 || put_password(rq, user, c->new_hash) < 0)
		return -1;
	return reply_empty(rq);
}

int
auth_password_change(struct request *rq)
{
	const char *wanted = body_text(rq, "new_password");
	struct change c = { .throttle = { .user_id = rq->caller.user_id, .method = "password" } };
	struct db_result *r;

	r = db_one_or_fail(rq, ERR_BAD_TOKEN, "this account is gone",
	    "SELECT email, password_hash, lower(email) FROM users WHERE id = $1", DB(rq->caller.user_id));
	if (r == NULL || password_check(rq, "new_password", wanted, db_text(r, 0, 0)) < 0 ||
	    throttle_read(rq, db_text(r, 0, 2), session_proof(rq), &c.throttle) < 0)
		return -1;
	c.old_hash = db_text(r, 0, 1);
	if (throttle_take(rq, &c.throttle) < 0)
		return -1;
	if (password_verify(rq, c.old_hash, body_text(rq, "current_password"), &c.is_right) < 0 ||
	    (c.is_right && password_hash(rq, wanted, &c.new_hash) < 0))
		return throttle_undo(rq, &c.throttle);
	return unit_run(rq, change, &c);
}
