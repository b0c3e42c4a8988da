/*
 * Support tickets: states, agents and clocks.
 *
 * OPEN waits in the queue, IN_PROGRESS has an agent, RESOLVED stops the clocks and becomes CLOSED
 * after seven days without a word. A CLOSED ticket is final: a reply opens a linked one.
 */
#include "tickets.h"

#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "refs.h"
#include "row.h"

#define HOUR_US 3600000000LL

static const char *const categories[] = { "GENERAL", "BILLING", "TECHNICAL", "ACCOUNT", NULL };
static const char *const priorities[] = { "LOW", "NORMAL", "HIGH", "URGENT", NULL };
static const char *const statuses[] = { "OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", NULL };
static const char *const outcomes[] = { "ANSWERED", "LEAD_CLAIM_APPROVED", NULL };

static const struct column ticket_columns[] = {
	COLUMN_ID,
	{ "created_by_user_id", COL_UUID, COL_OWNER | COL_FILTER, .ref = "user_refs" },
	{ "assigned_to_user_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "user_refs",
	    .doc = "The agent; null: in the queue." },
	{ "category", COL_ENUM, COL_FILTER, .values = categories, .initial = "GENERAL" },
	{ "priority", COL_ENUM, COL_FILTER, .values = priorities, .initial = "NORMAL" },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = statuses },
	{ "subject", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_PERSONAL, .max = 200 },
	{ "description", COL_TEXT, COL_CREATE_ONLY | COL_SEARCH | COL_PERSONAL, .max = 10000 },
	{ "related_entity_type", COL_TEXT, COL_CREATE_ONLY | COL_FILTER, .max = 60,
	    .doc = "job, order, company …: something of the requester's own. Only together with its id." },
	{ "related_entity_id", COL_UUID, COL_CREATE_ONLY | COL_FILTER, .doc = "Only together with its type." },
	{ "closed_at", COL_TIME, COL_READONLY | COL_FILTER },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "source_event_id", COL_UUID, COL_READONLY | COL_STAFF_ONLY, .doc = "The event that opened it by itself." },
	{ "linked_ticket_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "The closed ticket this one goes on from." },
	{ "first_response_due_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "first_responded_at", COL_TIME, COL_READONLY },
	{ "resolution_due_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "resolved_at", COL_TIME, COL_READONLY | COL_FILTER },
	{ "overdue_at", COL_TIME, COL_READONLY | COL_STAFF_ONLY | COL_FILTER },
	{ "reopened_count", COL_INT, COL_READONLY, .initial = "0" },
	{ 0 }
};

/* ---- guards ---- */

/* What it is about must be known here; people name their own, staff anything. */
static int
check_entity(struct request *rq, struct row *ticket)
{
	const char *type = row_text(ticket, "related_entity_type"), *id = row_text(ticket, "related_entity_id");
	const char *column = type == NULL ? "related_entity_type" : "related_entity_id";
	struct db_result *r;

	if (type == NULL && id == NULL)
		return 0;
	if (type == NULL || id == NULL)
		return fail_field(rq, column, "required", "type and id go together");
	r = db_query(rq, "SELECT user_id = $3::uuid FROM entity_refs WHERE entity_type = $1 AND id = $2",
	    DB(type, id, rq->caller.user_id));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 0 || (!db_bool(r, 0, 0) && !caller_has_permission(rq, "support-tickets.update")))
		return fail_field(rq, "related_entity_id", "unknown_reference", "you have nothing of that kind under this id");
	return 0;
}

static void
start_clocks(struct request *rq, struct row *ticket)
{
	int64_t answer_us = setting_int("notify.ticket_first_response_hours") * HOUR_US;
	int64_t solve_us = setting_int("notify.ticket_resolution_days") * 24 * HOUR_US;

	row_set_time(ticket, "first_response_due_at", rq->now_us + answer_us);
	row_set_time(ticket, "resolution_due_at", rq->now_us + solve_us);
}

static int
ticket_open(struct request *rq, struct row *ticket)
{
	/* one that goes on from a closed ticket is about the same thing, whatever became of it */
	if (!row_is_set(ticket, "linked_ticket_id") && check_entity(rq, ticket) < 0)
		return -1;
	start_clocks(rq, ticket);
	return 0;
}

static int
ticket_update(struct request *rq, struct row *ticket)
{
	if (strcmp(row_text(ticket, "status"), "CLOSED") == 0)
		return fail(rq, ERR_CONFLICT, "a closed ticket does not change any more");
	return 0;
}

static void
note_agent(struct request *rq, struct row *ticket)
{
	struct event_out *ev = row_event(rq, ticket);

	event_set_text(ev, "old_assigned_to_user_id", row_old(ticket, "assigned_to_user_id"));
	event_set_text(ev, "old_status", row_old(ticket, "status"));
	event_recipient(ev, row_text(ticket, "assigned_to_user_id"));
}

static int
ticket_take(struct request *rq, struct row *ticket)
{
	row_set(ticket, "assigned_to_user_id", rq->caller.user_id);
	note_agent(rq, ticket);
	return 0;
}

static int
ticket_assigned(struct request *rq, struct row *ticket)
{
	row_set(ticket, "assigned_to_user_id", body_text(rq, "user_id"));
	note_agent(rq, ticket);
	return 0;
}

static int
ticket_give_back(struct request *rq, struct row *ticket)
{
	bool is_mine = caller_is(rq, row_text(ticket, "assigned_to_user_id"));

	if (rq->actor != ACTOR_SYSTEM && !is_mine && !caller_has_permission(rq, "support-tickets.assign"))
		return fail(rq, ERR_FORBIDDEN, "this ticket is another agent's");
	row_set(ticket, "assigned_to_user_id", NULL);
	note_agent(rq, ticket);
	return 0;
}

static const struct column resolve_body[] = {
	{ "outcome", COL_ENUM, 0, .values = outcomes,
	    .doc = "Staff alone: LEAD_CLAIM_APPROVED makes finance return the tracecoins." },
	{ 0 }
};

static int
ticket_resolve(struct request *rq, struct row *ticket)
{
	bool is_staff = caller_has_permission(rq, "support-tickets.resolve") &&
	    !caller_is(rq, row_text(ticket, "created_by_user_id"));

	if (body_has(rq, "outcome") && !is_staff)
		return fail_field(rq, "outcome", "staff_only", "only staff says what came of it");
	event_set_text(row_event(rq, ticket), "old_status", row_old(ticket, "status"));
	event_set_text(row_event(rq, ticket), "outcome", body_text(rq, "outcome"));
	event_recipient(row_event(rq, ticket), row_text(ticket, "created_by_user_id"));
	return 0;
}

/* The time it was thought to be solved does not count. */
static int
ticket_reopen(struct request *rq, struct row *ticket)
{
	int64_t due = clock_parse(row_text(ticket, "resolution_due_at"));
	int64_t since = clock_parse(row_text(ticket, "resolved_at"));

	row_set_time(ticket, "resolution_due_at", due + (rq->now_us > since ? rq->now_us - since : 0));
	row_set(ticket, "resolved_at", NULL);
	row_set(ticket, "assigned_to_user_id", NULL);
	row_set_int(ticket, "reopened_count", row_int(ticket, "reopened_count") + 1);
	event_recipient(row_event(rq, ticket), row_old(ticket, "assigned_to_user_id"));
	return 0;
}

static int
ticket_close(struct request *rq, struct row *ticket)
{
	event_set_text(row_event(rq, ticket), "cause", rq->actor == ACTOR_CRON ? "CLOCK" : "REQUESTER");
	return 0;
}

static const struct transition ticket_transitions[] = {
	{ NULL, NULL, "OPEN", SIGNED_IN, &EV_TICKET_OPENED, NULL },
	{ "take", "OPEN", "IN_PROGRESS", { .who = WHO_STAFF, .permission = "support-tickets.take",
	    .conditions = NOT_OWNER }, &EV_TICKET_ASSIGNED, ticket_take,
	    .doc = "The caller is its agent from now on." },
	{ "assign", "OPEN", "IN_PROGRESS", SYS, &EV_TICKET_ASSIGNED, ticket_assigned,
	    .doc = "Somebody else gave it to its agent." },
	{ "give-back", "IN_PROGRESS", "OPEN", { .who = WHO_STAFF | WHO_SYS, .permission = "support-tickets.take",
	    .conditions = NOT_OWNER }, &EV_TICKET_ASSIGNED, ticket_give_back, .doc = "Back to the queue." },
	{ "resolve", "OPEN", "RESOLVED", OWNER_OR("support-tickets.resolve"), &EV_TICKET_RESOLVED,
	    ticket_resolve, .stamp = "resolved_at", .body = resolve_body, .doc = "Answered; the clocks stop." },
	{ "resolve", "IN_PROGRESS", "RESOLVED", OWNER_OR("support-tickets.resolve"), &EV_TICKET_RESOLVED,
	    ticket_resolve, .stamp = "resolved_at", .body = resolve_body },
	{ "reopen", "RESOLVED", "OPEN", SYS, &EV_TICKET_REOPENED, ticket_reopen,
	    .doc = "The requester replied within seven days." },
	{ "close", "RESOLVED", "CLOSED", { .who = WHO_OWNER | WHO_CLK }, &EV_TICKET_CLOSED, ticket_close,
	    .stamp = "closed_at", .doc = "Done for good." },
	{ 0 }
};

const struct resource support_tickets_resource = {
	.table = "support_tickets",
	.noun = "ticket",
	.module_key = "support",
	.label = "subject",
	.columns = ticket_columns,
	.transitions = ticket_transitions,
	.flags = RES_LIMITED,
	.read = OWNER_OR("support-tickets.read"),
	.create = SIGNED_IN,
	.update = STAFF("support-tickets.update"),
	.on_create = ticket_open,
	.on_update = ticket_update,
	.created = &EV_TICKET_OPENED,
	.changed = &EV_SUPPORT_TICKET_CHANGED,
	.doc = "Questions and complaints, from opening to solution.",
};

/* ---- agents ---- */

const struct column ticket_assign_body[] = {
	{ "user_id", COL_UUID, COL_REQUIRED, .ref = "user_refs", .doc = "The new agent: an active employee." },
	{ 0 }
};

static int
check_agent(struct request *rq, const struct row *ticket, const char *user_id)
{
	struct db_result *r;

	if (strcmp(user_id, row_text(ticket, "created_by_user_id")) == 0)
		return fail_field(rq, "user_id", "not_allowed", "nobody works on a ticket of his own");
	r = db_query(rq, "SELECT FROM employee_refs WHERE user_id = $1 AND status = 'ACTIVE'", DB(user_id));
	if (r == NULL)
		return -1;
	return db_rows(r) > 0 ? 0 : fail_field(rq, "user_id", "unknown_reference", "this is no active employee");
}

/* POST /v1/support-tickets/{id}/assign: to somebody, from the queue or from another agent. */
int
ticket_assign(struct request *rq)
{
	struct row *ticket = row_load(rq, &support_tickets_resource, rq->id, true);
	const char *user_id = body_text(rq, "user_id"), *status;

	if (ticket == NULL || check_agent(rq, ticket, user_id) < 0)
		return -1;
	status = row_text(ticket, "status");
	if (strcmp(status, "OPEN") == 0) {
		if (row_follow(rq, ticket, "assign") < 0)
			return -1;
	} else if (strcmp(status, "IN_PROGRESS") == 0) {
		row_event_as(rq, ticket, &EV_TICKET_ASSIGNED);
		if (ticket_assigned(rq, ticket) < 0 || row_update(rq, ticket) < 0)
			return -1;
	} else {
		return fail(rq, ERR_CONFLICT, "a %s ticket needs no agent", status);
	}
	return reply_row(rq, 200, ticket);
}

int
tickets_of_agent_return(struct request *rq, const struct event_in *ev)
{
	if (event_is(ev, "employment_status", "ACTIVE"))
		return 0;
	return transition_each(rq, &support_tickets_resource, "SELECT id FROM support_tickets"
	    " WHERE assigned_to_user_id = $1 AND status = 'IN_PROGRESS' ORDER BY id FOR UPDATE",
	    event_text(ev, "user_id"), "give-back", NULL, NULL);
}

/* ---- clocks ---- */

#define AT_ONCE "100"

int
tickets_close(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT id FROM support_tickets WHERE status = 'RESOLVED'"
	    " AND resolved_at < now() - interval '7 days' ORDER BY resolved_at LIMIT " AT_ONCE
	    " FOR UPDATE SKIP LOCKED", DB0);

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *ticket = row_load(rq, &support_tickets_resource, db_text(r, i, 0), true);
		if (ticket == NULL || row_transition(rq, ticket, "close") < 0)
			return -1;
	}
	return 0;
}

static int
tell_overdue(struct request *rq, const char *id, bool is_first)
{
	struct row *ticket = row_load(rq, &support_tickets_resource, id, true);
	struct event_out *ev;

	if (ticket == NULL)
		return -1;
	ev = row_event_as(rq, ticket, &EV_TICKET_OVERDUE);
	event_set_text(ev, "clock", is_first ? "FIRST_RESPONSE" : "RESOLUTION");
	event_set_time(ev, "due_at", clock_parse(row_text(ticket,
	    is_first ? "first_response_due_at" : "resolution_due_at")));
	row_set_now(rq, ticket, "overdue_at");
	return row_update(rq, ticket);
}

/* Each clock once: overdue_at lies after the due time that was told last. */
int
tickets_overdue(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT id, first_responded_at IS NULL"
	    "  AND first_response_due_at < now() AND overdue_at IS NULL FROM support_tickets"
	    " WHERE status IN ('OPEN', 'IN_PROGRESS')"
	    " AND ((first_responded_at IS NULL AND first_response_due_at < now() AND overdue_at IS NULL)"
	    "  OR (resolution_due_at < now() AND (overdue_at IS NULL OR overdue_at < resolution_due_at)))"
	    " ORDER BY id LIMIT " AT_ONCE " FOR UPDATE SKIP LOCKED", DB0);

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		if (tell_overdue(rq, db_text(r, i, 0), db_bool(r, i, 1)) < 0)
			return -1;
	return 0;
}

/* ---- tickets that nobody wrote ---- */

int
ticket_of_payment(struct request *rq, const struct event_in *ev)
{
	const char *user_id = event_text(ev, "user_id");
	struct db_result *r = db_query(rq, "SELECT FROM support_tickets WHERE source_event_id = $1", DB(ev->id));
	struct row *ticket;

	if (r == NULL || db_rows(r) > 0 || user_id == NULL)
		return r == NULL ? -1 : 0;
	refs_stub_user(rq, user_id);
	ticket = row_new(rq, &support_tickets_resource);
	row_set(ticket, "created_by_user_id", user_id);
	row_set(ticket, "category", "BILLING");
	row_set(ticket, "priority", "HIGH");
	row_set(ticket, "subject", "A payment does not match its order");
	row_set(ticket, "description", "What was received is not what was asked for, so the order was not "
	    "completed. We look into it; you need not do anything.");
	row_set(ticket, "related_entity_type", "payment");
	row_set(ticket, "related_entity_id", ev->aggregate_id);
	row_set(ticket, "source_event_id", ev->id);
	start_clocks(rq, ticket);
	return row_insert(rq, ticket);
}
