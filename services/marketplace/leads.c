/*
 * Leads: what a customer is looking for. Approved, then open to professionals of that profession;
 * closed by the customer, staff, the clock after its date, or when enough requests are accepted.
 */
#include <string.h>

#include "config.h"
#include "db.h"
#include "marketplace.h"
#include "professions.h"
#include "refs.h"

static const char *const lead_statuses[] = { "DRAFT", "PENDING", "OPEN", "CLOSED", NULL };

static const struct column lead_columns[] = {
	COLUMN_ID,
	{ "created_by_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "profession_key", COL_TEXT, COL_REQUIRED | COL_FILTER | COL_SORT | COL_JUDGED, .max = 64,
	    .pattern = "^[a-z0-9_]+$", .doc = "A role key." },
	{ "title", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT | COL_JUDGED | COL_NO_CONTACT,
	    .max = 200 },
	{ "description", COL_TEXT, COL_SEARCH | COL_JUDGED | COL_PERSONAL | COL_NO_CONTACT,
	    .max = 8000, .doc = "Needed before review." },
	{ "location", COL_TEXT, COL_FILTER | COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 200 },
	{ "budget_inr", COL_MONEY, COL_FILTER | COL_SORT | COL_JUDGED, .doc = "In paise." },
	{ "required_date", COL_DATE, COL_FILTER | COL_SORT | COL_JUDGED,
	    .doc = "OPEN ends after it." },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = lead_statuses },
	{ "approved_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "submission", COL_INT, COL_READONLY | COL_PRIVATE, .initial = "0" },
	{ "content_hash", COL_TEXT, COL_READONLY | COL_PRIVATE, .doc = "Of the submission." },
	{ "rejection_reason", COL_TEXT, COL_READONLY | COL_PRIVATE,
	    .doc = "Why it came back to DRAFT." },
	{ "accept_limit", COL_INT, 0, .min = 1, .max = 50,
	    .doc = "How many requests the customer may accept." },
	{ "accepted_count", COL_INT, COL_READONLY, .initial = "0" },
	{ "closed_at", COL_TIME, COL_READONLY },
	{ "close_reason", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column close_body[] = { { "reason", COL_TEXT, 0, .max = 1000 }, { 0 } };

static row_guard lead_create, lead_update, lead_remove, lead_submit, lead_open, lead_close;

static const struct transition lead_transitions[] = {
	{ NULL, NULL, "DRAFT", SIGNED_IN },
	{ "submit", "DRAFT", "PENDING", OWNER, &EV_LEAD_SUBMITTED, lead_submit,
	    .doc = "Ask for approval." },
	{ "open", "PENDING", "OPEN", SYS, &EV_LEAD_OPENED, lead_open, .stamp = "approved_at" },
	{ "return", "PENDING", "DRAFT", SYS, &EV_LEAD_RETURNED, tell_returned },
	{ "close", "OPEN", "CLOSED",
	    { .who = WHO_OWNER | WHO_STAFF | WHO_SYS | WHO_CLK, .permission = "leads.close" },
	    &EV_LEAD_CLOSED, lead_close, .stamp = "closed_at", .body = close_body,
	    .doc = "Take no more requests." },
	{ 0 }
};

const struct resource lead_resource = {
	.table = "leads",
	.noun = "lead",
	.module_key = "leads",
	.label = "title",
	.recipient = "created_by_user_id",
	.columns = lead_columns,
	.transitions = lead_transitions,
	.flags = RES_IF_MATCH | RES_REVIEWED,
	.visible = "t.status = 'OPEN'",
	.read = SIGNED_IN_OR("leads.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("leads.update"),
	.remove = OWNER_OR("leads.delete"),
	.on_create = lead_create,
	.on_update = lead_update,
	.on_remove = lead_remove,
	.changed = &EV_LEAD_CHANGED,
	.doc = "What a customer is looking for. Contact is revealed only with an accepted request.",
};

/* ---- drafting ---- */

/* A profession of ours, or one that somebody has a profile of: the list of role keys is open. */
static int
profession_must_be_known(struct request *rq, const struct row *lead)
{
	const char *key = row_text(lead, "profession_key");
	struct db_result *r;

	if (profession_is_known(key))
		return 0;
	r = db_query(rq, "SELECT FROM role_profile_refs WHERE role_key = $1 AND status = 'ACTIVE' LIMIT 1", DB(key));
	if (r == NULL)
		return -1;
	return db_rows(r) > 0 ? 0 : fail_field(rq, "profession_key", "unknown_reference",
	    "nobody here has this profession; a role key like makeup_artist");
}

static int
date_must_be_ahead(struct request *rq, const struct row *lead)
{
	struct db_result *r;

	if (!row_is_set(lead, "required_date") || !row_changed(lead, "required_date"))
		return 0;
	r = db_query(rq, "SELECT $1::date >= (now() AT TIME ZONE 'Asia/Kolkata')::date",
	    DB(row_text(lead, "required_date")));
	if (r == NULL)
		return -1;
	return db_bool(r, 0, 0) ? 0 : fail_field(rq, "required_date", "out_of_range",
	    "not in the past");
}

static int
lead_create(struct request *rq, struct row *lead)
{
	if (!row_is_set(lead, "accept_limit"))
		row_set_int(lead, "accept_limit", setting_int("marketplace.lead_accept_limit"));
	return profession_must_be_known(rq, lead) < 0 || date_must_be_ahead(rq, lead) < 0 ? -1 :
	    0;
}

/* What was approved stays as it was approved: professionals pay to answer it. */
static int
lead_update(struct request *rq, struct row *lead)
{
	if (!row_is(lead, "status", "DRAFT"))
		return fail(rq, ERR_CONFLICT,
		    "a lead that was published is not edited; close it and make another");
	return lead_create(rq, lead);
}

static int
lead_remove(struct request *rq, struct row *lead)
{
	if (row_is(lead, "status", "DRAFT"))
		return 0;
	return fail(rq, ERR_CONFLICT, "only a draft can be removed; close the lead instead");
}

/* ---- review ---- */

static int
lead_submit(struct request *rq, struct row *lead)
{
	if (!row_is_set(lead, "description"))
		return fail_field(rq, "description", "required",
		    "a lead needs a description before review");
	row_set_int(lead, "submission", row_int(lead, "submission") + 1);
	row_set(lead, "content_hash", row_content_hash(rq, lead));
	row_set(lead, "rejection_reason", NULL);
	return 0;
}

/* The owner, and up to a hundred professionals whose profile fits by profession and place. */
static int
tell_matches(struct request *rq, struct row *lead, struct event_out *ev)
{
	struct db_result *r = db_query(rq, "SELECT user_id FROM role_profile_refs WHERE role_key = $1"
	    " AND status = 'ACTIVE' AND user_id <> $3 AND ($2::text IS NULL OR location IS NULL"
	    " OR position(lower(location) IN lower($2)) > 0 OR position(lower($2) IN lower(location)) > 0)"
	    " ORDER BY updated_at DESC LIMIT 100",
	    DB(row_text(lead, "profession_key"), row_text(lead, "location"),
	    row_text(lead, "created_by_user_id")));

	for (int i = 0; r != NULL && i < db_rows(r); i++)
		event_recipient(ev, db_text(r, i, 0));
	return r == NULL ? -1 : 0;
}

static int
lead_open(struct request *rq, struct row *lead)
{
	struct event_out *ev = row_event(rq, lead);

	if (rq->trigger != NULL)
		event_set_text(ev, "approval_request_id", event_text(rq->trigger, "request_id"));
	return tell_matches(rq, lead, ev);
}

/*
 * What was approved opens, unless its customer was suspended meanwhile: then it goes the way of a lead that was
 * rejected, PENDING to DRAFT, since the machine lists no other.
 */
int
lead_decided(struct request *rq, const struct event_in *ev)
{
	struct row *lead = load_judged(rq, &lead_resource, ev);
	const char *remarks = event_text(ev, "remarks");
	bool approved = event_is(ev, "decision", "APPROVED");
	int suspended;

	if (lead == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	suspended = refs_user_is_suspended(rq, row_text(lead, "created_by_user_id"));
	if (suspended < 0)
		return -1;
	if (approved && !suspended)
		return row_transition(rq, lead, "open");
	row_set(lead, "rejection_reason", approved ? USER_NOT_ACTIVE : remarks != NULL ? remarks :
	    "Withdrawn.");
	return row_transition(rq, lead, "return");
}

/* ---- closing ---- */

static int
lead_close(struct request *rq, struct row *lead)
{
	return tell_closed(rq, lead) < 0 ? -1 : lead_requests_end(rq, row_id(lead));
}

int
leads_expire(struct request *rq)
{
	return transition_each(rq, &lead_resource, "SELECT id FROM leads WHERE status = 'OPEN'"
	    " AND required_date < (now() AT TIME ZONE 'Asia/Kolkata')::date ORDER BY id LIMIT 100",
	    NULL, "close", "close_reason", "EXPIRED");
}

int
lead_count_accepted(struct request *rq, struct row *lead)
{
	int64_t limit = row_is_set(lead, "accept_limit") ? row_int(lead, "accept_limit") :
	    INT32_MAX;
	int64_t count = row_int(lead, "accepted_count") + 1;

	if (!row_is(lead, "status", "OPEN"))
		return fail(rq, ERR_CONFLICT, "the lead is not open");
	if (count > limit)
		return fail(rq, ERR_CONFLICT, "as many requests as this lead takes are accepted");
	row_set_int(lead, "accepted_count", count);
	return row_update(rq, lead);
}

/* A consequence of lead_request.accepted, when that acceptance is written. */
int
lead_close_at_limit(struct request *rq, const char *lead_id)
{
	struct row *lead = row_load_if_there(rq, &lead_resource, lead_id);

	if (lead == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (!row_is(lead, "status", "OPEN") || !row_is_set(lead, "accept_limit") ||
	    row_int(lead, "accepted_count") < row_int(lead, "accept_limit"))
		return 0;
	row_set(lead, "close_reason", "ACCEPT_LIMIT");
	return row_transition(rq, lead, "close");
}

/* ---- the price of a request ---- */

/* {"photographer": 20, "*": 10}: tracecoins by profession. */
int64_t
lead_coin_price(const char *profession_key)
{
	json_t *card = json_loads(setting_json("marketplace.lead_rate_card"), 0, NULL), *price;
	int64_t coins;

	price = json_object_get(card, profession_key);
	if (!json_is_integer(price))
		price = json_object_get(card, "*");
	coins = json_is_integer(price) && json_integer_value(price) > 0 ?
	    json_integer_value(price) : 0;
	json_decref(card);
	return coins;
}

/* GET …/{id}/price: what a request would cost, before it is made. */
int
lead_price(struct request *rq)
{
	struct row *lead = row_load(rq, &lead_resource, rq->id, false);

	if (lead == NULL)
		return -1;
	if (!row_is(lead, "status", "OPEN"))
		return fail(rq, ERR_NOT_FOUND, "there is no such lead");
	return reply_json(rq, 200, json_pack("{s:I}", "coin_price",
	    (json_int_t)lead_coin_price(row_text(lead, "profession_key"))));
}
