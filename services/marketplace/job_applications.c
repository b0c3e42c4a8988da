/*
 * Applications: once per candidate and job, forward only, steps may be skipped. Either side may
 * end one: the company with a reason, the candidate by withdrawing.
 *
 * "Owner" here is the company's side; the candidate sees his own through `visible`.
 */
#include <string.h>

#include "db.h"
#include "marketplace.h"

static const char *const stages[] = { "APPLIED", "SHORTLISTED", "INTERVIEW", "OFFERED", "REJECTED",
    NULL };

static const struct column application_columns[] = {
	COLUMN_ID,
	{ "job_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER },
	{ "applicant_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = stages },
	{ "cover_note", COL_TEXT, COL_CREATE_ONLY | COL_PERSONAL, .max = 4000 },
	{ "applied_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED },
	{ "rejection_reason", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column reject_body[] = {
	{ "reason", COL_TEXT, COL_REQUIRED, .max = 1000, .doc = "Told to the candidate." }, { 0 }
};

static row_guard application_create, application_advance, application_reject, application_withdraw;

#define ADVANCE(verb, from, to) \
	{ verb, from, to, OWNER, &EV_APPLICATION_ADVANCED, application_advance, \
	    .doc = "To the next stage." }
#define REJECT(from) \
	{ "reject", from, "REJECTED", { .who = WHO_OWNER | WHO_SYS | WHO_CLK }, \
	    &EV_APPLICATION_REJECTED, application_reject, .body = reject_body, \
	    .doc = "Refuse the candidate, with a reason." }
#define WITHDRAW(from) \
	{ "withdraw", from, "REJECTED", { .who = WHO_SIGNED_IN | WHO_SYS }, \
	    &EV_APPLICATION_REJECTED, application_withdraw, \
	    .doc = "The candidate takes the application back." }

static const struct transition application_transitions[] = {
	{ NULL, NULL, "APPLIED", SIGNED_IN, &EV_APPLICATION_SUBMITTED },
	ADVANCE("shortlist", "APPLIED", "SHORTLISTED"),
	ADVANCE("interview", "APPLIED", "INTERVIEW"),
	ADVANCE("interview", "SHORTLISTED", "INTERVIEW"),
	ADVANCE("offer", "APPLIED", "OFFERED"),
	ADVANCE("offer", "SHORTLISTED", "OFFERED"),
	ADVANCE("offer", "INTERVIEW", "OFFERED"),
	REJECT("APPLIED"), REJECT("SHORTLISTED"), REJECT("INTERVIEW"), REJECT("OFFERED"),
	WITHDRAW("APPLIED"), WITHDRAW("SHORTLISTED"), WITHDRAW("INTERVIEW"), WITHDRAW("OFFERED"),
	{ 0 }
};

const struct resource job_application_resource = {
	.table = "job_applications",
	.noun = "application",
	.module_key = "jobs",
	.columns = application_columns,
	.transitions = application_transitions,
	.owner = "EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.posted_by_user_id = :me)",
	.visible = "t.applicant_user_id = :me",
	.read = SIGNED_IN_OR("job-applications.read"),
	.create = SIGNED_IN,
	.on_create = application_create,
	.created = &EV_APPLICATION_SUBMITTED,
	.changed = &EV_JOB_APPLICATION_CHANGED,
	.child = { "jobs", "applications", "job_id" },
	.doc = "A candidate's application for a job, seen by him and the company.",
};

/* Both sides are told; the event names the job and the company. */
static int
tell(struct request *rq, struct row *row, struct job_facts *ret_job)
{
	struct event_out *ev = row_event(rq, row);

	if (job_facts(rq, row_text(row, "job_id"), ret_job) < 0)
		return -1;
	event_set_text(ev, "job_title", ret_job->title);
	event_set_text(ev, "company_profile_id", ret_job->company_id);
	event_set_text(ev, "company_name", ret_job->company_name);
	event_set_text(ev, "job_owner_user_id", ret_job->owner_id);
	event_label(ev, ret_job->title);
	event_recipient(ev, ret_job->owner_id);
	event_recipient(ev, row_text(row, "applicant_user_id"));
	return 0;
}

static int
application_create(struct request *rq, struct row *row)
{
	struct db_result *r = db_query(rq,
	    "SELECT status, posted_by_user_id FROM jobs WHERE id = $1 FOR SHARE",
	    DB(row_text(row, "job_id")));
	struct job_facts job;

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0 || text_is(db_text(r, 0, 0), "DRAFT") ||
	    text_is(db_text(r, 0, 0), "PENDING"))
		return fail_field(rq, "job_id", "unknown_reference",
		    "no published job has this id");
	if (caller_is(rq, db_text(r, 0, 1)))
		return fail(rq, ERR_CONFLICT, "nobody applies for a job of their own");
	if (!text_is(db_text(r, 0, 0), "LIVE"))
		return fail(rq, ERR_CONFLICT, "the job is closed");
	row_set_now(rq, row, "applied_at");
	return tell(rq, row, &job);
}

static int
application_advance(struct request *rq, struct row *row)
{
	struct job_facts job;

	if (tell(rq, row, &job) < 0)
		return -1;
	event_set_text(row_event(rq, row), "old_status", row_text(row, "status"));
	event_set_text(row_event(rq, row), "stage", text_is(rq->route->verb, "shortlist") ?
	    "SHORTLISTED" : text_is(rq->route->verb, "interview") ? "INTERVIEW" : "OFFERED");
	return 0;
}

static int
end(struct request *rq, struct row *row, const char *cause, const char *reason)
{
	struct event_out *ev = row_event(rq, row);
	struct job_facts job;

	row_set(row, "rejection_reason", reason);
	event_set_text(ev, "old_status", row_text(row, "status"));
	event_set_text(ev, "cause", cause);
	event_set_text(ev, "reason", reason);
	event_set_bool(ev, "withdrawn", text_is(cause, "CANDIDATE"));
	return tell(rq, row, &job);
}

static int
application_reject(struct request *rq, struct row *row)
{
	if (!by_person(rq))
		return end(rq, row, "JOB_CLOSED", "The job was closed.");
	return end(rq, row, "COMPANY", body_text(rq, "reason"));
}

static int
application_withdraw(struct request *rq, struct row *row)
{
	if (by_person(rq) && !caller_is(rq, row_text(row, "applicant_user_id")))
		return fail(rq, ERR_FORBIDDEN, "only the candidate may withdraw");
	return end(rq, row, "CANDIDATE", "Withdrawn.");
}

/* Applications of a closed job end after a grace period; an offer stands. */
int
applications_end(struct request *rq)
{
	return transition_each(rq, &job_application_resource,
	    "SELECT a.id FROM job_applications a JOIN jobs j ON j.id = a.job_id"
	    " WHERE j.status = 'CLOSED' AND j.closed_at < now() - interval '7 days'"
	    " AND a.status IN ('APPLIED', 'SHORTLISTED', 'INTERVIEW') ORDER BY a.id LIMIT 100",
	    NULL, "reject", NULL, NULL);
}

/* GET …/{id}/candidate: contact and resume, for the candidate and, until it has ended, the company applied to. */
int
application_candidate(struct request *rq)
{
	struct db_result *r = db_query(rq,
	    "SELECT a.applicant_user_id, c.display_name, c.location, c.experience_years,"
	    " c.resume_file_url, u.email, u.phone FROM job_applications a"
	    " JOIN jobs j ON j.id = a.job_id"
	    " JOIN user_refs u ON u.id = a.applicant_user_id LEFT"
	    " JOIN candidate_refs c ON c.user_id = u.id"
	    " WHERE a.id = $1 AND (a.applicant_user_id = $2 OR (j.posted_by_user_id = $2 AND a.status <> 'REJECTED'))",
	    DB(rq->id, rq->caller.user_id));
	static const char *const names[] = { "user_id", "display_name", "location", NULL,
	    "resume_file_url",
		"email", "phone" };
	json_t *answer;

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail(rq, ERR_NOT_FOUND, "there is no such application");
	answer = json_object();
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i] != NULL)
			json_object_set_new(answer, names[i], db_text(r, 0, (int)i) != NULL ?
			    json_string(db_text(r, 0, (int)i)) : json_null());
	json_object_set_new(answer, "experience_years", db_text(r, 0, 3) != NULL ?
	    json_integer(db_int(r, 0, 3)) : json_null());
	return reply_json(rq, 200, answer);
}
