/*
 * Roles of users: asked for, decided by a second person, taken away, run out.
 *
 * EXTERNAL roles may be granted by policy at once; INTERNAL ones never, and they make the holder
 * an employee. Nobody decides about themselves, staff included.
 */
#include "user_roles.h"

#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "employees.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "user_access.h"

#define EXPIRED_PER_RUN 200

static const char *const statuses[] = { "PENDING", "APPROVED", "REJECTED", NULL };

static const struct column user_role_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER },
	{ "role_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "roles" },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER | COL_SORT, .values = statuses },
	{ "approved_at", COL_TIME, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "expires_at", COL_TIME, COL_READONLY | COL_FILTER, .doc = "A time-bound grant ends here." },
	{ "requested_by_user_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "decided_by_user_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "null where policy or a clock decided." },
	{ "decided_at", COL_TIME, COL_READONLY,
	    .doc = "Asking again has to wait from here; null where it ended without anybody's refusal." },
	{ "remarks", COL_TEXT, COL_READONLY, .doc = "Told to the user." },
	{ 0 }
};

static const struct column approve_body[] = {
	{ "remarks", COL_TEXT, 0, .max = 500 },
	{ "expires_at", COL_TIME, 0, .doc = "Ends the grant by clock." },
	{ 0 }
};
static const struct column remarks_body[] = {
	{ "remarks", COL_TEXT, COL_REQUIRED, .max = 500, .doc = "Told to the user." },
	{ 0 }
};
const struct column user_role_request_body[] = {
	{ "role_key", COL_TEXT, 0, .max = 60 },
	{ "role_id", COL_UUID, 0, .doc = "Instead of role_key." },
	{ "user_id", COL_UUID, 0, .doc = "For somebody else; needs user-roles.create." },
	{ 0 }
};

/* ---- events ---- */

static struct row *
role_of(struct request *rq, const struct row *user_role)
{
	return row_load(rq, &roles_resource, row_text(user_role, "role_id"), false);
}

static void
fill_role(struct event_out *ev, const struct row *role)
{
	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_text(ev, "role_name", row_text(role, "name"));
	event_set_text(ev, "audience", row_text(role, "audience"));
	event_label(ev, row_text(role, "name"));
}

static void
fill_decision(struct event_out *ev, const struct row *role, const char *decision, const char *cause)
{
	fill_role(ev, role);
	event_set_text(ev, "decision", decision);
	event_set_text(ev, "cause", cause);
}

/* What each decision writes beside the status. */
static void
put_decision(struct request *rq, struct row *user_role)
{
	row_set_now(rq, user_role, "decided_at");
	row_set(user_role, "decided_by_user_id",
	    rq->actor == ACTOR_USER || rq->actor == ACTOR_EMPLOYEE ? rq->caller.user_id : NULL);
	row_set(user_role, "remarks", body_text(rq, "remarks"));
}

static bool
is_internal(const struct row *role)
{
	return strcmp(row_text(role, "audience"), "INTERNAL") == 0;
}

/* ---- guards ---- */

static int
holder_must_be_active(struct request *rq, const struct row *user_role)
{
	bool is_active;

	if (user_is_active(rq, row_text(user_role, "user_id"), &is_active) < 0)
		return -1;
	return is_active ? 0 : fail(rq, ERR_CONFLICT, "the account that it is for is not active");
}

static int
user_role_approve(struct request *rq, struct row *user_role)
{
	struct row *role = role_of(rq, user_role);
	const char *expires_at = body_text(rq, "expires_at");

	if (role == NULL)
		return -1;
	if (is_internal(role) && caller_is(rq, row_text(user_role, "requested_by_user_id")))
		return fail(rq, ERR_OWN_SUBMISSION, "who asked for an internal role does not grant it");
	if (!row_bool(role, "is_active"))
		return fail(rq, ERR_CONFLICT, "the role %s is not active", row_text(role, "key"));
	if (expires_at != NULL && clock_parse(expires_at) <= rq->now_us)
		return fail_field(rq, "expires_at", "in_the_past", "a time to come");
	if (holder_must_be_active(rq, user_role) < 0)
		return -1;
	if (is_internal(role) && employee_ensure(rq, row_text(user_role, "user_id")) < 0)
		return -1;
	put_decision(rq, user_role);
	row_set(user_role, "expires_at", expires_at);
	fill_decision(row_event(rq, user_role), role, "APPROVED", "DECISION");
	return unit_later(rq, user_access_changed, row_text(user_role, "user_id"));
}

static int
user_role_reject(struct request *rq, struct row *user_role)
{
	struct row *role = role_of(rq, user_role);

	if (role == NULL)
		return -1;
	put_decision(rq, user_role);
	fill_decision(row_event(rq, user_role), role, "REJECTED", "DECISION");
	return 0;
}

/* What ends by itself: nobody refused it, so asking again has nothing to wait for. */
static void
put_end(struct row *user_role)
{
	row_set(user_role, "decided_at", NULL);
	row_set(user_role, "decided_by_user_id", NULL);
	row_set(user_role, "remarks", NULL);
}

static int
take_away(struct request *rq, struct row *user_role, const char *cause)
{
	struct row *role = role_of(rq, user_role);
	struct event_out *ev = row_event(rq, user_role);

	if (role == NULL)
		return -1;
	fill_decision(ev, role, "REJECTED", cause);
	event_set_bool(ev, "revoked", true);
	event_action(ev, "DELETE");
	return unit_later(rq, user_access_changed, row_text(user_role, "user_id"));
}

static int
user_role_revoke(struct request *rq, struct row *user_role)
{
	struct row *role = role_of(rq, user_role);

	if (role == NULL)
		return -1;
	if (strcmp(row_text(role, "key"), "administrator") == 0 &&
	    administrators_must_remain(rq, row_text(user_role, "user_id")) < 0)
		return -1;
	put_decision(rq, user_role);
	return take_away(rq, user_role, "REVOKED");
}

static int
user_role_expire(struct request *rq, struct row *user_role)
{
	put_end(user_role);
	return take_away(rq, user_role, "EXPIRED");
}

static int
user_role_erase(struct request *rq, struct row *user_role)
{
	put_end(user_role);
	return take_away(rq, user_role, "ERASED");
}

/* What was only asked for. */
static int
user_role_drop(struct request *rq, struct row *user_role)
{
	struct row *role = role_of(rq, user_role);

	if (role == NULL)
		return -1;
	put_end(user_role);
	fill_decision(row_event(rq, user_role), role, "REJECTED", "ERASED");
	return 0;
}

static int
user_role_end(struct request *rq, struct row *user_role)
{
	put_end(user_role);
	return take_away(rq, user_role, "TERMINATED");
}

/* Asking again has to wait: a refusal is not a lottery. */
static int
user_role_again(struct request *rq, struct row *user_role)
{
	struct row *role = role_of(rq, user_role);
	int64_t until = setting_int("identity.role_request_cool_off_hours") * 3600000000LL;

	if (role == NULL || holder_must_be_active(rq, user_role) < 0)
		return -1;
	if (row_is_set(user_role, "decided_at"))
		until += clock_parse(row_text(user_role, "decided_at"));
	if (until > rq->now_us) {
		rq->problem.retry_after_s = (int)((until - rq->now_us) / 1000000) + 1;
		return fail(rq, ERR_CONFLICT, "this role was refused lately; ask again later");
	}
	row_set(user_role, "requested_by_user_id", rq->caller.user_id);
	row_set(user_role, "expires_at", NULL);
	row_set(user_role, "remarks", NULL);
	fill_role(row_event(rq, user_role), role);
	return 0;
}

/* ---- the machine ---- */

#define DECIDER(p) { .who = WHO_STAFF, .permission = (p), .conditions = NEEDS_APPROVER | NOT_OWNER }
#define NOT_ONESELF(p) { .who = WHO_STAFF, .permission = (p), .conditions = NOT_OWNER }

static const struct transition user_role_transitions[] = {
	/* verb       from        to          who                             event               guard */
	{ NULL,       NULL,       "PENDING",  OWNER_OR("user-roles.create"),  &EV_ROLE_REQUESTED, NULL,
	    .doc = "POST /v1/user-roles" },
	{ NULL,       NULL,       "APPROVED", SYS,                            &EV_ROLE_DECIDED,   NULL,
	    .doc = "The first administrator; an EXTERNAL role where identity.auto_approve_external_roles" },
	{ "approve",  "PENDING",  "APPROVED", DECIDER("user-roles.approve"),  &EV_ROLE_DECIDED,   user_role_approve,
	    .stamp = "approved_at", .body = approve_body, .doc = "Grant the role." },
	{ "reject",   "PENDING",  "REJECTED", DECIDER("user-roles.reject"),   &EV_ROLE_DECIDED,   user_role_reject,
	    .body = remarks_body, .doc = "Refuse the role, saying why." },
	{ "request",  "REJECTED", "PENDING",  OWNER_OR("user-roles.create"),  &EV_ROLE_REQUESTED, user_role_again,
	    .doc = "Ask again, after the cool-off." },
	{ "revoke",   "APPROVED", "REJECTED", NOT_ONESELF("user-roles.revoke"), &EV_ROLE_DECIDED, user_role_revoke,
	    .body = remarks_body, .doc = "Take the role away, saying why." },
	{ "expire",   "APPROVED", "REJECTED", CLK,                            &EV_ROLE_DECIDED,   user_role_expire,
	    .doc = "The time of a time-bound grant is over." },
	{ "end",      "APPROVED", "REJECTED", SYS,                            &EV_ROLE_DECIDED,   user_role_end,
	    .doc = "Employment ended." },
	{ "erase",    "APPROVED", "REJECTED", SYS,                            &EV_ROLE_DECIDED,   user_role_erase,
	    .doc = "The person erased the account." },
	{ "erase",    "PENDING",  "REJECTED", SYS,                            &EV_ROLE_DECIDED,   user_role_drop,
	    .doc = "The person erased the account." },
	{ 0 }
};

const struct resource user_roles_resource = {
	.table = "user_roles", .noun = "user_role", .module_key = "access", .recipient = "user_id",
	.columns = user_role_columns, .transitions = user_role_transitions,
	.read = OWNER_OR("user-roles.read"),
	.child = { "users", "roles", "user_id" },
	.created = &EV_ROLE_REQUESTED, .updated = &EV_ROLE_DECIDED,
	.doc = "Roles that users hold or have asked for.",
};

/* ---- asking ---- */

/* The role that the body names, active; its absence is the field's fault. */
static struct row *
role_asked_for(struct request *rq)
{
	const char *key = body_text(rq, "role_key"), *id = body_text(rq, "role_id");
	const char *field = key != NULL ? "role_key" : "role_id";
	struct row *role;

	if ((key == NULL) == (id == NULL)) {
		fail_field(rq, "role_key", "required", "name one role, by role_key or by role_id");
		return NULL;
	}
	role = row_load_by_if_there(rq, &roles_resource, key != NULL ? "key" : "id", key != NULL ? key : id, false);
	if (rq->problem.code != ERR_NONE)
		return NULL;
	if (role == NULL || !row_bool(role, "is_active")) {
		fail_field(rq, field, "unknown_reference", "there is no such active role");
		return NULL;
	}
	return role;
}

static bool
granted_by_policy(const struct row *role)
{
	return !is_internal(role) && setting_bool("identity.auto_approve_external_roles");
}

/* A row that is there is asked for again; one row per user and role. */
static int
request_again(struct request *rq, const char *id)
{
	struct row *user_role = row_load(rq, &user_roles_resource, id, true);

	if (user_role == NULL)
		return -1;
	if (strcmp(row_text(user_role, "status"), "REJECTED") != 0)
		return fail(rq, ERR_ALREADY_EXISTS, "this role is %s already",
		    strcmp(row_text(user_role, "status"), "PENDING") == 0 ? "asked for" : "held");
	if (row_transition(rq, user_role, "request") < 0)
		return -1;
	return reply_row(rq, 201, user_role);
}

static struct row *
insert(struct request *rq, const char *user_id, const struct row *role, bool approved,
    const char *cause)
{
	struct row *user_role = row_new(rq, &user_roles_resource);
	struct event_out *ev = NULL;

	row_set(user_role, "user_id", user_id);
	row_set(user_role, "role_id", row_id(role));
	row_set(user_role, "status", approved ? "APPROVED" : "PENDING");
	row_set(user_role, "requested_by_user_id", rq->caller.user_id);
	if (approved) {
		row_set_now(rq, user_role, "approved_at");
		row_set_now(rq, user_role, "decided_at");
		ev = row_event_as(rq, user_role, &EV_ROLE_DECIDED);
		fill_decision(ev, role, "APPROVED", cause);
		event_action(ev, "CREATE");
		unit_later(rq, user_access_changed, user_id);
	} else {
		ev = row_event_as(rq, user_role, &EV_ROLE_REQUESTED);
		fill_role(ev, role);
	}
	return row_insert(rq, user_role) < 0 ? NULL : user_role;
}

int
user_role_request(struct request *rq)
{
	const char *user_id = body_text(rq, "user_id");
	struct row *role = role_asked_for(rq), *user_role;
	struct db_result *r;
	bool is_active;

	if (role == NULL)
		return -1;
	if (user_id == NULL)
		user_id = rq->caller.user_id;
	if (!caller_is(rq, user_id) && !caller_has_permission(rq, "user-roles.create"))
		return fail_as_staff(rq, "asking for somebody else needs user-roles.create");
	if (user_is_active(rq, user_id, &is_active) < 0)
		return -1;
	if (!is_active)
		return fail_field(rq, "user_id", "unknown_reference", "there is no such active user");
	r = db_query(rq, "SELECT id FROM user_roles WHERE user_id = $1 AND role_id = $2",
	    DB(user_id, row_id(role)));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		return request_again(rq, db_text(r, 0, 0));
	user_role = insert(rq, user_id, role, granted_by_policy(role), "POLICY");
	return user_role == NULL ? -1 : reply_row(rq, 201, user_role);
}

/* ---- consequences and the clock ---- */

int
user_role_grant(struct request *rq, const char *user_id, const char *role_key, const char *cause)
{
	struct row *role = row_load_by(rq, &roles_resource, "key", role_key, false);

	return role == NULL || insert(rq, user_id, role, true, cause) == NULL ? -1 : 0;
}

int
user_roles_end_internal(struct request *rq, const char *user_id)
{
	return transition_each(rq, &user_roles_resource, "SELECT ur.id FROM user_roles ur"
	    " JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = $1 AND r.audience = 'INTERNAL'"
	    " AND ur.status = 'APPROVED' ORDER BY ur.id", user_id, "end", NULL, NULL);
}

int
user_roles_erase(struct request *rq, const char *user_id)
{
	return transition_each(rq, &user_roles_resource, "SELECT id FROM user_roles"
	    " WHERE user_id = $1 AND status IN ('APPROVED', 'PENDING') ORDER BY id", user_id, "erase", NULL, NULL);
}

int
user_roles_expire(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT id FROM user_roles WHERE status = 'APPROVED'"
	    " AND expires_at <= now() ORDER BY expires_at LIMIT $1::integer"
	    " FOR NO KEY UPDATE SKIP LOCKED", DB(arena_printf(rq->arena, "%d", EXPIRED_PER_RUN)));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *user_role = row_load(rq, &user_roles_resource, db_text(r, i, 0), true);
		if (user_role == NULL || row_transition(rq, user_role, "expire") < 0)
			return -1;
	}
	return 0;
}
