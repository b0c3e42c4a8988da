/* What this service does when events arrive: its own submissions and decisions, others' news. */
#include "db.h"
#include "professions.h"
#include "profiles.h"
#include "refs.h"

static int
outcome(const struct request *rq)
{
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

static const char *
actor_of(const struct event_in *ev)
{
	const char *id = ev->context->actor == NULL ? NULL : ev->context->actor->user_id;

	return id != NULL && id[0] != '\0' ? id : NULL;
}

/* ---- submissions open requests ---- */

static int
open_own(struct request *rq, const struct event_in *ev, const struct resource *res,
    const char *entity_type, const char *label)
{
	struct row *row = row_load_if_there(rq, res, ev->aggregate_id);
	const char *by = actor_of(ev);
	struct approval_opening o = { .entity_type = entity_type, .entity_id = ev->aggregate_id,
		.approval_type = "CONTENT", .content_hash = event_text(ev, "content_hash"),
		.label = event_text(ev, label), .source_event_id = ev->id,
		.content_version = event_int(ev, "content_version") };

	if (row == NULL || !row_is(row, "approval_status", "PENDING"))
		return outcome(rq);
	o.submitted_by = by != NULL ? by : event_text(ev, "user_id");
	return approval_open(rq, &o);
}

static int
on_company_submitted(struct request *rq, const struct event_in *ev)
{
	return open_own(rq, ev, &company_profile_resource, "company", "company_name");
}

static int
on_profile_submitted(struct request *rq, const struct event_in *ev)
{
	return open_own(rq, ev, &user_role_profile_resource, "profile", "display_name");
}

/*
 * What the queue knows of a job or lead; its events come by several topics, in either order.
 * 1: this is the newest word; 0: an older one; -1: failed.
 */
static int
keep_entity(struct request *rq, const struct event_in *ev, const char *entity_type,
    const char *owner_field)
{
	const char *version = arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version);
	struct db_result *r = db_query(rq,
	    "INSERT INTO entity_refs AS t (entity_type, id, user_id, label, status, version)"
	    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (entity_type, id) DO UPDATE"
	    " SET user_id = excluded.user_id, label = excluded.label, status = excluded.status,"
	    " known = true, version = excluded.version, updated_at = now()"
	    " WHERE t.version < excluded.version RETURNING 1",
	    DB(entity_type, ev->aggregate_id, event_text(ev, owner_field), event_text(ev, "title"),
	    event_text(ev, "status"), version));

	return r == NULL ? -1 : db_rows(r);
}

static int
open_entity(struct request *rq, const struct event_in *ev, const char *entity_type,
    const char *owner_field)
{
	int newest = keep_entity(rq, ev, entity_type, owner_field);
	const char *by = actor_of(ev);
	struct approval_opening o = { .entity_type = entity_type, .entity_id = ev->aggregate_id,
		.approval_type = "CONTENT", .content_hash = event_text(ev, "content_hash"),
		.label = event_text(ev, "title"), .source_event_id = ev->id,
		.content_version = ev->aggregate_version };

	if (newest <= 0)
		return newest;	/* it was returned or closed since */
	o.submitted_by = by != NULL ? by : event_text(ev, owner_field);
	return approval_open(rq, &o);
}

static int
on_job_submitted(struct request *rq, const struct event_in *ev)
{
	return open_entity(rq, ev, "job", "posted_by_user_id");
}

static int
on_lead_submitted(struct request *rq, const struct event_in *ev)
{
	return open_entity(rq, ev, "lead", "created_by_user_id");
}

/* A job or lead that left the queue without a reviewer's word takes its request along. */
static int
entity_moved(struct request *rq, const struct event_in *ev, const char *entity_type,
    const char *owner_field)
{
	int newest = keep_entity(rq, ev, entity_type, owner_field);

	if (newest <= 0)
		return newest;
	return approval_withdraw_pending(rq, entity_type, ev->aggregate_id, "CONTENT");
}

static int
on_job_moved(struct request *rq, const struct event_in *ev)
{
	return entity_moved(rq, ev, "job", "posted_by_user_id");
}

static int
on_lead_moved(struct request *rq, const struct event_in *ev)
{
	return entity_moved(rq, ev, "lead", "created_by_user_id");
}

/* ---- decisions reach companies and professionals ---- */

static const struct resource *
entity_resource(const struct event_in *ev)
{
	if (event_is(ev, "entity_type", "company"))
		return &company_profile_resource;
	return event_is(ev, "entity_type", "profile") ? &user_role_profile_resource : NULL;
}

/* A company that asks to be verified waits for the word, unless it was given in the meantime. */
static int
on_approval_requested(struct request *rq, const struct event_in *ev)
{
	struct row *request, *row;

	rq->trigger = ev;
	if (!event_is(ev, "approval_type", "VERIFICATION") || entity_resource(ev) == NULL)
		return 0;
	request = row_load_if_there(rq, &approval_request_resource, ev->aggregate_id);
	if (request == NULL || !row_is(request, "status", "PENDING"))
		return outcome(rq);
	row = row_load_if_there(rq, entity_resource(ev), event_text(ev, "entity_id"));
	return row == NULL ? outcome(rq) : reviewed_verify(rq, row, "PENDING");
}

static int
on_approval_decided(struct request *rq, const struct event_in *ev)
{
	const struct resource *res = entity_resource(ev);
	bool approved = event_is(ev, "decision", "APPROVED");
	struct row *row;

	rq->trigger = ev;
	if (res == NULL || event_is(ev, "approval_type", "FEATURE"))
		return 0;
	row = row_load_if_there(rq, res, event_text(ev, "entity_id"));
	if (row == NULL)
		return outcome(rq);
	if (event_is(ev, "approval_type", "VERIFICATION"))
		return reviewed_verify(rq, row, approved ? "VERIFIED" : "REJECTED");
	if (event_bool(ev, "withdrawn") && event_text(ev, "reviewer_user_id") == NULL)
		return 0;	/* overtaken by a newer submission */
	return reviewed_decide(rq, row, approved, event_text(ev, "remarks"));
}

static int
on_verification_submitted(struct request *rq, const struct event_in *ev)
{
	struct row *request = row_load_if_there(rq, &verification_request_resource, ev->aggregate_id);
	struct row *row;

	rq->trigger = ev;
	if (request == NULL || !row_is(request, "status", "PENDING"))
		return outcome(rq);
	row = row_load_if_there(rq, &user_role_profile_resource,
	    event_text(ev, "user_role_profile_id"));
	return row == NULL ? outcome(rq) : reviewed_verify(rq, row, "PENDING");
}

static int
on_verification_decided(struct request *rq, const struct event_in *ev)
{
	struct row *row = row_load_if_there(rq, &user_role_profile_resource,
	    event_text(ev, "user_role_profile_id"));

	rq->trigger = ev;
	return row == NULL ? outcome(rq) : reviewed_verify(rq, row,
	    event_is(ev, "decision", "APPROVED") ? "VERIFIED" : "REJECTED");
}

/* ---- users and their roles ---- */

static const struct ref_map user_refs = { "user_refs", NULL,
	{ "status", "account_type", "display_name" } };

static int
on_user_standing(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	return parties_follow_user(rq, ev->aggregate_id);
}

static struct row *
profile_of(struct request *rq, const char *user_id, const char *role_key)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM user_role_profiles WHERE user_id = $1 AND role_key = $2",
	    DB(user_id, role_key));

	return r == NULL || db_rows(r) == 0 ? NULL : row_load(rq, &user_role_profile_resource,
	    db_text(r, 0, 0), true);
}

static int
open_draft(struct request *rq, const char *user_id, const char *role_key)
{
	struct row *row = row_new(rq, &user_role_profile_resource);

	refs_stub_user(rq, user_id);
	row_set(row, "user_id", user_id);
	row_set(row, "role_key", role_key);
	return row_insert(rq, row);
}

/* A granted profession opens its profile; one that is taken away leaves the market with it. */
static int
on_role_decided(struct request *rq, const struct event_in *ev)
{
	const char *user_id = event_text(ev, "user_id"), *role_key = event_text(ev, "role_key");
	bool granted = event_is(ev, "decision", "APPROVED");
	struct row *row;

	rq->trigger = ev;
	if (!event_is(ev, "audience", "EXTERNAL") || role_key == NULL ||
	    !profession_is_known(role_key))
		return 0;
	row = profile_of(rq, user_id, role_key);
	if (row == NULL)
		return outcome(rq) < 0 ? -1 : granted ? open_draft(rq, user_id, role_key) : 0;
	if (event_bool(ev, "revoked") && row_is(row, "status", "ACTIVE")) {
		row_set(row, "suspended_cause", "ROLE_REVOKED");
		return row_transition(rq, row, "suspend");
	}
	if (granted && row_is(row, "suspended_cause", "ROLE_REVOKED"))
		return row_transition(rq, row, "reinstate");
	return 0;
}

/* ---- ratings: the profile holds their sum and number ---- */

struct standing {
	bool counts;
	const char *rating;
};

/* 1: newest word, with what counted before; 0: an older one; -1: failed. */
static int
keep_review(struct request *rq, const struct event_in *ev, const struct standing *now,
    struct standing *ret_before)
{
	const char *version = arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version);
	struct db_result *r;

	if (db_exec(rq, "INSERT INTO review_refs (id, entity_type, entity_id, known, version)"
	    " VALUES ($1, $2, $3, false, 0) ON CONFLICT DO NOTHING", DB(ev->aggregate_id,
	    event_text(ev, "entity_type"), event_text(ev, "entity_id"))) < 0)
		return -1;
	r = db_query(rq, "SELECT is_published, COALESCE(rating, 0) FROM review_refs"
	    " WHERE id = $1 AND version < $2 FOR UPDATE", DB(ev->aggregate_id, version));
	if (r == NULL || db_rows(r) == 0)
		return r == NULL ? -1 : 0;
	ret_before->counts = db_bool(r, 0, 0);
	ret_before->rating = db_text(r, 0, 1);
	return db_exec(rq, "UPDATE review_refs"
	    " SET rating = $2, is_published = $3, known = true, version = $4,"
	    " updated_at = now() WHERE id = $1", DB(ev->aggregate_id, now->rating, now->counts ?
	    "t" : "f", version)) < 0 ? -1 : 1;
}

static int
on_review(struct request *rq, const struct event_in *ev)
{
	bool gone = text_is(ev->context->action, "DELETE");
	struct standing before, now = { .counts = !gone && event_is(ev, "status", "PUBLISHED"),
		.rating = arena_printf(rq->arena, "%lld", (long long)event_int(ev, "rating")) };
	const struct resource *res = event_is(ev, "entity_type", "company") ?
	    &company_profile_resource : &user_role_profile_resource;
	int newest = keep_review(rq, ev, &now, &before);
	struct row *row;

	rq->trigger = ev;
	if (newest <= 0)
		return newest;
	row = row_load_if_there(rq, res, event_text(ev, "entity_id"));
	if (row == NULL)
		return outcome(rq);
	row_set_int(row, "rating_count", row_int(row, "rating_count") + now.counts - before.counts);
	row_set_int(row, "rating_sum", row_int(row, "rating_sum") + (now.counts ?
	    strtoll(now.rating, NULL, 10) : 0) -
	    (before.counts ? strtoll(before.rating, NULL, 10) : 0));
	return row_update(rq, row);
}

const struct subscription profiles_subscriptions[] = {
	{ &EV_USER_REGISTERED, &user_refs, NULL },
	{ &EV_USER_ACTIVATED, &user_refs, NULL },
	{ &EV_USER_CHANGED, &user_refs, NULL },
	{ &EV_USER_CONTACT_CHANGED, &user_refs, NULL },
	{ &EV_USER_SUSPENDED, &user_refs, on_user_standing },
	{ &EV_USER_REINSTATED, &user_refs, on_user_standing },
	{ &EV_USER_ERASED, &user_refs, user_erase },
	{ &EV_ROLE_DECIDED, NULL, on_role_decided },
	{ &EV_COMPANY_SUBMITTED, NULL, on_company_submitted },
	{ &EV_PROFILE_SUBMITTED, NULL, on_profile_submitted },
	{ &EV_JOB_SUBMITTED, NULL, on_job_submitted },
	{ &EV_JOB_PUBLISHED, NULL, on_job_moved },
	{ &EV_JOB_RETURNED, NULL, on_job_moved },
	{ &EV_JOB_CLOSED, NULL, on_job_moved },
	{ &EV_LEAD_SUBMITTED, NULL, on_lead_submitted },
	{ &EV_LEAD_OPENED, NULL, on_lead_moved },
	{ &EV_LEAD_RETURNED, NULL, on_lead_moved },
	{ &EV_LEAD_CLOSED, NULL, on_lead_moved },
	{ &EV_APPROVAL_REQUESTED, NULL, on_approval_requested },
	{ &EV_APPROVAL_DECIDED, NULL, on_approval_decided },
	{ &EV_VERIFICATION_SUBMITTED, NULL, on_verification_submitted },
	{ &EV_VERIFICATION_DECIDED, NULL, on_verification_decided },
	{ &EV_REVIEW_PUBLISHED, NULL, on_review },
	{ &EV_REVIEW_HIDDEN, NULL, on_review },
	{ &EV_REVIEW_SUBMITTED, NULL, on_review },
	{ &EV_REVIEW_CHANGED, NULL, on_review },
	{ 0 }
};
