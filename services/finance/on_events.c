/*
 * What finance does when others' events arrive: keeps the parties, opens wallets, takes and returns
 * coins for postings and lead requests. Each may come twice, or after what follows from it.
 */
#include "finance.h"

#include "db.h"

static const struct ref_map users = { "user_refs", NULL,
	{ "status", "account_type", "display_name" } };
static const struct ref_map companies = { "company_refs", NULL,
	{ "user_id", "company_name", "location", "status", "approval_status", "verification_status",
	    "gstin", "state_code" } };
static const struct ref_map customers = { "customer_refs", NULL,
	{ "user_id", "display_name", "location", "state_code", "status" } };
static const struct ref_map candidates = { "candidate_refs", NULL,
	{ "user_id", "display_name", "location", "state_code", "status" } };
static const struct ref_map professionals = { "role_profile_refs", NULL,
	{ "user_id", "role_key", "display_name", "location", "status", "approval_status",
	    "verification_status", "is_profile_public", "gstin", "state_code" } };
static const struct ref_map services = { "service_refs", "id",
	{ "user_role_profile_id", "user_id", "name", "price", "is_active" } };

/* ---- users ---- */

static int
on_user_active(struct request *rq, const struct event_in *ev)
{
	return wallet_open(rq, ev->aggregate_id) == NULL ? -1 : 0;
}

/* Names go; ids, amounts and invoices stay, as the tax law wants them. */
static int
on_user_erased(struct request *rq, const struct event_in *ev)
{
	static const char *const statements[] = {
		"UPDATE user_refs SET display_name = NULL WHERE id = $1",
		"UPDATE customer_refs SET display_name = NULL, location = NULL, updated_at = now()"
		" WHERE user_id = $1",
		"UPDATE candidate_refs SET display_name = NULL, location = NULL, updated_at = now()"
		" WHERE user_id = $1",
		"UPDATE role_profile_refs SET display_name = NULL, location = NULL, updated_at = now()"
		" WHERE user_id = $1",
		"UPDATE orders SET buyer_name = NULL WHERE user_id = $1 AND status <> 'COMPLETED'",
	};

	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB(ev->aggregate_id)) < 0)
			return -1;
	return 0;
}

/* ---- postings of jobs ---- */

static struct movement
posting(const struct event_in *ev)
{
	return (struct movement){ .reference_type = "JOB",
		.reference_id = event_text(ev, "posting_id"), .subject_id = ev->aggregate_id,
		.remarks = event_text(ev, "title") };
}

static int
on_job_submitted(struct request *rq, const struct event_in *ev)
{
	struct movement m = posting(ev);

	m.amount = event_int(ev, "coin_price");
	if (m.amount <= 0)
		return 0;
	return wallet_hold(rq, event_text(ev, "posted_by_user_id"), &m);
}

static int
on_job_returned(struct request *rq, const struct event_in *ev)
{
	struct movement m = posting(ev);

	if (event_int(ev, "coin_price") <= 0 || event_is(ev, "cause", "DEBIT_REFUSED"))
		return 0;
	return wallet_release(rq, event_text(ev, "posted_by_user_id"), &m);
}

/* ---- lead requests ---- */

static struct movement
lead_request(const struct event_in *ev)
{
	return (struct movement){ .reference_type = "LEAD", .reference_id = ev->aggregate_id,
		.subject_id = event_text(ev, "lead_id"), .remarks = event_text(ev, "lead_title") };
}

static int
on_lead_request_created(struct request *rq, const struct event_in *ev)
{
	struct movement m = lead_request(ev);

	m.amount = event_int(ev, "coin_price");
	if (m.amount <= 0)
		return 0;
	return wallet_hold(rq, event_text(ev, "requested_by_user_id"), &m);
}

static int
on_lead_request_rejected(struct request *rq, const struct event_in *ev)
{
	struct movement m = lead_request(ev);

	if (event_int(ev, "coin_price") <= 0 || event_is(ev, "reason", "REFUSED"))
		return 0;
	return wallet_release(rq, event_text(ev, "requested_by_user_id"), &m);
}

const struct subscription finance_subscriptions[] = {
	{ &EV_USER_REGISTERED, &users, NULL },
	{ &EV_USER_ACTIVATED, &users, on_user_active },
	{ &EV_USER_REINSTATED, &users, on_user_active },
	{ &EV_USER_SUSPENDED, &users, NULL },
	{ &EV_USER_CHANGED, &users, NULL },
	{ &EV_USER_ERASED, &users, on_user_erased },
	{ &EV_COMPANY_CHANGED, &companies, NULL },
	{ &EV_COMPANY_SUBMITTED, &companies, NULL },
	{ &EV_COMPANY_ACTIVATED, &companies, NULL },
	{ &EV_COMPANY_SUSPENDED, &companies, NULL },
	{ &EV_COMPANY_REINSTATED, &companies, NULL },
	{ &EV_CUSTOMER_CHANGED, &customers, NULL },
	{ &EV_CANDIDATE_CHANGED, &candidates, NULL },
	{ &EV_PROFILE_CHANGED, &professionals, NULL },
	{ &EV_PROFILE_SUBMITTED, &professionals, NULL },
	{ &EV_PROFILE_ACTIVATED, &professionals, NULL },
	{ &EV_PROFILE_SUSPENDED, &professionals, NULL },
	{ &EV_PROFILE_REINSTATED, &professionals, NULL },
	{ &EV_SERVICE_CHANGED, &services, NULL },
	{ &EV_JOB_SUBMITTED, NULL, on_job_submitted },
	{ &EV_JOB_RETURNED, NULL, on_job_returned },
	{ &EV_LEAD_REQUEST_CREATED, NULL, on_lead_request_created },
	{ &EV_LEAD_REQUEST_REJECTED, NULL, on_lead_request_rejected },
	{ 0 }
};
