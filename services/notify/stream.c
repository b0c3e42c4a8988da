/*
 * GET /v1/notifications/stream: server-sent events, one per new in-app notification.
 *
 * Each stream asks the table once a second; a browser that was away names the last id it has seen
 * (Last-Event-ID) and misses nothing. An id is older than its commit, so each question goes back
 * some seconds behind the newest, and leaves out what was sent: a browser that comes again may get
 * those seconds twice, by the same ids. A stream ends when its token does, when the token stops
 * being good, or after ten minutes; the browser comes again by itself.
 *
 * A user has OF_ONE_MAX of them: a new one ends his oldest, since a browser that lost its line comes
 * again long before its old stream is found dead. The ended one is told to stay away for a minute, so that
 * many tabs do not chase each other away; it misses nothing. None of his takes anybody else's place.
 */
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

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
#define OF_ONE_MAX 5
#define ENDING_MAX 5		/* of one user, told to end and not gone yet */
#define ENDING_TEXT "retry: 60000\n\n"	/* ms */
#define POLL_MS 1000
#define HEARTBEAT_MS 15000
#define LIFE_MS 600000
#define PAGE "100"
#define LATE_MS 5000		/* between an id and its commit */
#define SENT_MAX 128		/* ids remembered; what is older is not asked for again */

struct stream {
	TAILQ_ENTRY(stream) link;
	struct request *rq;		/* the stream's own; each poll has a unit of its own */
	bool is_ending;			/* a newer one of the same user has taken its place */
	char from_id[UUID_TEXT];	/* nothing up to here is asked for any more */
	char sent[SENT_MAX][UUID_TEXT];	/* what was sent after that, the newest behind sent[next - 1] */
	unsigned count, next;
	int64_t until_ms, beat_ms;
};

static TAILQ_HEAD(, stream) open_streams = TAILQ_HEAD_INITIALIZER(open_streams);	/* the oldest first */
static unsigned streams;

/* When an id of ours was made, in ms since 1970; -1 for what is none. */
static int64_t
made_at(const char *id)
{
	uint8_t bytes[16];

	return uuid_parse(id, bytes) ? uuid_v7_ms(bytes) : -1;
}

/* Goes on to LATE_MS before the id, never back. */
static void
forget_before(struct stream *s, const char *id)
{
	char floor[UUID_TEXT], digits[13];
	int64_t time = made_at(id) - LATE_MS;

	if (time < 0)
		return;
	snprintf(digits, sizeof(digits), "%012" PRIx64, (uint64_t)time & 0xffffffffffff);
	snprintf(floor, sizeof(floor), "%.8s-%.4s-0000-0000-000000000000", digits, digits + 8);
	if (strcmp(floor, s->from_id) > 0)
		snprintf(s->from_id, sizeof(s->from_id), "%s", floor);
}

static void
remember(struct stream *s, const char *id)
{
	if (s->count == SENT_MAX && strcmp(s->sent[s->next], s->from_id) > 0)
		snprintf(s->from_id, sizeof(s->from_id), "%s", s->sent[s->next]);
	else if (s->count < SENT_MAX)
		s->count++;
	snprintf(s->sent[s->next], sizeof(s->sent[0]), "%s", id);
	s->next = (s->next + 1) % SENT_MAX;
	forget_before(s, id);
}

/* Who comes for the first time has read the list; only what comes later is new. */
static void
begin(struct stream *s)
{
	const char *seen = http_header(s->rq->http, "last-event-id");

	if (seen != NULL && made_at(seen) >= LATE_MS)
		remember(s, seen);
	else
		uuid_v7(s->from_id);
}

static const char *
sent_ids(const struct stream *s, struct arena *arena)
{
	const char **ids = arena_alloc(arena, (s->count + 1) * sizeof(*ids));

	for (unsigned i = 0; i < s->count; i++)
		ids[i] = s->sent[i];
	return db_text_array(arena, ids, s->count);
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
	    " AND t.id > $3 AND t.id <> ALL ($4::uuid[]) ORDER BY t.id LIMIT " PAGE, plan->select);
	struct db_result *r = db_query(rq, sql, DB(s->rq->caller.user_id, s->rq->caller.user_id,
	    s->from_id, sent_ids(s, rq->arena)));

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *n = row_from_result(rq, plan, r, i);
		struct buf b;
		buf_init(&b, rq->arena, 1024);
		buf_printf(&b, "id: %s\nevent: notification\ndata: ", row_id(n));
		row_render(&b, s->rq, n, NULL);
		buf_add_str(&b, "\n\n");
		if (send_text(s, b.text, b.len) < 0)
			return -1;
		remember(s, row_id(n));
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

/* The caller's own: where he has as many as he may, the oldest is told to end. */
static int
make_room(struct request *rq)
{
	struct stream *s, *oldest = NULL;
	unsigned staying = 0, ending = 0;

	TAILQ_FOREACH(s, &open_streams, link) {
		if (!caller_is(rq, s->rq->caller.user_id))
			continue;
		ending += s->is_ending;
		staying += !s->is_ending;
		if (oldest == NULL && !s->is_ending)
			oldest = s;
	}
	if (staying >= OF_ONE_MAX && ending >= ENDING_MAX) {
		rq->problem.retry_after_s = 2;
		return fail(rq, ERR_TOO_MANY_REQUESTS, "%d streams at once are the most of one user", OF_ONE_MAX);
	}
	if (streams >= STREAMS_MAX)
		return fail(rq, ERR_OVERLOADED, "too many streams at once");
	if (staying >= OF_ONE_MAX)
		oldest->is_ending = true;
	return 0;
}

static bool
goes_on(struct stream *s)
{
	if (s->is_ending)
		send_text(s, ENDING_TEXT, sizeof(ENDING_TEXT) - 1);
	return !s->is_ending && !service_stopping() && !http_client_gone(s->rq->http) &&
	    clock_mono_ms() < s->until_ms;
}

int
notifications_stream(struct request *rq)
{
	static const struct http_field fields[] = { { "Content-Type", "text/event-stream" },
		{ "Cache-Control", "no-store" }, { "X-Accel-Buffering", "no" } };
	struct stream s = { .rq = rq, .until_ms = clock_mono_ms() + LIFE_MS, .beat_ms = clock_mono_ms() };

	if (make_room(rq) < 0)
		return -1;
	begin(&s);
	streams++;
	TAILQ_INSERT_TAIL(&open_streams, &s, link);
	rq->reply.status = 200;
	http_reply_start(rq->http, 200, fields, COUNT_OF(fields));
	send_text(&s, "retry: 2000\n\n", 13);
	while (goes_on(&s) && turn(&s) == 0 && fiber_sleep(POLL_MS) == FIBER_DONE)
		;
	http_reply_end(rq->http);
	TAILQ_REMOVE(&open_streams, &s, link);
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
