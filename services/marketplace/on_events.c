/* What this service does when events arrive: decisions, coins, and others' rows it refers to. */
#include "db.h"
#include "marketplace.h"
#include "refs.h"

/* ---- decisions ---- */

static int
on_approval_decided(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	if (!event_is(ev, "approval_type", "CONTENT"))
		return 0;
	if (event_bool(ev, "withdrawn") && event_text(ev, "reviewer_user_id") == NULL)
		return 0;	/* overtaken by a newer submission */
	if (event_is(ev, "entity_type", "job"))
		return job_decided(rq, ev);
	return event_is(ev, "entity_type", "lead") ? lead_decided(rq, ev) : 0;
}

/* ---- coins ---- */

static int
on_wallet_debited(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	if (event_is(ev, "reference_type", "JOB"))
		return job_coins_taken(rq, ev);
	return event_is(ev, "reference_type", "LEAD") ? lead_request_coins_held(rq, ev) :
	    0;
}

static int
on_wallet_debit_refused(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	if (event_is(ev, "reference_type", "JOB"))
		return job_coins_refused(rq, ev);
	return event_is(ev, "reference_type", "LEAD") ?
	    lead_request_coins_refused(rq, ev) : 0;
}

static int
on_lead_request_accepted(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	return lead_close_at_limit(rq, event_text(ev, "lead_id"));
}

/* ---- users ---- */

static const struct ref_map user_refs = { "user_refs", NULL,
	{ "status", "account_type", "email", "phone", "display_name" } };

/* Whether the reference row says so: of events in either order it holds the newest word. */
static int
is_suspended(struct request *rq, const char *sql, const char *id)
{
	struct db_result *r = db_query(rq, sql, DB(id));

	return r == NULL ? -1 : db_rows(r) > 0 && db_bool(r, 0, 0);
}

/* What is on the market closes, what waits for a reviewer comes back, what was asked for falls away. */
static const struct {
	const struct resource *res;
	const char *ids;	/* $1 is the user's */
	struct step steps[3];
} ends_of_user[] = {
	{ &job_resource,
	    "SELECT id FROM jobs WHERE posted_by_user_id = $1 AND status IN ('LIVE', 'PENDING') ORDER BY id",
	    { { "LIVE", "close", "close_reason", "USER_SUSPENDED" },
	    { "PENDING", "return", "rejection_reason", USER_NOT_ACTIVE } } },
	{ &lead_resource,
	    "SELECT id FROM leads WHERE created_by_user_id = $1 AND status IN ('OPEN', 'PENDING') ORDER BY id",
	    { { "OPEN", "close", "close_reason", "USER_SUSPENDED" },
	    { "PENDING", "return", "rejection_reason", USER_NOT_ACTIVE } } },
	{ &lead_request_resource,
	    "SELECT id FROM lead_requests WHERE requested_by_user_id = $1 AND status = 'PENDING' ORDER BY id",
	    { { "PENDING", "reject", "rejected_cause", "CLOSED" } } },
};

static int
on_user_suspended(struct request *rq, const struct event_in *ev)
{
	int suspended = refs_user_is_suspended(rq, ev->aggregate_id);

	rq->trigger = ev;
	for (size_t i = 0; suspended > 0 && i < COUNT_OF(ends_of_user); i++)
		if (rows_end(rq, ends_of_user[i].res, ends_of_user[i].ids, ev->aggregate_id,
		    ends_of_user[i].steps) < 0)
			return -1;
	return suspended < 0 ? -1 : 0;
}

/* ---- companies, professionals, customers, candidates ---- */

static const struct ref_map company_refs = { "company_refs", NULL,
	{ "user_id", "company_name", "location", "status", "approval_status", "verification_status",
	    "gstin", "state_code" } };
static const struct ref_map profile_refs = { "role_profile_refs", NULL,
	{ "user_id", "role_key", "display_name", "location", "status", "approval_status",
	    "verification_status", "is_profile_public" } };
static const struct ref_map customer_refs = { "customer_refs", NULL,
	{ "user_id", "display_name", "phone", "email", "location", "status" } };
static const struct ref_map candidate_refs = { "candidate_refs", NULL,
	{ "user_id", "display_name", "location", "experience_years", "preferred_roles",
	    "resume_file_url", "status" } };

static int
on_company_suspended(struct request *rq, const struct event_in *ev)
{
	static const struct step steps[] = {
		{ "LIVE", "close", "close_reason", "COMPANY_SUSPENDED" },
		{ "PENDING", "return", "rejection_reason", "The company is not active." },
		{ 0 }
	};
	int suspended = is_suspended(rq,
	    "SELECT status = 'SUSPENDED' FROM company_refs WHERE id = $1",
	    ev->aggregate_id);

	rq->trigger = ev;
	if (suspended <= 0)
		return suspended;
	return rows_end(rq, &job_resource, "SELECT id FROM jobs WHERE company_profile_id = $1"
	    " AND status IN ('LIVE', 'PENDING') ORDER BY id", ev->aggregate_id, steps);
}

/* Its own review may be what an approved job waits for. */
static int
on_company_changed(struct request *rq, const struct event_in *ev)
{
	rq->trigger = ev;
	return jobs_go_on(rq, ev->aggregate_id);
}

static int
on_profile_suspended(struct request *rq, const struct event_in *ev)
{
	int suspended = is_suspended(rq,
	    "SELECT status = 'SUSPENDED' FROM role_profile_refs WHERE id = $1",
	    ev->aggregate_id);

	rq->trigger = ev;
	return suspended <= 0 ? suspended : lead_requests_end_of_profile(rq, ev->aggregate_id);
}

const struct subscription marketplace_subscriptions[] = {
	{ &EV_APPROVAL_DECIDED, NULL, on_approval_decided },
	{ &EV_WALLET_DEBITED, NULL, on_wallet_debited },
	{ &EV_WALLET_DEBIT_REFUSED, NULL, on_wallet_debit_refused },
	{ &EV_LEAD_REQUEST_ACCEPTED, NULL, on_lead_request_accepted },
	{ &EV_USER_REGISTERED, &user_refs, NULL },
	{ &EV_USER_ACTIVATED, &user_refs, NULL },
	{ &EV_USER_REINSTATED, &user_refs, NULL },
	{ &EV_USER_CHANGED, &user_refs, NULL },
	{ &EV_USER_CONTACT_CHANGED, &user_refs, NULL },
	{ &EV_USER_SUSPENDED, &user_refs, on_user_suspended },
	{ &EV_USER_ERASED, &user_refs, user_erase },
	{ &EV_COMPANY_CHANGED, &company_refs, on_company_changed },
	{ &EV_COMPANY_SUBMITTED, &company_refs, NULL },
	{ &EV_COMPANY_ACTIVATED, &company_refs, NULL },
	{ &EV_COMPANY_REINSTATED, &company_refs, NULL },
	{ &EV_COMPANY_VERIFICATION_CHANGED, &company_refs, NULL },
	{ &EV_COMPANY_SUSPENDED, &company_refs, on_company_suspended },
	{ &EV_PROFILE_CHANGED, &profile_refs, NULL },
	{ &EV_PROFILE_SUBMITTED, &profile_refs, NULL },
	{ &EV_PROFILE_ACTIVATED, &profile_refs, NULL },
	{ &EV_PROFILE_REINSTATED, &profile_refs, NULL },
	{ &EV_PROFILE_VERIFICATION_CHANGED, &profile_refs, NULL },
	{ &EV_PROFILE_SUSPENDED, &profile_refs, on_profile_suspended },
	{ &EV_CUSTOMER_CHANGED, &customer_refs, NULL },
	{ &EV_CANDIDATE_CHANGED, &candidate_refs, NULL },
	{ 0 }
};
