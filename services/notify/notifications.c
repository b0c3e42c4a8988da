/*
 * Notifications: one per event, user and channel, for ever.
 *
 * The in-app ones are a person's inbox. Those of other channels are the memory of what was sent
 * where; they are sent by the channel (mailer.c), which then moves them to SENT.
 */
#include <string.h>

#include "clock.h"
#include "db.h"
#include "notify.h"
#include "row.h"

#define READ_AT_ONCE 500
#define DEADLINE_US (3 * 24 * 3600000000LL)

static const char *const channels[] = { "EMAIL", "SMS", "PUSH", "IN_APP", NULL };
static const char *const statuses[] = { "PENDING", "SENT", "READ", NULL };

static const struct column notification_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_READONLY, .ref = "user_refs" },
	{ "channel", COL_ENUM, COL_READONLY | COL_FILTER, .values = channels },
	{ "title", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "body", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = statuses, .doc = "SENT: not read yet." },
	{ "related_entity_type", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "What it is about: job, company …" },
	{ "related_entity_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "sent_at", COL_TIME, COL_READONLY | COL_FILTER },
	{ "read_at", COL_TIME, COL_READONLY | COL_FILTER },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "source_event_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "The event it tells of." },
	{ "template_key", COL_TEXT, COL_READONLY | COL_FILTER },
	{ "topic", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "What a preference switches off." },
	{ "attempts", COL_INT, COL_READONLY | COL_SECRET, .initial = "0" },
	{ "next_attempt_at", COL_TIME, COL_READONLY | COL_SECRET },
	{ "deadline_at", COL_TIME, COL_READONLY | COL_SECRET, .doc = "Still PENDING after it: lost, and counted." },
	{ "correlation_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "Why did I get this: from the click on." },
	{ "causation_id", COL_UUID, COL_READONLY },
	{ 0 }
};

/* The event type is the template's key without its channel. */
static void
name_source(struct request *rq, struct row *n, struct event_out *ev)
{
	const char *key = row_text(n, "template_key");
	const char *dot = key == NULL ? NULL : strrchr(key, '.');

	if (dot != NULL)
		event_set_text(ev, "source_event_type", arena_strndup(rq->arena, key, (size_t)(dot - key)));
}

static int
notification_moved(struct request *rq, struct row *n)
{
	name_source(rq, n, row_event(rq, n));
	return 0;
}

static const struct transition notification_transitions[] = {
	{ NULL, NULL, "PENDING", SYS, NULL, NULL },
	{ NULL, NULL, "SENT", SYS, &EV_NOTIFICATION_SENT, NULL, .doc = "In-app: there is nothing to send." },
	{ "send", "PENDING", "SENT", SYS, &EV_NOTIFICATION_SENT, notification_moved, .stamp = "sent_at" },
	{ "read", "SENT", "READ", OWNER, &EV_NOTIFICATION_READ, notification_moved, .stamp = "read_at",
	    .doc = "The recipient has read it." },
	{ 0 }
};

const struct resource notifications_resource = {
	.table = "notifications",
	.noun = "notification",
	.module_key = "notifications",
	.recipient = NULL,	/* nobody is told of being told */
	.columns = notification_columns,
	.transitions = notification_transitions,
	.owner = "t.user_id = :me AND t.channel = 'IN_APP'",
	.subject = "t.user_id = :me",
	.read = OWNER,
	.doc = "A person's inbox.",
};

static void
set_deadline(struct request *rq, struct row *row)
{
	row_set_time(row, "deadline_at", rq->now_us + DEADLINE_US);
	row_set_now(rq, row, "next_attempt_at");
}

struct row *
notification_add(struct request *rq, const struct new_notification *n)
{
	struct row *row = row_new(rq, &notifications_resource);
	bool in_app = strcmp(n->channel, "IN_APP") == 0;

	row_set(row, "user_id", n->user_id);
	row_set(row, "channel", n->channel);
	row_set(row, "title", n->title);
	row_set(row, "body", n->body);
	row_set(row, "related_entity_type", n->event->context->entity_type);
	row_set(row, "related_entity_id", n->event->context->entity_id);
	row_set(row, "source_event_id", n->event->id);
	row_set(row, "template_key", n->template_key);
	row_set(row, "topic", n->topic);
	row_set(row, "correlation_id", rq->correlation_id);
	if (n->event->context->causation_id[0] != '\0')
		row_set(row, "causation_id", n->event->context->causation_id);
	if (!in_app)
		set_deadline(rq, row);
	if (in_app) {
		row_set(row, "status", "SENT");
		row_set_now(rq, row, "sent_at");
		name_source(rq, row, row_event_as(rq, row, &EV_NOTIFICATION_SENT));
		event_action(row_event(rq, row), "CREATE");
	}
	return row_insert(rq, row) < 0 ? NULL : row;
}

/* ---- the inbox as a whole ---- */

int
notifications_unread_count(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT count(*) FROM notifications WHERE user_id = $1"
	    " AND channel = 'IN_APP' AND status = 'SENT'", DB(rq->caller.user_id));

	if (r == NULL)
		return -1;
	return reply_json(rq, 200, json_pack("{s:I}", "unread", (json_int_t)db_int(r, 0, 0)));
}

/* POST /v1/notifications/read-all: the oldest 500 unread ones at once; `more`: call again. */
int
notifications_read_all(struct request *rq)
{
	const struct plan *plan = plan_of(&notifications_resource);
	const char *sql = arena_printf(rq->arena, "%s WHERE t.user_id = $2 AND t.channel = 'IN_APP'"
	    " AND t.status = 'SENT' ORDER BY t.id LIMIT %d FOR NO KEY UPDATE OF t", plan->select,
	    READ_AT_ONCE + 1);
	struct db_result *r = db_query(rq, sql, DB(rq->caller.user_id, rq->caller.user_id));
	int n = r == NULL ? 0 : db_rows(r);

	if (r == NULL)
		return -1;
	for (int i = 0; i < n && i < READ_AT_ONCE; i++)
		if (row_transition(rq, row_from_result(rq, plan, r, i), "read") < 0)
			return -1;
	return reply_json(rq, 200, json_pack("{s:i, s:b}", "read", n > READ_AT_ONCE ? READ_AT_ONCE : n,
	    "more", n > READ_AT_ONCE));
}
