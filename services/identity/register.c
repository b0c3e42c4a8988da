/*
 * Signing up and confirming the address.
 *
 * Registration answers the same for a known and an unknown address, and works as long: both hash
 * a password and commit one event and one wish for a link. The mail is made after the answer.
 */
#include <string.h>

#include "contacts.h"
#include "db.h"
#include "dispatch.h"
#include "event.h"
#include "identity.h"
#include "link_requests.h"
#include "one_time_tokens.h"
#include "passwords.h"
#include "request.h"
#include "sessions.h"
#include "throttle.h"

static const char *const account_types[] = { "INDIVIDUAL", "COMPANY", NULL };

const struct column register_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ "phone", COL_TEXT, 0, .max = 40, .pattern = PHONE_PATTERN },
	{ "password", COL_TEXT, COL_REQUIRED, .min = PASSWORD_LENGTH_MIN, .max = PASSWORD_TYPED_MAX },
	{ "account_type", COL_ENUM, COL_REQUIRED, .values = account_types },
	{ 0 }
};
const struct column verify_email_body[] = {
	{ "token", COL_TEXT, COL_REQUIRED, .max = 200, .doc = "From the link in the mail." },
	{ 0 }
};
const struct column resend_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ 0 }
};

struct registration {
	const char *email, *phone, *password_hash;
};

/* Two registrations of one address or number at once: the second waits and finds the first. */
static int
lock_contacts(struct request *rq, const struct registration *r)
{
	if (db_exec(rq, "SELECT pg_advisory_xact_lock(hashtextextended('email:' || lower($1), 0))",
	    DB(r->email)) < 0)
		return -1;
	if (r->phone == NULL)
		return 0;
	return db_exec(rq, "SELECT pg_advisory_xact_lock(hashtextextended('phone:' || $1, 0))",
	    DB(r->phone));
}

/* A number that another account holds is left out: saying so would tell who is here. */
static int
insert_user(struct request *rq, const struct registration *r, bool phone_is_taken)
{
	struct row *user = row_new(rq, &users_resource);

	act_as_user(rq, user);
	row_set(user, "email", r->email);
	row_set(user, "phone", phone_is_taken ? NULL : r->phone);
	row_set(user, "password_hash", r->password_hash);
	row_set(user, "account_type", body_text(rq, "account_type"));
	row_set_now(rq, user, "password_changed_at");
	return row_insert(rq, user);
}

static int
register_account(struct request *rq, void *arg)
{
	const struct registration *reg = arg;
	struct db_result *r;

	if (lock_contacts(rq, reg) < 0)
		return -1;
	r = db_query(rq, "SELECT (SELECT id FROM users WHERE lower(email) = lower($1)),"
	    " EXISTS (SELECT FROM users WHERE phone = $2)", DB(reg->email, reg->phone));
	if (r == NULL)
		return -1;
	if (db_text(r, 0, 0) != NULL)
		auth_failed(rq, db_text(r, 0, 0), "register", "already_exists", 0);
	else if (insert_user(rq, reg, db_bool(r, 0, 1)) < 0)
		return -1;
	if (link_request_add(rq, "VERIFY_EMAIL", reg->email) < 0)
		return -1;
	return reply_json(rq, 202, json_pack("{s:s}", "status", "PENDING"));
}

int
auth_register(struct request *rq)
{
	struct registration reg = { 0 };
	const char *password = body_text(rq, "password");

	email_take(rq, "email", &reg.email);
	phone_take(rq, "phone", &reg.phone);
	if (password_check(rq, "password", password, reg.email) < 0 || rq->problem.code != ERR_NONE)
		return -1;
	if (password_hash(rq, password, &reg.password_hash) < 0)
		return -1;
	if (unit_run(rq, register_account, &reg) < 0)
		return -1;
	link_requests_wake();
	return 0;
}

/* ---- the address ---- */

int
auth_verify_email(struct request *rq)
{
	struct one_time_token token;
	struct row *user;

	if (one_time_token_redeem(rq, "VERIFY_EMAIL", body_text(rq, "token"), &token) < 0)
		return -1;
	user = row_load(rq, &users_resource, token.user_id, true);
	if (user == NULL)
		return -1;
	if (strcmp(row_text(user, "status"), "PENDING") != 0)
		return fail(rq, ERR_TOKEN_INVALID,
		    "this token is wrong, used or expired; ask for a new one");
	act_as_user(rq, user);
	if (row_follow(rq, user, "activate") < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s}", "status", row_text(user, "status")));
}

static int
resend(struct request *rq, void *arg)
{
	if (link_request_add(rq, "VERIFY_EMAIL", arg) < 0)
		return -1;
	return reply_json(rq, 202, json_pack("{s:s}", "status", "PENDING"));
}

int
auth_resend_verification(struct request *rq)
{
	const char *email;

	if (email_take(rq, "email", &email) < 0 || unit_run(rq, resend, (void *)email) < 0)
		return -1;
	link_requests_wake();
	return 0;
}
