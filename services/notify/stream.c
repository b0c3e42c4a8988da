/*
 * GET /v1/notifications/stream: server-sent events, one per new in-app notification.
 *
 * Each stream asks the table once a second; a browser that was away names the last id it has seen
 * (Last-Event-ID) and misses nothing. A stream ends when its token does, when the token stops being
 * good, or after ten minutes; the browser comes again by itself.
 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "fiber.h"
#include "http.h"
#include "notify.h"
#include "row.h"
#include "rules.h"
#include "service.h"
#include "uuid.h"

#define STREAMS_MAX 200
#define POLL_MS 1000
#define HEARTBEAT_MS 15000
#define LIFE_MS 600000
#define PAGE "100"

static unsigned streams;

struct stream {
	struct request *rq;		/* the stream's own; each poll has a unit of its own */
	char last_id[UUID_TEXT];	/* the newest that was sent */
	int64_t until_ms, beat_ms;
};

/* An id as old as now: only what comes later is new. */
static void
begin_after(struct request *rq, char out[UUID_TEXT])
{
	const char *seen = http_header(rq->http, "last-event-id");

	if (seen != NULL && uuid_is_valid(seen))
		snprintf(out, UUID_TEXT, "%s", seen);
	else
		uuid_v7(out);
}

static int
send_text(struct stream *s, const char *text, size_t n)
{
	return http_reply_chunk(s->rq->http, text, n) < 0 ? -1 : 0;
}

static int
send_new(struct stream *s, struct request *rq)
{
	const struct plan *plan = plan_of(&notifications_resource);
	const char *sql = arena_printf(rq->arena, "%s WHERE t.user_id = $2 AND t.channel = 'IN_APP'"
	    " AND t.id > $3 ORDER BY t.id LIMIT " PAGE, plan->select);
	struct db_result *r = db_query(rq, sql, DB(s->rq->caller.user_id, s->rq->caller.user_id, s->last_id));

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *n = row_from_result(rq, plan, r, i);
		struct buf b;
		buf_init(&b, rq->arena, 1024);
		buf_printf(&b, "id: %s\nevent: notification\ndata: ", row_id(n));
		row_render(&b, s->rq, n, NULL);
		buf_add_str(&b, "\n\n");
		if (send_text(s, b.text, b.len) < 0)
			return -1;
		snprintf(s->last_id, sizeof(s->last_id), "%s", row_id(n));
		s->beat_ms = clock_mono_ms();
	}
	return 0;	/* PostgreSQL away: the next poll finds them */
}

/* Is the caller still let in? Sessions end and rights change while a stream is open. */
static bool
is_still_welcome(struct request *rq, const struct stream *s)
{
	return auth_caller(rq, http_header(s->rq->http, "authorization")) == 0 &&
	    caller_is(rq, s->rq->caller.user_id);
}

static int
turn(struct stream *s)
{
	struct request *rq = request_new(service_db());
	int result = is_still_welcome(rq, s) ? send_new(s, rq) : -1;

	request_free(rq);
	if (result == 0 && clock_mono_ms() - s->beat_ms >= HEARTBEAT_MS) {
		s->beat_ms = clock_mono_ms();
		result = send_text(s, ": still here\n\n", 14);
	}
	return result;
}

int
notifications_stream(struct request *rq)
{
	static const struct http_field fields[] = { { "Content-Type", "text/event-stream" },
		{ "Cache-Control", "no-store" }, { "X-Accel-Buffering", "no" } };
	struct stream s = { .rq = rq, .until_ms = clock_mono_ms() + LIFE_MS, .beat_ms = clock_mono_ms() };

	if (streams >= STREAMS_MAX)
		return fail(rq, ERR_OVERLOADED, "too many streams at once");
	begin_after(rq, s.last_id);
	streams++;
	rq->reply.status = 200;
	http_reply_start(rq->http, 200, fields, COUNT_OF(fields));
	send_text(&s, "retry: 2000\n\n", 13);
	while (!service_stopping() && !http_client_gone(rq->http) && clock_mono_ms() < s.until_ms &&
	    turn(&s) == 0 && fiber_sleep(POLL_MS) == FIBER_DONE)
		;
	http_reply_end(rq->http);
	streams--;
	return 0;
}

/* ---- what preferences can name ---- */

struct topic_list {
	json_t *items;
};

static void
collect(const struct rule *rule, void *arg)
{
	struct topic_list *list = arg;
	json_t *topic = json_object_get(list->items, rule->topic), *channels;

	if (topic == NULL) {
		topic = json_pack("{s:s, s:{s:b, s:b}, s:b, s:[]}", "topic", rule->topic, "channels",
		    "in_app", 0, "email", 0, "can_be_switched_off", 0, "events");
		json_object_set_new(list->items, rule->topic, topic);
	}
	channels = json_object_get(topic, "channels");
	if (rule->channels & IN_APP)
		json_object_set_new(channels, "in_app", json_true());
	if (rule->channels & EMAIL)
		json_object_set_new(channels, "email", json_true());
	if (!rule->is_critical)
		json_object_set_new(topic, "can_be_switched_off", json_true());
	json_array_append_new(json_object_get(topic, "events"), json_string(rule->type->name));
}

/* GET /v1/notification-topics: the names that settings_json.notifications may hold. */
int
notification_topics(struct request *rq)
{
	struct topic_list list = { .items = json_object() };
	json_t *items = json_array(), *topic;
	const char *name;

	(void)rq;
	rules_each(collect, &list);
	json_object_foreach(list.items, name, topic)
		json_array_append(items, topic);
	json_decref(list.items);
	return reply_json(rq, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}
