/*
 * What is said in a ticket: public replies and internal notes.
 *
 * A note is for staff alone. It reaches the requester in no answer, mail or search, also where the
 * requester is staff himself: the rule stands in `visible`, which every read goes through.
 */
#include <string.h>

#include "clock.h"
#include "db.h"
#include "error.h"
#include "row.h"
#include "tickets.h"

#define REOPEN_US (7 * 24 * 3600000000LL)

static const struct column message_columns[] = {
	COLUMN_ID,
	{ "support_ticket_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .ref = "support_tickets" },
	{ "sender_user_id", COL_UUID, COL_OWNER | COL_FILTER, .ref = "user_refs" },
	{ "message_body", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_SEARCH | COL_NO_EVENT, .max = 10000 },
	{ "attachment_url", COL_URL, COL_CREATE_ONLY | COL_NO_EVENT, .max = 1000 },
	{ "is_internal", COL_BOOL, COL_CREATE_ONLY | COL_FILTER, .initial = "false", .doc = "A note among staff." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

#define TICKET_IS_MINE "(SELECT k.created_by_user_id FROM support_tickets k WHERE k.id = t.support_ticket_id) = :me"
#define I_MAY_READ_TICKETS "EXISTS (SELECT FROM access_users u JOIN access_roles r" \
	" ON r.role_key = ANY (u.role_keys) WHERE u.user_id = :me AND r.is_active" \
	" AND 'support-tickets.read' = ANY (r.permissions))"

static struct row *
load_ticket(struct request *rq, const char *id)
{
	struct row *ticket = row_load(rq, &support_tickets_resource, id, true);

	if (ticket != NULL && !row_is_readable(rq, ticket)) {
		fail(rq, ERR_NOT_FOUND, "there is no such ticket");
		return NULL;
	}
	return ticket;
}

/* The closed one is final: what is said to it begins a new one. */
static struct row *
open_linked(struct request *rq, const struct row *closed)
{
	static const char *const kept[] = { "category", "priority", "subject", "related_entity_type",
		"related_entity_id" };
	struct row *ticket = row_new(rq, &support_tickets_resource);

	for (size_t i = 0; i < COUNT_OF(kept); i++)
		row_set(ticket, kept[i], row_text(closed, kept[i]));
	row_set(ticket, "linked_ticket_id", row_id(closed));
	if (row_resource(ticket)->on_create(rq, ticket) < 0 || row_insert(rq, ticket) < 0)
		return NULL;
	return ticket;
}

static bool
is_past_reopening(const struct request *rq, const struct row *ticket)
{
	return rq->now_us > clock_parse(row_text(ticket, "resolved_at")) + REOPEN_US;
}

/* The requester speaks: a solved ticket is open again, a closed one is gone on from. */
static struct row *
requester_replies(struct request *rq, struct row *ticket)
{
	const char *status = row_text(ticket, "status");

	if (strcmp(status, "CLOSED") == 0 ||
	    (strcmp(status, "RESOLVED") == 0 && is_past_reopening(rq, ticket)))
		return open_linked(rq, ticket);
	if (strcmp(status, "RESOLVED") == 0 && row_follow(rq, ticket, "reopen") < 0)
		return NULL;
	return ticket;
}

static int
publish_reply(struct request *rq, struct row *ticket, const struct row *message, bool by_staff)
{
	struct event_out *ev = row_event_as(rq, ticket, &EV_TICKET_REPLIED);

	event_set_text(ev, "message_id", row_id(message));
	event_set_text(ev, "sender_user_id", row_text(message, "sender_user_id"));
	event_set_bool(ev, "by_staff", by_staff);
	event_recipient(ev, row_text(ticket, by_staff ? "created_by_user_id" : "assigned_to_user_id"));
	if (by_staff && !row_is_set(ticket, "first_responded_at"))
		row_set_now(rq, ticket, "first_responded_at");
	return row_touch(rq, ticket);
}

static int
publish_note(struct request *rq, const struct row *message)
{
	struct event_out *ev = event_publish(rq, &EV_SUPPORT_TICKET_MESSAGE_CHANGED, row_id(message), 1);

	event_fill_from_row(ev, message);
	event_action(ev, "CREATE");
	return 0;
}

static int
message_add(struct request *rq, struct row *message)
{
	struct row *ticket = load_ticket(rq, row_text(message, "support_ticket_id"));
	bool is_requester = ticket != NULL && caller_is(rq, row_text(ticket, "created_by_user_id"));
	bool is_note = row_bool(message, "is_internal");

	if (ticket == NULL)
		return -1;
	if (!is_requester && !caller_has_permission(rq, "support-tickets.reply"))
		return fail_as_staff(rq, "this needs the permission support-tickets.reply");
	if (is_note && is_requester)
		return fail_field(rq, "is_internal", "staff_only", "only staff writes internal notes");
	if (!is_requester && !is_note && strcmp(row_text(ticket, "status"), "CLOSED") == 0)
		return fail(rq, ERR_CONFLICT, "the ticket is closed; only its requester can go on");
	if (is_requester && (ticket = requester_replies(rq, ticket)) == NULL)
		return -1;
	row_set(message, "support_ticket_id", row_id(ticket));
	return is_note ? publish_note(rq, message) : publish_reply(rq, ticket, message, !is_requester);
}

const struct resource support_ticket_messages_resource = {
	.table = "support_ticket_messages",
	.noun = "support_ticket_message",
	.module_key = "support",
	.columns = message_columns,
	.flags = RES_LIMITED,
	.owner = "false",
	.visible = "(NOT t.is_internal AND " TICKET_IS_MINE ") OR (" I_MAY_READ_TICKETS
	    " AND NOT (t.is_internal AND " TICKET_IS_MINE "))",
	.read = SIGNED_IN,
	.create = SIGNED_IN,
	.on_create = message_add,
	.child = { "support_tickets", "messages", "support_ticket_id" },
	.doc = "Replies and, for staff, internal notes.",
};

const struct column ticket_reply_body[] = {
	{ "message_body", COL_TEXT, COL_REQUIRED, .max = 10000 },
	{ "attachment_url", COL_URL, 0, .max = 1000 },
	{ "is_internal", COL_BOOL, 0, .doc = "Staff alone: a note that the requester never sees." },
	{ 0 }
};

/* POST /v1/support-tickets/{id}/reply: the message; its support_ticket_id is a new one where the ticket was closed. */
int
ticket_reply(struct request *rq)
{
	struct row *message = row_new(rq, &support_ticket_messages_resource);

	row_set(message, "support_ticket_id", rq->id);
	row_set(message, "message_body", body_text(rq, "message_body"));
	row_set(message, "attachment_url", body_text(rq, "attachment_url"));
	row_set(message, "is_internal", body_bool(rq, "is_internal", false) ? "t" : "f");
	if (message_add(rq, message) < 0 || row_insert(rq, message) < 0)
		return -1;
	return reply_row(rq, 201, message);
}
