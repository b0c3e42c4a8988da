/* Users: the accounts themselves. Who signs up is register.c's, what they may do user_access.c's. */
#include <string.h>

#include "clock.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "sessions.h"
#include "user_access.h"

static const char *const account_types[] = { "INDIVIDUAL", "COMPANY", NULL };
static const char *const statuses[] = { "ACTIVE", "PENDING", "SUSPENDED", NULL };

static const struct column user_columns[] = {
	COLUMN_ID,
	{ "email", COL_EMAIL, COL_READONLY | COL_REQUIRED | COL_PRIVATE | COL_PERSONAL | COL_FILTER |
	    COL_SORT | COL_SEARCH, .doc = "Changed by POST /v1/me/email and the link it sends." },
	{ "phone", COL_PHONE, COL_READONLY | COL_PRIVATE | COL_PERSONAL | COL_FILTER,
	    .doc = "E.164; changed by POST /v1/me/phone." },
	{ "password_hash", COL_TEXT, COL_SECRET | COL_READONLY },
	{ "account_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = account_types },
	{ "status", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = statuses },
	{ "last_login_at", COL_TIME, COL_READONLY | COL_PRIVATE | COL_FILTER | COL_SORT },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "access_epoch", COL_INT, COL_READONLY | COL_PRIVATE, .initial = "1",
	    .doc = "Grows when what the user may do changes; older access tokens are stale." },
	COLUMN_DISPLAY_NAME(COL_PERSONAL | COL_SEARCH),
	{ "email_verified_at", COL_TIME, COL_READONLY | COL_PRIVATE },
	{ "email_unreachable_at", COL_TIME, COL_READONLY | COL_PRIVATE | COL_FILTER,
	    .doc = "Set when a mail to the address bounced for good." },
	{ "password_changed_at", COL_TIME, COL_READONLY | COL_PRIVATE },
	{ "suspended_reason", COL_TEXT, COL_READONLY | COL_PRIVATE },
	{ "suspended_until", COL_TIME, COL_READONLY | COL_PRIVATE,
	    .doc = "As announced; a suspension is lifted by hand." },
	{ "erased_at", COL_TIME, COL_READONLY | COL_PRIVATE },
	{ 0 }
};

static const struct column suspend_body[] = {
	{ "reason", COL_TEXT, COL_REQUIRED, .max = 500, .doc = "Told to the user." },
	{ "until", COL_TIME, 0, .doc = "Announced to the user." },
	{ 0 }
};
static const struct column reinstate_body[] = {
	{ "reason", COL_TEXT, 0, .max = 500 },
	{ 0 }
};

/*
 * Holders of the role that let one in now: accounts that are ACTIVE, the role in force. The lock is
 * for whoever judges by them, so that two who each leave the other one do not both go.
 */
#define ADMINISTRATORS_IN_FORCE \
	" FROM roles r JOIN user_roles ur ON ur.role_id = r.id JOIN users u ON u.id = ur.user_id" \
	" JOIN LATERAL roles_in_force(u.id) f ON f.role_id = r.id" \
	" WHERE r.key = 'administrator' AND u.status = 'ACTIVE'"

static int
lock_administrators(struct request *rq)
{
	return db_lock(rq, "administrators");
}

/* Who holds it for a while is nobody who remains: no guard asks when that while is over. */
int
administrators_must_remain(struct request *rq, const char *user_id)
{
	struct db_result *r;

	if (lock_administrators(rq) < 0)
		return -1;
	r = db_query(rq, "SELECT count(*) FILTER (WHERE u.id = $1),"
	    " count(*) FILTER (WHERE u.id <> $1 AND f.expires_at IS NULL)" ADMINISTRATORS_IN_FORCE, DB(user_id));
	if (r == NULL)
		return -1;
	if (db_int(r, 0, 0) > 0 && db_int(r, 0, 1) == 0)
		return fail(rq, ERR_CONFLICT, "this is the only administrator in force; grants with an end do not count");
	return 0;
}

int
administrator_in_force(struct request *rq, bool *ret_there)
{
	return lock_administrators(rq) < 0 ? -1 :
	    db_query_bool(rq, "SELECT EXISTS (SELECT" ADMINISTRATORS_IN_FORCE ")", DB0, ret_there);
}

int
user_is_active(struct request *rq, const char *user_id, bool *ret_active)
{
	struct db_result *r = db_query(rq, "SELECT status = 'ACTIVE' AND erased_at IS NULL FROM users WHERE id = $1"
	    " FOR NO KEY UPDATE", DB(user_id));

	if (r == NULL)
		return -1;
	*ret_active = db_rows(r) == 1 && db_bool(r, 0, 0);
	return 0;
}

/* Nobody has followed a link sent to its address. Accounts that are ACTIVE are never asked. */
bool
user_is_unconfirmed(const struct row *user)
{
	return strcmp(row_text(user, "status"), "PENDING") == 0 ||
	    (strcmp(row_text(user, "status"), "SUSPENDED") == 0 && !row_is_set(user, "email_verified_at"));
}

/* Erasure leaves the status as it was; nothing is left that a change of it could concern. */
static int
user_must_not_be_erased(struct request *rq, struct row *user)
{
	return row_is_set(user, "erased_at") ? fail(rq, ERR_CONFLICT, "this account was erased by its owner") : 0;
}

static int
user_activate(struct request *rq, struct row *user)
{
	row_set_now(rq, user, "email_verified_at");
	return 0;
}

/* A fresh sign-in afterwards gives a token that reads one's own data and no more. */
static int
user_suspend(struct request *rq, struct row *user)
{
	const char *until = body_text(rq, "until");
	struct event_out *ev = row_event(rq, user);

	if (user_must_not_be_erased(rq, user) < 0 || administrators_must_remain(rq, row_id(user)) < 0)
		return -1;
	row_set(user, "suspended_reason", body_text(rq, "reason"));
	row_set(user, "suspended_until", until);
	event_set_text(ev, "reason", body_text(rq, "reason"));
	if (until != NULL)
		event_set_time(ev, "until", clock_parse(until));
	if (sessions_end(rq, row_id(user), NULL, "SUSPENDED") < 0)
		return -1;
	return user_access_moves(rq, user, "SUSPENDED");
}

static int
user_reinstate(struct request *rq, struct row *user)
{
	if (user_must_not_be_erased(rq, user) < 0)
		return -1;
	if (user_is_unconfirmed(user))
		return fail(rq, ERR_CONFLICT, "the address of this account was never confirmed;"
		    " its owner can do so by the link of POST /v1/auth/verify-email/resend");
	row_set(user, "suspended_reason", NULL);
	row_set(user, "suspended_until", NULL);
	event_set_text(row_event(rq, user), "reason", body_text(rq, "reason"));
	return user_access_moves(rq, user, "ACTIVE");
}

#define NOT_ONESELF(p) { .who = WHO_STAFF, .permission = (p), .conditions = NOT_OWNER }

static const struct transition user_transitions[] = {
	/* verb        from         to           who                                event                guard */
	{ NULL,        NULL,        "PENDING",   ANYONE,                            &EV_USER_REGISTERED, NULL,
	    .doc = "POST /v1/auth/register" },
	{ "activate",  "PENDING",   "ACTIVE",    SYS,                               &EV_USER_ACTIVATED,  user_activate,
	    .doc = "POST /v1/auth/verify-email with the token of the mail" },
	{ "suspend",   "PENDING",   "SUSPENDED", NOT_ONESELF("users.suspend"),      &EV_USER_SUSPENDED,  user_suspend,
	    .body = suspend_body, .doc = "Suspend the account and end its sessions." },
	{ "suspend",   "ACTIVE",    "SUSPENDED", NOT_ONESELF("users.suspend"),      &EV_USER_SUSPENDED,  user_suspend,
	    .body = suspend_body, .doc = "Suspend the account and end its sessions." },
	{ "reinstate", "SUSPENDED", "ACTIVE",    NOT_ONESELF("users.reinstate"),    &EV_USER_REINSTATED, user_reinstate,
	    .body = reinstate_body, .doc = "Lift the suspension of an account whose address is confirmed." },
	{ 0 }
};

const struct resource users_resource = {
	.table = "users", .noun = "user", .module_key = "users", .label = "email", .recipient = "id",
	.columns = user_columns, .transitions = user_transitions,
	.owner = "t.id = :me",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("users.read"), .update = OWNER_OR("users.update"),
	.on_update = user_must_not_be_erased,
	.created = &EV_USER_REGISTERED, .changed = &EV_USER_CHANGED,
	.on_republish = user_access_republish,
	.doc = "Accounts. The signed-in caller's own is /v1/me.",
};

/* ---- email.bounced ---- */

int
on_email_bounced(struct request *rq, const struct event_in *ev)
{
	const char *user_id = event_text(ev, "user_id"), *address = event_text(ev, "to_email");
	struct row *user;

	if (address == NULL || !event_bool(ev, "permanent"))
		return 0;
	user = row_load_if_there(rq, &users_resource, user_id);
	if (user == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (strcmp(row_text(user, "email"), address) != 0 || row_is_set(user, "email_unreachable_at"))
		return 0;
	row_set_now(rq, user, "email_unreachable_at");
	return row_update(rq, user);
}
