/* Dead letters; see dead_letters.h. */
#include <string.h>

#include "arena.h"
#include "consumer_internal.h"
#include "db.h"
#include "dead_letters.h"
#include "dispatch.h"
#include "error.h"
#include "failpoint.h"
#include "json.h"
#include "log.h"
#include "request.h"
#include "service.h"
#include "trace.h"
#include "uuid.h"

#define ROUND_MAX 1000	/* letters a look, so that a stop is not kept waiting */

/* ---- putting ---- */

/* [["name", "value"], …]; a value that is no text becomes {"hex": "…"}. */
static void
add_header(struct buf *b, const char *name, const char *value, size_t size)
{
	buf_add_str(b, b->len > 1 ? ", [" : "[");
	buf_add_json(b, name);
	buf_add_str(b, ", ");
	if (value == NULL || utf8_is_valid(value, size)) {
		buf_add_json(b, value == NULL ? NULL : arena_strndup(b->arena, value, size));
	} else {
		buf_add_str(b, "{\"hex\": \"");
		for (size_t i = 0; i < size; i++)
			buf_printf(b, "%02x", (unsigned char)value[i]);
		buf_add_str(b, "\"}");
	}
	buf_add_char(b, ']');
}

static const char *
headers_json(struct arena *a, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t size;
	struct buf b;

	buf_init(&b, a, 512);
	buf_add_char(&b, '[');
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
		    RD_KAFKA_RESP_ERR_NO_ERROR; i++)
			if (utf8_is_valid(name, strlen(name)))
				add_header(&b, name, value, size);
	buf_add_char(&b, ']');
	return b.text;
}

static const char *
header_text(struct arena *a, const rd_kafka_message_t *m, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    value == NULL || !utf8_is_valid(value, size))
		return NULL;
	return arena_strndup(a, value, size);
}

enum { AT_ID, AT_TOPIC, AT_PARTITION, AT_OFFSET, AT_EVENT_ID, AT_TYPE, AT_KEY, AT_PAYLOAD,
	AT_HEADERS, AT_ERROR, AT_ATTEMPTS, PARAMETERS };

int
dead_letter_put(struct request *rq, const rd_kafka_message_t *m, const char *error, int attempts)
{
	struct arena *a = rq->arena;
	const char *event_id = header_text(a, m, "ce_id"), *type = header_text(a, m, "ce_type");
	const char *values[PARAMETERS] = {
		[AT_ID] = uuid_new(a), [AT_TOPIC] = rd_kafka_topic_name(m->rkt),
		[AT_PARTITION] = arena_printf(a, "%d", m->partition),
		[AT_OFFSET] = arena_printf(a, "%lld", (long long)m->offset),
		[AT_EVENT_ID] = event_id != NULL && uuid_is_valid(event_id) ? event_id : NULL,
		[AT_TYPE] = type, [AT_KEY] = m->key, [AT_PAYLOAD] = m->payload,
		[AT_HEADERS] = headers_json(a, m), [AT_ERROR] = error,
		[AT_ATTEMPTS] = arena_printf(a, "%d", attempts),
	};
	int lengths[PARAMETERS] = { [AT_KEY] = (int)m->key_len, [AT_PAYLOAD] = (int)m->len };
	int formats[PARAMETERS] = { [AT_KEY] = 1, [AT_PAYLOAD] = 1 };

	return db_exec(rq, "INSERT INTO dead_letters (id, topic, partition, \"offset\", event_id, "
	    "event_type, key, payload, headers, error, attempts) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
	    "ON CONFLICT (topic, partition, \"offset\") DO UPDATE SET event_id = excluded.event_id, "
	    "event_type = excluded.event_type, key = excluded.key, payload = excluded.payload, "
	    "headers = excluded.headers, error = excluded.error, attempts = excluded.attempts, "
	    "created_at = now()", &(struct db_params){ .n = PARAMETERS, .values = values,
	    .lengths = lengths, .formats = formats });
}

/* ---- trying again ---- */

struct replay {
	const char *id;		/* of the letter that is being tried; NULL: none is marked */
};

static int
apply_letter(struct request *rq, const struct event_in *ev)
{
	const struct event_in *const events[] = { ev };

	if (service_self->consume_batch != NULL && service_self->consume_batch(rq, events, 1) < 0)
		return -1;
	return event_apply(rq, ev);
}

static int
replay_one(struct request *rq, void *arg)
{
	struct replay *replay = arg;
	struct db_params params = { .binary_result = true };
	struct db_result *r = db_query(rq, "SELECT id::text, topic, payload, headers::text "
	    "FROM dead_letters WHERE attempts = 0 ORDER BY created_at, id LIMIT 1 "
	    "FOR UPDATE SKIP LOCKED", &params);
	struct event_in ev;
	struct error e;
	const char *topic;

	if (r == NULL)
		return -1;
	replay->id = NULL;
	if (db_rows(r) == 0)
		return 0;
	replay->id = arena_strndup(rq->arena, db_text(r, 0, 0), (size_t)db_length(r, 0, 0));
	topic = arena_strndup(rq->arena, db_text(r, 0, 1), (size_t)db_length(r, 0, 1));
	if (event_decode(rq->arena, kafka_topic_type(topic), db_text(r, 0, 2),
	    (size_t)db_length(r, 0, 2), &ev, &e) < 0)
		return fail(rq, ERR_VALIDATION, "%s", e.text);
	unit_from_event(rq, &ev);
	if (apply_letter(rq, &ev) < 0)
		return -1;
	failpoint(FP_DEAD_LETTER_APPLIED);
	return db_exec(rq, "DELETE FROM dead_letters WHERE id = $1", DB(replay->id));
}

static int
mark_failed(struct request *rq, void *arg)
{
	const struct request *was = arg;
	const char *error = arena_printf(rq->arena, "%s: %s%s%s", error_info(was->problem.code)->code,
	    was->problem.detail, was->problem.internal != NULL ? "; " : "",
	    was->problem.internal != NULL ? was->problem.internal : "");

	return db_exec(rq, "UPDATE dead_letters SET attempts = 1, error = $2 WHERE id = $1",
	    DB(rq->source_id, error));
}

static void
keep_letter(struct db *db, const struct request *was, const char *id)
{
	struct request *rq = request_new(db);

	rq->source_id = id;
	if (unit_run(rq, mark_failed, (void *)was) == 0)
		log_warn("consumer: dead letter %s was refused again: %s", id, was->problem.detail);
	request_free(rq);
}

void
dead_letters_replay(struct db *db)
{
	struct replay replay = { .id = NULL };

	for (int i = 0; i < ROUND_MAX; i++) {
		struct request *rq = request_new(db);
		int result = unit_run(rq, replay_one, &replay);
		bool passing = rq->problem.code == ERR_UNAVAILABLE || rq->problem.code == ERR_OVERLOADED;

		if (result < 0 && replay.id != NULL && !passing)
			keep_letter(db, rq, replay.id);
		else if (result == 0 && replay.id != NULL)
			log_info("consumer: dead letter %s was applied", replay.id);
		request_free(rq);
		if (replay.id == NULL || passing)
			return;
		replay.id = NULL;
	}
}
