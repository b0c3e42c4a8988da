/*
 * Signing up and confirming the address.
 *
 * Registration answers the same for a known and an unknown address, and works as long: both hash
 * a password and commit one event and one wish for a link. The mail is made after the answer.
 * Who names an address first need not be whose it is: each registration has a link of its own, and the one
 * whose link is followed says which password, number and kind of account there will be.
 */
#include <string.h>

#include "contacts.h"
#include "db.h"
#include "dispatch.h"
#include "event.h"
#include "identity.h"
#include "json.h"
#include "link_requests.h"
#include "one_time_tokens.h"
#include "passwords.h"
#include "phones.h"
#include "request.h"
#include "sessions.h"
#include "throttle.h"

static const char *const account_types[] = { "INDIVIDUAL", "COMPANY", NULL };

const struct column register_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ "phone", COL_TEXT, 0, .max = 40, .pattern = PHONE_PATTERN },
	{ "password", COL_TEXT, COL_REQUIRED | COL_ANY_TEXT, .min = PASSWORD_LENGTH_MIN, .max = PASSWORD_TYPED_MAX,
	    .doc = "8 to 256 characters, counted when composed (Unicode NFC); as typed there may be more." },
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

/* What the link of this registration carries. */
static const char *
registration_text(struct request *rq, const struct registration *r)
{
	json_t *said = json_pack("{s:s, s:s*, s:s}", "password_hash", r->password_hash, "phone", r->phone,
	    "account_type", body_text(rq, "account_type"));

	arena_own(rq->arena, said, (void (*)(void *))json_decref);
	return json_text(rq->arena, said);
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
	bool phone_is_taken;

	if (email_lock(rq, reg->email) < 0 || phone_claim(rq, reg->phone, NULL, &phone_is_taken) < 0)
		return -1;
	r = db_query(rq, "SELECT id FROM users WHERE lower(email) = lower($1)", DB(reg->email));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		auth_failed(rq, db_text(r, 0, 0), "register", "already_exists", 0);
	else if (insert_user(rq, reg, phone_is_taken) < 0)
		return -1;
	if (link_request_add_registration(rq, reg->email, registration_text(rq, reg)) < 0)
		return -1;
	return reply_json(rq, 202, json_pack("{s:s}", "status", "PENDING"));
}

int
auth_register(struct request *rq)
{
	struct registration reg = { 0 };
	const char *password = body_text(rq, "password");

	email_take_new(rq, "email", &reg.email);
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

/* ---- several registrations of one address: the one whose link is followed counts ---- */

/* NULL: what is stored is not what registration_text made. */
static const json_t *
registration_read(struct request *rq, const char *text)
{
	json_t *said = json_loads(text, 0, NULL);

	if (said == NULL) {
		fail(rq, ERR_INTERNAL, "a registration cannot be read");
		return NULL;
	}
	arena_own(rq->arena, said, (void (*)(void *))json_decref);
	return said;
}

int
registration_noted(struct request *rq, struct row *user, const char *registration)
{
	const json_t *said = registration_read(rq, registration);

	if (said == NULL)
		return -1;
	if (password_is_still(user, json_string_value(json_object_get(said, "password_hash"))))
		return 0;
	row_set(user, "password_hash", PASSWORD_NONE);
	return row_update(rq, user);
}

static int
put_registration(struct request *rq, struct row *user, const char *registration)
{
	const json_t *said = registration_read(rq, registration);
	const char *phone = said == NULL ? NULL : json_string_value(json_object_get(said, "phone"));
	bool is_taken;

	if (said == NULL || phone_claim(rq, phone, row_id(user), &is_taken) < 0)
		return -1;
	row_set(user, "phone", is_taken ? NULL : phone);
	row_set(user, "account_type", json_string_value(json_object_get(said, "account_type")));
	row_set(user, "password_hash", json_string_value(json_object_get(said, "password_hash")));
	row_set_now(rq, user, "password_changed_at");
	return 0;
}

/* ---- the address ---- */

/* A suspended account stays so; only with its address confirmed can it be reinstated. */
static int
confirm(struct request *rq, struct row *user)
{
	if (strcmp(row_text(user, "status"), "PENDING") == 0)
		return row_follow(rq, user, "activate");
	row_set_now(rq, user, "email_verified_at");
	return row_update(rq, user);
}

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
	if (!user_is_unconfirmed(user))
		return fail(rq, ERR_TOKEN_INVALID,
		    "this token is wrong, used or expired; ask for a new one");
	if (token.new_value != NULL && put_registration(rq, user, token.new_value) < 0)
		return -1;
	act_as_user(rq, user);
	if (confirm(rq, user) < 0)
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
