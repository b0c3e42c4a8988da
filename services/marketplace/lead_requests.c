/*
 * Lead requests: a professional asks for a lead and pays for it in tracecoins.
 *
 * The coins are held on request (finance hears lead_request.created), kept on acceptance and given
 * back on every other end. Until they are held the customer does not see the request. "Owner" here
 * is the customer's side; the professional sees his own through `visible`.
 */
#include <string.h>

#include "db.h"
#include "marketplace.h"

static const char *const request_statuses[] = { "PENDING", "ACCEPTED", "REJECTED", NULL };
static const char *const causes[] = { "OWNER", "UNSEEN", "CLOSED", "REFUSED", NULL };

static const struct column request_columns[] = {
	COLUMN_ID,
	{ "lead_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER },
	{ "user_role_profile_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "role_profile_refs" },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = request_statuses },
	{ "remarks", COL_TEXT, COL_CREATE_ONLY | COL_PERSONAL | COL_NO_CONTACT, .max = 2000,
	    .doc = "For the customer." },
	{ "requested_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED },
	{ "requested_by_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "coin_price", COL_INT, COL_READONLY, .doc = "Tracecoins held for this request." },
	{ "rate_card_version", COL_INT, COL_READONLY,
	    .doc = "Of the runtime option that gave the price." },
	{ "debited_at", COL_TIME, COL_READONLY,
	    .doc = "The coins are held: the customer sees it from here." },
	{ "seen_at", COL_TIME, COL_READONLY, .doc = "By the customer." },
	{ "rejected_cause", COL_ENUM, COL_READONLY | COL_FILTER, .values = causes },
	{ "contact_revealed_at", COL_TIME, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static row_guard request_create, request_accept, request_reject;

static const struct transition request_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN, &EV_LEAD_REQUEST_CREATED },
	{ "accept", "PENDING", "ACCEPTED", OWNER, &EV_LEAD_REQUEST_ACCEPTED, request_accept,
	    .stamp = "contact_revealed_at", .doc = "The coins are kept, the contact is revealed." },
	{ "reject", "PENDING", "REJECTED", { .who = WHO_OWNER | WHO_SYS | WHO_CLK },
	    &EV_LEAD_REQUEST_REJECTED, request_reject, .doc = "The coins go back." },
	{ 0 }
};

const struct resource lead_request_resource = {
	.table = "lead_requests",
	.noun = "lead_request",
	.module_key = "leads",
	.columns = request_columns,
	.transitions = request_transitions,
	.flags = RES_IDEMPOTENCY,
	.owner = "t.debited_at IS NOT NULL AND EXISTS (SELECT FROM leads l WHERE l.id = t.lead_id"
	    " AND l.created_by_user_id = :me)",
	.visible = "t.requested_by_user_id = :me",
	.read = SIGNED_IN_OR("lead-requests.read"),
	.create = SIGNED_IN,
	.on_create = request_create,
	.created = &EV_LEAD_REQUEST_CREATED,
	.changed = &EV_LEAD_REQUEST_CHANGED,
	.child = { "leads", "requests", "lead_id" },
	.doc = "A professional's paid request for a lead.",
};

/* ---- what every event says of the lead ---- */

static int
name_lead(struct request *rq, struct row *row, const struct row *lead)
{
	struct event_out *ev = row_event(rq, row);

	event_set_text(ev, "lead_title", row_text(lead, "title"));
	event_set_text(ev, "lead_owner_user_id", row_text(lead, "created_by_user_id"));
	event_set_text(ev, "profession_key", row_text(lead, "profession_key"));
	event_label(ev, row_text(lead, "title"));
	return 0;
}

static struct row *
its_lead(struct request *rq, struct row *row, bool lock)
{
	struct row *lead = row_load(rq, &lead_resource, row_text(row, "lead_id"), lock);

	if (lead != NULL)
		name_lead(rq, row, lead);
	return lead;
}

int
lead_request_name_lead(struct request *rq, struct row *row)
{
	return its_lead(rq, row, false) == NULL ? -1 : 0;
}

/* ---- asking ---- */

static int
lead_must_be_open(struct request *rq, const struct row *row, struct row **ret_lead)
{
	struct row *lead = row_load_if_there(rq, &lead_resource, row_text(row, "lead_id"));

	if (rq->problem.code != ERR_NONE)
		return -1;
	if (lead == NULL || row_is(lead, "status", "DRAFT") || row_is(lead, "status", "PENDING"))
		return fail_field(rq, "lead_id", "unknown_reference", "no open lead has this id");
	if (caller_is(rq, row_text(lead, "created_by_user_id")))
		return fail(rq, ERR_CONFLICT, "nobody requests a lead of their own");
	if (!row_is(lead, "status", "OPEN"))
		return fail(rq, ERR_CONFLICT, "the lead is closed");
	*ret_lead = lead;
	return 0;
}

/* A profile that is not known yet is waited for: a rule must not be skipped because its event came late. */
static int
profile_must_fit(struct request *rq, const struct row *row, const struct row *lead)
{
	struct db_result *r = db_query(rq, "SELECT user_id, role_key, status FROM role_profile_refs"
	    " WHERE id = $1 AND known", DB(row_text(row, "user_role_profile_id")));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field_unless_soon(rq, "user_role_profile_id");
	if (!caller_is(rq, db_text(r, 0, 0)))
		return fail_field(rq, "user_role_profile_id", "unknown_reference",
		    "no profile of yours has this id");
	if (!text_is(db_text(r, 0, 1), row_text(lead, "profession_key")))
		return fail_field(rq, "user_role_profile_id", "wrong_profession",
		    "the lead is for a %s", row_text(lead, "profession_key"));
	if (!text_is(db_text(r, 0, 2), "ACTIVE"))
		return fail(rq, ERR_CONFLICT, "only an active profile may request leads");
	return 0;
}

static int
take_price(struct request *rq, struct row *row, const struct row *lead)
{
	struct db_result *r = db_query(rq, "SELECT version FROM config_values"
	    " WHERE config_key = 'marketplace.lead_rate_card' AND is_active", DB0);
	int64_t coins = lead_coin_price(row_text(lead, "profession_key"));

	if (r == NULL)
		return -1;
	row_set_int(row, "coin_price", coins);
	if (db_rows(r) > 0)
		row_set(row, "rate_card_version", db_text(r, 0, 0));
	if (coins == 0)
		row_set_now(rq, row, "debited_at");	/* nothing to wait for */
	return 0;
}

/*
 * One request per lead and profile. One that the coins were missing for was never seen by the customer and cost
 * nothing: it makes way for the next, once there are coins.
 */
static int
clear_refused(struct request *rq, const struct row *row)
{
	struct db_result *r = db_query(rq, "SELECT id FROM lead_requests WHERE lead_id = $1"
	    " AND user_role_profile_id = $2 AND status = 'REJECTED' AND rejected_cause = 'REFUSED'",
	    DB(row_text(row, "lead_id"), row_text(row, "user_role_profile_id")));
	struct row *refused;

	if (r == NULL || db_rows(r) == 0)
		return r == NULL ? -1 : 0;
	refused = row_load_if_there(rq, &lead_request_resource, db_text(r, 0, 0));
	if (refused == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	row_event_of_removal(rq, refused);
	return lead_request_name_lead(rq, refused) < 0 ? -1 : row_remove(rq, refused);
}

static int
request_create(struct request *rq, struct row *row)
{
	struct row *lead = NULL;

	if (lead_must_be_open(rq, row, &lead) < 0 || profile_must_fit(rq, row, lead) < 0 ||
	    clear_refused(rq, row) < 0 || take_price(rq, row, lead) < 0)
		return -1;
	row_set_now(rq, row, "requested_at");
	if (row_is_set(row, "debited_at"))
		event_recipient(row_event(rq, row), row_text(lead, "created_by_user_id"));
	return name_lead(rq, row, lead);
}

/* ---- the coins ---- */

/* Visible to the customer from now on, who is told by this change. */
int
lead_request_coins_held(struct request *rq, const struct event_in *ev)
{
	struct row *row = row_load_if_there(rq, &lead_request_resource, event_text(ev, "reference_id"));
	struct row *lead;

	if (row == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (row_is_set(row, "debited_at"))
		return 0;
	row_set_now(rq, row, "debited_at");
	lead = its_lead(rq, row, false);
	if (lead == NULL)
		return -1;
	if (row_is(row, "status", "PENDING"))
		event_recipient(row_event(rq, row), row_text(lead, "created_by_user_id"));
	return row_update(rq, row);
}

int
lead_request_coins_refused(struct request *rq, const struct event_in *ev)
{
	struct row *row = row_load_if_there(rq, &lead_request_resource, event_text(ev, "reference_id"));

	if (row == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (!row_is(row, "status", "PENDING"))
		return 0;
	row_set(row, "rejected_cause", "REFUSED");
	return row_transition(rq, row, "reject");
}

/* ---- deciding ---- */

static void
reveal(struct request *rq, const struct row *row, const struct row *lead)
{
	struct event_out *ev = event_publish(rq, &EV_CONTACT_REVEALED, row_id(row),
	    row_version(row) + 1);

	event_set_text(ev, "lead_request_id", row_id(row));
	event_set_text(ev, "lead_id", row_id(lead));
	event_set_text(ev, "user_role_profile_id", row_text(row, "user_role_profile_id"));
	event_set_text(ev, "viewer_user_id", row_text(row, "requested_by_user_id"));
	event_set_text(ev, "owner_user_id", row_text(lead, "created_by_user_id"));
	event_add_text(ev, "fields_shown", "display_name");
	event_add_text(ev, "fields_shown", "email");
	event_add_text(ev, "fields_shown", "phone");
	event_label(ev, row_text(lead, "title"));
	event_recipient(ev, row_text(lead, "created_by_user_id"));
}

static int
request_accept(struct request *rq, struct row *row)
{
	struct row *lead = its_lead(rq, row, true);
	struct event_out *ev = row_event(rq, row);

	if (lead == NULL || lead_count_accepted(rq, lead) < 0)
		return -1;
	event_set_int(ev, "accepted_count", row_int(lead, "accepted_count"));
	event_recipient(ev, row_text(row, "requested_by_user_id"));
	event_recipient(ev, row_text(lead, "created_by_user_id"));
	if (!row_is_set(row, "seen_at"))
		row_set_now(rq, row, "seen_at");
	reveal(rq, row, lead);
	return 0;
}

/* A consequence names its cause in rejected_cause beforehand. */
static int
request_reject(struct request *rq, struct row *row)
{
	struct row *lead = its_lead(rq, row, false);
	struct event_out *ev = row_event(rq, row);

	if (lead == NULL)
		return -1;
	if (!row_changed(row, "rejected_cause"))
		row_set(row, "rejected_cause", rq->actor == ACTOR_CRON ? "UNSEEN" : "OWNER");
	event_set_text(ev, "reason", row_text(row, "rejected_cause"));
	event_recipient(ev, row_text(row, "requested_by_user_id"));
	return 0;
}

int
lead_requests_end(struct request *rq, const char *lead_id)
{
	return transition_each(rq, &lead_request_resource,
	    "SELECT id FROM lead_requests WHERE lead_id = $1"
	    " AND status = 'PENDING' ORDER BY id", lead_id, "reject", "rejected_cause", "CLOSED");
}

int
lead_requests_end_of_profile(struct request *rq, const char *profile_id)
{
	return transition_each(rq, &lead_request_resource,
	    "SELECT id FROM lead_requests WHERE user_role_profile_id = $1"
	    " AND status = 'PENDING' ORDER BY id", profile_id, "reject", "rejected_cause",
	    "CLOSED");
}

/* 48 hours from the moment the customer could have seen it. */
int
lead_requests_expire(struct request *rq)
{
	return transition_each(rq, &lead_request_resource,
	    "SELECT id FROM lead_requests WHERE status = 'PENDING'"
	    " AND seen_at IS NULL AND debited_at < now() - interval '48 hours'"
	    " ORDER BY id LIMIT 100", NULL,
	    "reject", "rejected_cause", "UNSEEN");
}

/* ---- seeing ---- */

/* The request, if the caller is the customer and may see it. */
static struct row *
load_as_customer(struct request *rq)
{
	struct row *row = row_load(rq, &lead_request_resource, rq->id, true);
	struct row *lead = row == NULL ? NULL : row_load(rq, &lead_resource,
	    row_text(row, "lead_id"), false);

	if (lead == NULL)
		return NULL;
	if (caller_is(rq, row_text(lead, "created_by_user_id")) && row_is_set(row, "debited_at"))
		return row;
	fail(rq, ERR_NOT_FOUND, "there is no such lead_request");
	return NULL;
}

/* POST …/{id}/seen: the customer has looked; the 48 hours no longer run. */
int
lead_request_seen(struct request *rq)
{
	struct row *row = load_as_customer(rq);

	if (row == NULL)
		return -1;
	if (!row_is_set(row, "seen_at") && row_is(row, "status", "PENDING")) {
		row_set_now(rq, row, "seen_at");
		if (its_lead(rq, row, false) == NULL || row_update(rq, row) < 0)
			return -1;
	}
	return reply_row(rq, 200, row);
}

static int
answer_contact(struct request *rq, const char *user_id)
{
	struct db_result *r = db_one_or_fail(rq, ERR_NOT_FOUND, "there is no contact", "SELECT"
	    " COALESCE(c.display_name, u.display_name), COALESCE(c.email, u.email),"
	    " COALESCE(c.phone, u.phone)"
	    " FROM user_refs u LEFT JOIN customer_refs c ON c.user_id = u.id WHERE u.id = $1",
	    DB(user_id));

	if (r == NULL)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s, s:s?, s:s?, s:s?}", "user_id", user_id,
	    "display_name", db_text(r, 0, 0), "email", db_text(r, 0, 1), "phone",
	    db_text(r, 0, 2)));
}

/* GET …/{id}/contact: each side sees the other's once the request is accepted. */
int
lead_request_contact(struct request *rq)
{
	struct row *row = row_load(rq, &lead_request_resource, rq->id, false);
	struct row *lead = row == NULL ? NULL : row_load(rq, &lead_resource,
	    row_text(row, "lead_id"), false);
	bool professional, customer;

	if (lead == NULL)
		return -1;
	professional = caller_is(rq, row_text(row, "requested_by_user_id"));
	customer = caller_is(rq, row_text(lead, "created_by_user_id")) &&
	    row_is_set(row, "debited_at");
	if (!professional && !customer)
		return fail(rq, ERR_NOT_FOUND, "there is no such lead_request");
	if (!row_is(row, "status", "ACCEPTED"))
		return fail(rq, ERR_CONFLICT, "contact is shown once the request is accepted");
	return answer_contact(rq, row_text(professional ? lead : row,
	    professional ? "created_by_user_id" : "requested_by_user_id"));
}
