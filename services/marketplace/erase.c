/*
 * user.erased: what the person offered or asked for ends by its own state machine, and its words go.
 *
 * Ids, dates, statuses and amounts stay, and so does what others wrote to the person. A row is blanked by
 * a plain statement before it is loaded, so that neither its event nor the log's list of changes tells
 * the words once more.
 */
#include "db.h"
#include "marketplace.h"

/* A title may not be missing; this one says why it tells nothing. */
#define NO_TITLE "title = 'Erased'"

static const char *const reference_tables[] = {
	"UPDATE user_refs SET email = NULL, phone = NULL, display_name = NULL WHERE id = $1",
	("UPDATE customer_refs SET email = NULL, phone = NULL, display_name = NULL, location = NULL"
	" WHERE user_id = $1"),
	("UPDATE candidate_refs SET display_name = NULL, location = NULL, resume_file_url = NULL,"
	" preferred_roles = '{}', experience_years = NULL WHERE user_id = $1"),
	"UPDATE role_profile_refs SET display_name = NULL, location = NULL WHERE user_id = $1",
	/* The answer to a review is by whoever was reviewed; the review itself is its author's. */
	("UPDATE reviews SET reply_text = NULL WHERE reply_text IS NOT NULL AND entity_id IN"
	" (SELECT id FROM company_refs WHERE user_id = $1"
	"  UNION ALL SELECT id FROM role_profile_refs WHERE user_id = $1)"),
};

/* The rows of one table that are the person's, and how they end from where they stand. */
struct ending {
	const struct resource *res;
	const char *blank;	/* gives the ids; $1 is the user's */
	struct step steps[5];
	row_guard *name;	/* adds what every event of such a row says, where no step does */
};

static const struct ending endings[] = {
	{ &job_resource,
	    "UPDATE jobs SET " NO_TITLE ", description = NULL, location = NULL, salary_range_json = NULL,"
	    " rejection_reason = NULL, close_reason = NULL WHERE posted_by_user_id = $1 RETURNING id",
	    { { "LIVE", "close", "close_reason", "USER_ERASED" }, { "PENDING", "return", NULL, NULL } },
	    job_name_company },
	{ &lead_resource,
	    "UPDATE leads SET " NO_TITLE ", description = NULL, location = NULL, rejection_reason = NULL,"
	    " close_reason = NULL WHERE created_by_user_id = $1 RETURNING id",
	    { { "OPEN", "close", "close_reason", "USER_ERASED" }, { "PENDING", "return", NULL, NULL } }, NULL },
	{ &lead_request_resource,
	    "UPDATE lead_requests SET remarks = NULL WHERE requested_by_user_id = $1 RETURNING id",
	    { { "PENDING", "reject", "rejected_cause", "CLOSED" } }, lead_request_name_lead },
	{ &job_application_resource,
	    "UPDATE job_applications SET cover_note = NULL, rejection_reason = NULL"
	    " WHERE applicant_user_id = $1 RETURNING id",
	    { { "APPLIED", "withdraw", NULL, NULL }, { "SHORTLISTED", "withdraw", NULL, NULL },
	    { "INTERVIEW", "withdraw", NULL, NULL }, { "OFFERED", "withdraw", NULL, NULL } }, NULL },
	{ &review_resource, "UPDATE reviews SET review_text = NULL WHERE reviewer_user_id = $1 RETURNING id",
	    { { 0 } }, NULL },
};

static int
end_row(struct request *rq, struct row *row, const void *ending)
{
	const struct ending *e = ending;
	int ended = row_end(rq, row, e->steps);

	if (ended != 0)
		return ended < 0 ? -1 : 0;
	if (e->name != NULL && e->name(rq, row) < 0)
		return -1;
	return row_touch(rq, row);
}

int
user_erase(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	for (size_t i = 0; i < COUNT_OF(reference_tables); i++)
		if (db_exec(rq, reference_tables[i], DB(ev->aggregate_id)) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(endings); i++)
		if (rows_each(rq, endings[i].res, endings[i].blank, ev->aggregate_id, end_row, &endings[i]) < 0)
			return -1;
	return 0;
}
