/*
 * Approvals: what waits for a reviewer's word, and every word that was given.
 *
 * Requests open when something is submitted (on_events.c) or when an owner asks for verification or
 * for being featured. A decision names the content it judged; nobody decides what is their own.
 */
#include <string.h>

#include "db.h"
#include "profiles.h"
#include "refs.h"

static const char *const entity_types[] = { "job", "lead", "profile", "company", NULL };
static const char *const approval_types[] = { "CONTENT", "VERIFICATION", "FEATURE", NULL };
static const char *const log_actions[] = { "SUBMITTED", "APPROVED", "REJECTED", NULL };

static const struct column request_columns[] = {
	COLUMN_ID,
	{ "entity_type", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .values = entity_types },
	{ "entity_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER },
	{ "approval_type", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .values = approval_types },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "submitted_by_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "reviewed_by_user_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "submitted_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED },
	{ "reviewed_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "remarks", COL_TEXT, COL_READONLY },
	{ "content_hash", COL_TEXT, COL_READONLY | COL_FILTER,
	    .doc = "SHA-256 of what is judged; a decision repeats it." },
	{ "entity_label", COL_TEXT, COL_READONLY | COL_SEARCH,
	    .doc = "Title or name as submitted." },
	{ "source_event_id", COL_UUID, COL_READONLY | COL_STAFF_ONLY, .doc = "The submission." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column log_columns[] = {
	COLUMN_ID,
	{ "approval_request_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "action", COL_ENUM, COL_READONLY | COL_FILTER, .values = log_actions },
	{ "old_status", COL_TEXT, COL_READONLY },
	{ "new_status", COL_TEXT, COL_READONLY },
	{ "acted_by_user_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "Empty: the system." },
	{ "remarks", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	{ 0 }
};

static const struct column approve_body[] = {
	{ "content_hash", COL_TEXT, COL_REQUIRED, .min = 64, .max = 64,
	    .doc = "Of the version that was judged." },
	{ "remarks", COL_TEXT, 0, .max = 2000 },
	{ 0 }
};
static const struct column reject_body[] = {
	{ "content_hash", COL_TEXT, COL_REQUIRED, .min = 64, .max = 64,
	    .doc = "Of the version that was judged." },
	{ "remarks", COL_TEXT, COL_REQUIRED, .max = 2000, .doc = "Told to the owner." },
	{ 0 }
};
static const struct column withdraw_body[] = { { "remarks", COL_TEXT, 0, .max = 2000 }, { 0 } };

static row_guard approval_approve, approval_reject, approval_withdraw, approval_create;

static const struct transition request_transitions[] = {
	{ NULL, NULL, "PENDING", { .who = WHO_SIGNED_IN | WHO_SYS }, &EV_APPROVAL_REQUESTED },
	{ "approve", "PENDING", "APPROVED", REVIEWER("approval-requests.approve"),
	    &EV_APPROVAL_DECIDED, approval_approve, .stamp = "reviewed_at", .body = approve_body,
	    .doc = "Approve what content_hash names." },
	{ "reject", "PENDING", "REJECTED", REVIEWER("approval-requests.reject"),
	    &EV_APPROVAL_DECIDED, approval_reject, .stamp = "reviewed_at", .body = reject_body,
	    .doc = "Refuse it with remarks for the owner." },
	{ "withdraw", "PENDING", "REJECTED", { .who = WHO_OWNER | WHO_SYS }, &EV_APPROVAL_DECIDED,
	    approval_withdraw, .stamp = "reviewed_at", .body = withdraw_body,
	    .doc = "Take the own submission back." },
	{ 0 }
};

const struct resource approval_request_resource = {
	.table = "approval_requests",
	.noun = "approval",
	.module_key = "approvals",
	.label = "entity_label",
	.columns = request_columns,
	.transitions = request_transitions,
	.read = OWNER_OR("approval-requests.read"),
	.create = SIGNED_IN,
	.on_create = approval_create,
	.created = &EV_APPROVAL_REQUESTED,
	.doc = "The reviewers' queue. Jobs, leads, profiles and companies come here by their own"
	    " submit; "
	    "created by hand are the verification of a company and the wish to be featured.",
};

const struct resource approval_log_resource = {
	.table = "approval_logs",
	.noun = "approval_log",
	.module_key = "approvals",
	.columns = log_columns,
	.flags = RES_NO_VERSION,
	.owner = "EXISTS (SELECT FROM approval_requests r WHERE r.id = t.approval_request_id"
	    " AND r.submitted_by_user_id = :me)",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("approval-logs.read"),
	.child = { "approval_requests", "logs", "approval_request_id" },
	.doc = "Every step of an approval request; never changed.",
};

/* ---- the log ---- */

static int
log_step(struct request *rq, const struct row *request, const char *action, const char *old_status,
    const char *new_status, const char *by)
{
	struct row *log = row_new(rq, &approval_log_resource);

	row_set(log, "approval_request_id", row_id(request));
	row_set(log, "action", action);
	row_set(log, "old_status", old_status);
	row_set(log, "new_status", new_status);
	row_set(log, "acted_by_user_id", by);
	row_set(log, "remarks", row_text(request, "remarks"));
	return row_insert(rq, log);
}

/* ---- opening ---- */

int
approval_withdraw_pending(struct request *rq, const char *entity_type, const char *entity_id,
    const char *approval_type)
{
	struct db_result *r = db_query(rq, "SELECT id FROM approval_requests WHERE entity_type = $1"
	    " AND entity_id = $2 AND approval_type = $3 AND status = 'PENDING'",
	    DB(entity_type, entity_id, approval_type));
	struct row *row;

	if (r == NULL || db_rows(r) == 0)
		return r == NULL ? -1 : 0;
	row = row_load(rq, &approval_request_resource, db_text(r, 0, 0), true);
	return row == NULL || row_follow(rq, row, "withdraw") < 0 ? -1 : 0;
}

static int
insert_request(struct request *rq, struct row *row, int64_t content_version)
{
	struct event_out *ev = row_event(rq, row);

	row_set_now(rq, row, "submitted_at");
	event_set_text(ev, "request_id", row_id(row));
	event_set_int(ev, "content_version", content_version);
	event_entity(ev, row_text(row, "entity_type"), row_text(row, "entity_id"));
	if (row_insert(rq, row) < 0)
		return -1;
	return log_step(rq, row, "SUBMITTED", NULL, "PENDING",
	    row_text(row, "submitted_by_user_id"));
}

int
approval_open(struct request *rq, const struct approval_opening *o)
{
	struct row *row;

	if (approval_withdraw_pending(rq, o->entity_type, o->entity_id, o->approval_type) < 0)
		return -1;
	refs_stub_user(rq, o->submitted_by);
	row = row_new(rq, &approval_request_resource);
	row_set(row, "entity_type", o->entity_type);
	row_set(row, "entity_id", o->entity_id);
	row_set(row, "approval_type", o->approval_type);
	row_set(row, "content_hash", o->content_hash);
	row_set(row, "entity_label", o->label);
	row_set(row, "submitted_by_user_id", o->submitted_by);
	row_set(row, "source_event_id", o->source_event_id);
	return insert_request(rq, row, o->content_version);
}

/* ---- asked for by the owner ---- */

/* Company or profile of the caller's: what is judged is the row as it stands. */
static int
take_own_row(struct request *rq, struct row *request, const struct resource *res, const char *label)
{
	struct row *entity = row_load_if_there(rq, res, row_text(request, "entity_id"));

	if (rq->problem.code != ERR_NONE)
		return -1;
	if (entity == NULL || !caller_is(rq, row_text(entity, "user_id")))
		return fail_field(rq, "entity_id", "unknown_reference",
		    "nothing of yours has this id");
	row_set(request, "content_hash", row_content_hash(rq, entity));
	row_set(request, "entity_label", row_text(entity, label));
	return 0;
}

/* Job or lead of the caller's: only what was approved before can be featured. */
static int
take_approved_content(struct request *rq, struct row *request)
{
	struct db_result *r = db_query(rq,
	    "SELECT a.content_hash, a.entity_label FROM approval_requests a"
	    " JOIN entity_refs e ON e.entity_type = a.entity_type AND e.id = a.entity_id"
	    " AND e.user_id = $3"
	    " WHERE a.entity_type = $1 AND a.entity_id = $2 AND a.approval_type = 'CONTENT'"
	    " AND a.status = 'APPROVED' ORDER BY a.created_at DESC LIMIT 1",
	    DB(row_text(request, "entity_type"), row_text(request, "entity_id"),
	    rq->caller.user_id));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "entity_id", "unknown_reference",
		    "nothing approved of yours has this id");
	row_set(request, "content_hash", db_text(r, 0, 0));
	row_set(request, "entity_label", db_text(r, 0, 1));
	return 0;
}

static int
take_content(struct request *rq, struct row *row)
{
	bool company = row_is(row, "entity_type", "company"), profile = row_is(row, "entity_type",
	    "profile");

	if (row_is(row, "approval_type", "CONTENT"))
		return fail_field(rq, "approval_type", "not_allowed", "submit the %s itself",
		    row_text(row, "entity_type"));
	if (row_is(row, "approval_type", "VERIFICATION") && !company)
		return fail_field(rq, "approval_type", "not_allowed", "%s", profile ?
		    "a profile is verified through /v1/verification-requests" :
		    "only a company is verified here");
	if (company)
		return take_own_row(rq, row, &company_profile_resource, "company_name");
	if (profile)
		return take_own_row(rq, row, &user_role_profile_resource, "display_name");
	return take_approved_content(rq, row);
}

/* on_create: the request is inserted here, since its log refers to it. */
static int
approval_create(struct request *rq, struct row *row)
{
	struct db_result *r;

	if (take_content(rq, row) < 0)
		return -1;
	r = db_query(rq, "SELECT FROM approval_requests WHERE entity_type = $1 AND entity_id = $2"
	    " AND approval_type = $3 AND status = 'PENDING'", DB(row_text(row, "entity_type"),
	    row_text(row, "entity_id"), row_text(row, "approval_type")));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		return fail(rq, ERR_ALREADY_EXISTS, "such a request is waiting already");
	return insert_request(rq, row, 0);
}

/* ---- deciding ---- */

/* NOT_OWNER has refused the submitter; whoever owns what staff submitted is refused here. */
static int
decider_must_be_apart(struct request *rq, const struct row *row)
{
	struct db_result *r = db_query(rq, "SELECT FROM company_profiles WHERE id = $1 AND user_id = $2"
	    " UNION ALL SELECT FROM user_role_profiles WHERE id = $1 AND user_id = $2"
	    " UNION ALL SELECT FROM entity_refs WHERE entity_type = $3 AND id = $1 AND user_id = $2",
	    DB(row_text(row, "entity_id"), rq->caller.user_id, row_text(row, "entity_type")));

	if (r == NULL)
		return -1;
	return db_rows(r) == 0 ? 0 : fail(rq, ERR_OWN_SUBMISSION, "nobody decides what is their own");
}

/* The content may have gone on since the request, where edits do not wait for the review. */
static int
content_must_stand(struct request *rq, const struct row *row)
{
	const struct resource *res = row_is(row, "entity_type", "company") ? &company_profile_resource :
	    row_is(row, "entity_type", "profile") ? &user_role_profile_resource : NULL;
	struct row *entity = res == NULL ? NULL : row_load(rq, res, row_text(row, "entity_id"),
	    true);

	if (res == NULL)
		return 0;
	if (entity == NULL)
		return -1;
	if (strcmp(row_content_hash(rq, entity), row_text(row, "content_hash")) != 0)
		return fail(rq, ERR_STALE_CONTENT, "the %s was edited after this request was made",
		    row_text(row, "entity_type"));
	return 0;
}

static int
hash_must_match(struct request *rq, const struct row *row)
{
	if (strcasecmp(body_text(rq, "content_hash"), row_text(row, "content_hash")) != 0)
		return fail(rq, ERR_STALE_CONTENT,
		    "the request is about another version; read it again");
	return 0;
}

/* A job's or lead's owner is told by its own event, a company's or professional's by this one. */
static void
tell_of_decision(struct request *rq, struct row *row, const char *decision, bool withdrawn)
{
	struct event_out *ev = row_event(rq, row);
	bool content = row_is(row, "approval_type", "CONTENT");
	bool elsewhere = row_is(row, "entity_type", "job") || row_is(row, "entity_type", "lead");

	event_set_text(ev, "request_id", row_id(row));
	event_set_text(ev, "decision", decision);
	event_set_text(ev, "reviewer_user_id", row_text(row, "reviewed_by_user_id"));
	event_set_bool(ev, "withdrawn", withdrawn);
	event_entity(ev, row_text(row, "entity_type"), row_text(row, "entity_id"));
	event_action(ev, strcmp(decision, "APPROVED") == 0 ? "APPROVE" : "REJECT");
	if (!withdrawn && !(content && elsewhere))
		event_recipient(ev, row_text(row, "submitted_by_user_id"));
}

static int
decide(struct request *rq, struct row *row, const char *decision, bool withdrawn)
{
	const char *by = rq->actor == ACTOR_SYSTEM || rq->actor == ACTOR_CRON ? NULL :
	    rq->caller.user_id;

	row_set(row, "reviewed_by_user_id", by);
	row_set(row, "remarks", body_text(rq, "remarks"));
	tell_of_decision(rq, row, decision, withdrawn);
	return log_step(rq, row, decision, "PENDING", decision, by);
}

static int
approval_approve(struct request *rq, struct row *row)
{
	if (decider_must_be_apart(rq, row) < 0 || hash_must_match(rq, row) < 0 ||
	    content_must_stand(rq, row) < 0)
		return -1;
	return decide(rq, row, "APPROVED", false);
}

static int
approval_reject(struct request *rq, struct row *row)
{
	if (decider_must_be_apart(rq, row) < 0 || hash_must_match(rq, row) < 0)
		return -1;
	return decide(rq, row, "REJECTED", false);
}

/* By the submitter; by SYS where the submission itself fell away. */
static int
approval_withdraw(struct request *rq, struct row *row)
{
	return decide(rq, row, "REJECTED", true);
}
