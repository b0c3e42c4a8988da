/*
 * Jobs: drafted by a company, approved by a reviewer, LIVE until somebody or the clock closes them.
 *
 * A posting may cost tracecoins. Finance takes them when it hears job.submitted; the job goes LIVE
 * when it is approved and paid for and its company may publish, whichever comes last.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "marketplace.h"
#include "uuid.h"

#define DAY_US (86400 * INT64_C(1000000))

static const char *const employment_types[] = { "FULL_TIME", "PART_TIME", "CONTRACT", NULL };
static const char *const modes_of_work[] = { "ONSITE", "REMOTE", "HYBRID", NULL };
static const char *const job_statuses[] = { "DRAFT", "PENDING", "LIVE", "CLOSED", NULL };

/* Members may be null, as a patch takes one away; a company may add what it likes. */
#define SALARY_RANGE "{\"type\": \"object\", \"properties\": {" \
	"\"min_inr\": {\"type\": [\"integer\", \"null\"], \"minimum\": 0, \"maximum\": 1000000000000000}," \
	" \"max_inr\": {\"type\": [\"integer\", \"null\"], \"minimum\": 0, \"maximum\": 1000000000000000}," \
	" \"period\": {\"type\": [\"string\", \"null\"], \"enum\": [\"HOUR\", \"DAY\", \"MONTH\", \"YEAR\", null]}}}"

static const struct column job_columns[] = {
	COLUMN_ID,
	{ "company_profile_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "company_refs" },
	{ "posted_by_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "title", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT | COL_JUDGED | COL_NO_CONTACT,
	    .max = 200, .doc = "Shown in the job list." },
	{ "description", COL_TEXT, COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 20000,
	    .doc = "Needed before review." },
	{ "location", COL_TEXT, COL_FILTER | COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 200 },
	{ "employment_type", COL_ENUM, COL_FILTER | COL_JUDGED, .values = employment_types },
	{ "mode_of_work", COL_ENUM, COL_FILTER | COL_JUDGED, .values = modes_of_work },
	{ "budget_inr", COL_MONEY, COL_FILTER | COL_SORT | COL_JUDGED, .doc = "In paise." },
	{ "salary_range_json", COL_JSON, COL_JUDGED, .schema = SALARY_RANGE, .doc = "In paise." },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = job_statuses },
	{ "approved_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "submission", COL_INT, COL_READONLY | COL_PRIVATE, .initial = "0",
	    .doc = "1 for the first submission." },
	{ "posting_id", COL_UUID, COL_READONLY | COL_PRIVATE,
	    .doc = "UUIDv5 of job and submission: the ledger's reference." },
	{ "coin_price", COL_INT, COL_READONLY | COL_PRIVATE, .initial = "0",
	    .doc = "Tracecoins asked for this posting." },
	{ "debited_at", COL_TIME, COL_READONLY | COL_PRIVATE, .doc = "When the coins were taken." },
	{ "content_hash", COL_TEXT, COL_READONLY | COL_PRIVATE, .doc = "Of the submission." },
	{ "rejection_reason", COL_TEXT, COL_READONLY | COL_PRIVATE,
	    .doc = "Why it came back to DRAFT." },
	{ "expires_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT, .doc = "LIVE ends then." },
	{ "closed_at", COL_TIME, COL_READONLY },
	{ "close_reason", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column close_body[] = { { "reason", COL_TEXT, 0, .max = 1000 }, { 0 } };

static row_guard job_create, job_update, job_remove, job_submit, job_resubmit, job_publish,
    job_return, job_close;

static const struct transition job_transitions[] = {
	{ NULL, NULL, "DRAFT", SIGNED_IN },
	{ "submit", "DRAFT", "PENDING", OWNER, &EV_JOB_SUBMITTED, job_submit,
	    .doc = "Ask for approval." },
	{ "repost", "CLOSED", "PENDING", OWNER, &EV_JOB_SUBMITTED, job_submit,
	    .doc = "Post a closed job again; it is approved and charged anew." },
	{ "resubmit", "LIVE", "PENDING", SYS, &EV_JOB_SUBMITTED, job_resubmit },
	{ "publish", "PENDING", "LIVE", SYS, &EV_JOB_PUBLISHED, job_publish },
	{ "return", "PENDING", "DRAFT", SYS, &EV_JOB_RETURNED, job_return },
	{ "close", "LIVE", "CLOSED",
	    { .who = WHO_OWNER | WHO_STAFF | WHO_SYS | WHO_CLK, .permission = "jobs.close" },
	    &EV_JOB_CLOSED, job_close, .stamp = "closed_at", .body = close_body,
	    .doc = "Take no more applications." },
	{ 0 }
};

const struct resource job_resource = {
	.table = "jobs",
	.noun = "job",
	.module_key = "jobs",
	.label = "title",
	.recipient = "posted_by_user_id",
	.columns = job_columns,
	.transitions = job_transitions,
	.flags = RES_IF_MATCH | RES_REVIEWED,
	.visible = "t.status = 'LIVE'",
	.read = ANYONE_OR("jobs.read"),
	.create = { .who = WHO_SIGNED_IN, .conditions = NEEDS_COMPANY },
	.update = OWNER_OR("jobs.update"),
	.remove = OWNER_OR("jobs.delete"),
	.on_create = job_create,
	.on_update = job_update,
	.on_remove = job_remove,
	.changed = &EV_JOB_CHANGED,
	.doc = "A job of a company. Drafts are seen by their owner and staff alone.",
};

/* ---- the company ---- */

struct company {
	bool known;
	const char *user_id, *name, *status, *approval_status, *user_status;
};

static int
find_company(struct request *rq, const char *id, struct company *ret)
{
	struct db_result *r = db_query(rq,
	    "SELECT c.user_id, c.company_name, c.status, c.approval_status, u.status"
	    " FROM company_refs c LEFT JOIN user_refs u ON u.id = c.user_id WHERE c.id = $1 AND c.known",
	    DB(id));

	if (r == NULL)
		return -1;
	*ret = (struct company){ .known = db_rows(r) > 0 };
	if (!ret->known)
		return 0;
	ret->user_id = db_text(r, 0, 0);
	ret->name = db_text(r, 0, 1);
	ret->status = db_text(r, 0, 2);
	ret->approval_status = db_text(r, 0, 3);
	ret->user_status = db_text(r, 0, 4);
	return 0;
}

int
job_name_company(struct request *rq, struct row *job)
{
	struct company c;

	if (find_company(rq, row_text(job, "company_profile_id"), &c) < 0)
		return -1;
	event_set_text(row_event(rq, job), "company_name", c.name);
	return 0;
}

static int
salary_must_rise(struct request *rq, const struct row *job)
{
	const char *text = row_text(job, "salary_range_json");
	json_t *range = text == NULL ? NULL : json_loads(text, 0, NULL), *max = json_object_get(range, "max_inr");
	bool falls = json_is_integer(max) &&
	    json_integer_value(json_object_get(range, "min_inr")) > json_integer_value(max);

	json_decref(range);
	return falls ? fail_field(rq, "/salary_range_json/max_inr", "out_of_range", "not below min_inr") : 0;
}

/* A company that is not known yet is waited for: a rule must not be skipped because its event came late. */
static int
job_create(struct request *rq, struct row *job)
{
	struct company c;

	if (salary_must_rise(rq, job) < 0 || find_company(rq, row_text(job, "company_profile_id"), &c) < 0)
		return -1;
	if (!c.known)
		return fail_field_unless_soon(rq, "company_profile_id");
	if (!caller_is(rq, c.user_id))
		return fail(rq, ERR_FORBIDDEN, "only the company's owner may post its jobs");
	event_set_text(row_event(rq, job), "company_name", c.name);
	return 0;
}

static int
company_must_be_active(struct request *rq, const struct row *job)
{
	struct company c;

	if (find_company(rq, row_text(job, "company_profile_id"), &c) < 0)
		return -1;
	if (!text_is(c.status, "ACTIVE"))
		return fail_unless_soon(rq, ERR_CONFLICT,
		    "the company is not active; it must be submitted and approved first");
	if (!text_is(c.approval_status, "APPROVED"))
		return fail_unless_soon(rq, ERR_CONFLICT,
		    "the company's latest changes are not approved yet");
	return 0;
}

/* ---- submitting ---- */

/* Freezes what the reviewer will judge, under a posting of its own. */
static int
freeze(struct request *rq, struct row *job, int64_t coin_price)
{
	int64_t submission = row_int(job, "submission") + 1;
	char n[24], posting[UUID_TEXT];

	snprintf(n, sizeof(n), "%lld", (long long)submission);
	uuid_v5(row_id(job), n, posting);
	row_set(job, "submission", n);
	row_set(job, "posting_id", posting);
	row_set_int(job, "coin_price", coin_price);
	row_set(job, "content_hash", row_content_hash(rq, job));
	row_set(job, "rejection_reason", NULL);
	row_set(job, "approved_at", NULL);
	return job_name_company(rq, job);
}

/* A posting that was paid for and never came to anything is not paid for twice. */
static int
job_submit(struct request *rq, struct row *job)
{
	bool again = row_is(job, "status", "CLOSED");

	if (!row_is_set(job, "description"))
		return fail_field(rq, "description", "required",
		    "a job needs a description before review");
	if (company_must_be_active(rq, job) < 0)
		return -1;
	if (again) {
		row_set(job, "debited_at", NULL);
		row_set(job, "closed_at", NULL);
		row_set(job, "close_reason", NULL);
		row_set(job, "expires_at", NULL);
	}
	return freeze(rq, job, row_is_set(job, "debited_at") ? 0 :
	    setting_int("marketplace.job_posting_price"));
}

/* A LIVE job whose text changes is judged again; its posting is paid for. */
static int
job_resubmit(struct request *rq, struct row *job)
{
	return freeze(rq, job, 0);
}

static int
job_update(struct request *rq, struct row *job)
{
	if (!row_judged_changed(job))
		return 0;
	if (salary_must_rise(rq, job) < 0)
		return -1;
	if (row_is(job, "status", "LIVE"))
		return row_is_set(job, "description") ? row_follow(rq, job, "resubmit") :
		    fail_field(rq, "description", "required",
		    "a published job needs a description");
	return job_name_company(rq, job);
}

static int
job_remove(struct request *rq, struct row *job)
{
	if (!row_is(job, "status", "DRAFT"))
		return fail(rq, ERR_CONFLICT, "only a draft can be removed; close the job instead");
	return job_name_company(rq, job);
}

/* ---- the decision, and the coins ---- */

static bool
is_paid(const struct row *job)
{
	return row_int(job, "coin_price") == 0 || row_is_set(job, "debited_at");
}

/* Candidates who look for such a role in that place, up to a hundred. */
static int
tell_matches(struct request *rq, struct row *job)
{
	struct db_result *r = db_query(rq, "SELECT user_id FROM candidate_refs WHERE status = 'ACTIVE'"
	    " AND EXISTS (SELECT FROM unnest(preferred_roles) wanted"
	    " WHERE length(wanted) > 2 AND position(lower(wanted) IN lower($1)) > 0)"
	    " AND ($3 = 'REMOTE' OR $2::text IS NULL OR location IS NULL"
	    " OR position(lower(location) IN lower($2)) > 0 OR position(lower($2) IN lower(location)) > 0)"
	    " ORDER BY updated_at DESC LIMIT 100",
	    DB(row_text(job, "title"), row_text(job, "location"), row_text(job, "mode_of_work")));

	for (int i = 0; r != NULL && i < db_rows(r); i++)
		event_recipient(row_event(rq, job), db_text(r, i, 0));
	return r == NULL ? -1 : 0;
}

/* A job that was LIVE before keeps what is left of its time, and nobody is told twice. */
static int
job_publish(struct request *rq, struct row *job)
{
	if (!row_is_set(job, "expires_at") ||
	    clock_parse(row_text(job, "expires_at")) <= rq->now_us) {
		row_set_time(job, "expires_at",
		    rq->now_us + setting_int("marketplace.job_live_days") * DAY_US);
		if (tell_matches(rq, job) < 0)
			return -1;
	}
	if (rq->trigger != NULL && event_has_field(rq->trigger, "request_id"))
		event_set_text(row_event(rq, job), "approval_request_id",
		    event_text(rq->trigger, "request_id"));
	return job_name_company(rq, job);
}

/* Coins of this very posting go back (finance hears it); earlier ones stay paid. */
static int
job_return(struct request *rq, struct row *job)
{
	if (row_int(job, "coin_price") > 0)
		row_set(job, "debited_at", NULL);
	row_set(job, "approved_at", NULL);
	return tell_returned(rq, job) < 0 ? -1 : job_name_company(rq, job);
}

/* Why nothing of this company may go live, or NULL. Its own review is no bar: it is waited for. */
static const char *
bar_of(const struct company *c)
{
	if (!text_is(c->status, "ACTIVE") || text_is(c->user_status, "SUSPENDED"))
		return "The company is not active.";
	if (text_is(c->approval_status, "APPROVED") || text_is(c->approval_status, "PENDING"))
		return NULL;
	return "The company's latest changes were not approved.";
}

/*
 * Approved, paid for, and of a company that may publish: LIVE with whichever comes last. Where the company
 * may not, the job goes the way of one that was rejected, PENDING to DRAFT with its coins back: the
 * machine lists no other.
 */
static int
go_on(struct request *rq, struct row *job)
{
	struct company c;

	if (find_company(rq, row_text(job, "company_profile_id"), &c) < 0)
		return -1;
	if (bar_of(&c) != NULL) {
		row_set(job, "rejection_reason", bar_of(&c));
		return row_transition(rq, job, "return");
	}
	if (!row_is_set(job, "approved_at") || !is_paid(job) || text_is(c.approval_status, "PENDING"))
		return row_update(rq, job);
	return row_transition(rq, job, "publish");
}

static int
go_on_if_pending(struct request *rq, struct row *job, const void *arg)
{
	(void)arg;
	return row_is(job, "status", "PENDING") ? go_on(rq, job) : 0;
}

int
jobs_go_on(struct request *rq, const char *company_id)
{
	return rows_each(rq, &job_resource, "SELECT id FROM jobs WHERE company_profile_id = $1"
	    " AND status = 'PENDING' AND approved_at IS NOT NULL ORDER BY id", company_id,
	    go_on_if_pending, NULL);
}

int
job_decided(struct request *rq, const struct event_in *ev)
{
	struct row *job = load_judged(rq, &job_resource, ev);
	const char *remarks = event_text(ev, "remarks");

	if (job == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (!event_is(ev, "decision", "APPROVED")) {
		row_set(job, "rejection_reason", remarks != NULL ? remarks : "Withdrawn.");
		return row_transition(rq, job, "return");
	}
	row_set_now(rq, job, "approved_at");
	return go_on(rq, job);
}

static struct row *
job_of_posting(struct request *rq, const struct event_in *ev)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM jobs WHERE posting_id = $1 AND status = 'PENDING'",
	    DB(event_text(ev, "reference_id")));

	return r == NULL || db_rows(r) == 0 ? NULL : row_load_if_there(rq, &job_resource,
	    db_text(r, 0, 0));
}

int
job_coins_taken(struct request *rq, const struct event_in *ev)
{
	struct row *job = job_of_posting(rq, ev);

	if (job == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	row_set_now(rq, job, "debited_at");
	return go_on(rq, job);
}

int
job_coins_refused(struct request *rq, const struct event_in *ev)
{
	struct row *job = job_of_posting(rq, ev);

	if (job == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	row_set(job, "rejection_reason", "Too few tracecoins for this posting.");
	return row_transition(rq, job, "return");
}

/* ---- closing ---- */

static int
job_close(struct request *rq, struct row *job)
{
	return tell_closed(rq, job) < 0 ? -1 : job_name_company(rq, job);
}

int
jobs_expire(struct request *rq)
{
	return transition_each(rq, &job_resource, "SELECT id FROM jobs WHERE status = 'LIVE'"
	    " AND expires_at < now() ORDER BY id LIMIT 100", NULL, "close", "close_reason",
	    "EXPIRED");
}

/* ---- for applications ---- */

int
job_facts(struct request *rq, const char *job_id, struct job_facts *ret_facts)
{
	struct db_result *r = db_one_or_fail(rq, ERR_NOT_FOUND, "there is no such job",
	    "SELECT j.id, j.title, j.status, j.posted_by_user_id, j.company_profile_id,"
	    " c.company_name"
	    " FROM jobs j JOIN company_refs c ON c.id = j.company_profile_id WHERE j.id = $1",
	    DB(job_id));

	if (r == NULL)
		return -1;
	*ret_facts = (struct job_facts){ db_text(r, 0, 0), db_text(r, 0, 1), db_text(r, 0, 2),
		db_text(r, 0, 3), db_text(r, 0, 4), db_text(r, 0, 5) };
	return 0;
}
