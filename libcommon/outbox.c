/*
 * From the events of a unit to rows of outbox_events, in the unit's own transaction.
 *
 * The sequence value is taken by this INSERT, while the aggregate's row is locked: for one
 * aggregate, order of seq is order of commit.
 */
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "db.h"
#include "event_internal.h"
#include "metrics.h"
#include "request.h"

#define PAYLOAD_MAX 900000	/* brokers take 1 MiB with headers unless told otherwise */

/* APPROVE or REJECT for a decision; a change whose kind nobody named is an UPDATE. */
static void
settle_action(struct event_out *ev)
{
	const ProtobufCFieldDescriptor *f = message_field(ev->message, "decision");
	const char *decision = NULL;

	if (ev->context->action[0] != '\0')
		return;
	if (f != NULL && f->type == PROTOBUF_C_TYPE_STRING)
		decision = *(char **)message_member(ev->message, f);
	if (ev->type->action == EVENT_BY_DECISION && decision != NULL)
		event_action(ev, strcmp(decision, "APPROVED") == 0 ? "APPROVE" : "REJECT");
	else
		event_action(ev, "UPDATE");
}

static int
pack(struct request *rq, struct event_out *ev, const uint8_t **ret_bytes, size_t *ret_len)
{
	size_t len;
	uint8_t *bytes;

	settle_action(ev);
	len = protobuf_c_message_get_packed_size(ev->message);
	if (len > PAYLOAD_MAX) {
		return fail(rq, ERR_TOO_LARGE, "this change makes an event of %zu bytes (%s); the limit"
		    " is %d", len, ev->type->name, PAYLOAD_MAX);
	}
	bytes = arena_alloc(rq->arena, len);
	protobuf_c_message_pack(ev->message, bytes);
	*ret_bytes = bytes;
	*ret_len = len;
	return 0;
}

static const char *
headers_json(struct request *rq, const struct event_out *ev)
{
	return ev->traceparent == NULL ? "{}" :
	    arena_printf(rq->arena, "{\"traceparent\": \"%s\"}", ev->traceparent);
}

/* As write_all for a single event, as most units have: a third cheaper for PostgreSQL than unnest. */
static int
write_one(struct request *rq, struct event_out *ev)
{
	const uint8_t *bytes = NULL;
	char created_at[CLOCK_TEXT];
	size_t len = 0;

	if (pack(rq, ev, &bytes, &len) < 0)
		return -1;
	clock_format(ev->occurred_us, created_at);
	db_queue(rq, "INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, "
	    "headers, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	    &(struct db_params){ .n = 7,
		.values = (const char *const[]){ ev->context->event_id, ev->type->noun,
		    ev->aggregate_id, ev->type->name, (const char *)bytes, headers_json(rq, ev),
		    created_at },
		.lengths = (const int[]){ 0, 0, 0, 0, (int)len, 0, 0 },
		.formats = (const int[]){ 0, 0, 0, 0, 1, 0, 0 } });
	return 0;
}

static unsigned
count(struct request *const *units, unsigned n)
{
	unsigned events = 0;

	for (unsigned i = 0; i < n; i++)
		for (const struct event_out *ev = units[i]->events; ev != NULL; ev = ev->next)
			events++;
	return events;
}

struct columns {
	struct db_array *id, *aggregate_type, *aggregate_id, *type, *payload, *headers, *created_at;
};

static int
add(struct request *rq, struct columns *c, struct event_out *ev)
{
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (pack(rq, ev, &bytes, &len) < 0)
		return -1;
	db_array_add_text(c->id, ev->context->event_id);
	db_array_add_text(c->aggregate_type, ev->type->noun);
	db_array_add_text(c->aggregate_id, ev->aggregate_id);
	db_array_add_text(c->type, ev->type->name);
	db_array_add_bytes(c->payload, bytes, len);
	db_array_add_text(c->headers, headers_json(rq, ev));
	db_array_add_int(c->created_at, ev->occurred_us);
	return 0;
}

/* created_at is the event's own time, which the relay sends as ce_time. */
static int
write_all(struct request *rq, struct request *const *units, unsigned n)
{
	struct arena *a = rq->arena;
	struct columns c = { .id = db_array_new(a, DB_UUID), .aggregate_type = db_array_new(a, DB_TEXT),
		.aggregate_id = db_array_new(a, DB_UUID), .type = db_array_new(a, DB_TEXT),
		.payload = db_array_new(a, DB_BYTEA), .headers = db_array_new(a, DB_JSONB),
		.created_at = db_array_new(a, DB_TIMESTAMPTZ) };

	for (unsigned i = 0; i < n; i++)
		for (struct event_out *ev = units[i]->events; ev != NULL; ev = ev->next)
			if (add(rq, &c, ev) < 0)
				return -1;
	db_queue(rq, "INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, "
	    "headers, created_at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], "
	    "$4::text[], $5::bytea[], $6::jsonb[], $7::timestamptz[])",
	    db_arrays(a, 7, c.id, c.aggregate_type, c.aggregate_id, c.type, c.payload, c.headers,
	    c.created_at));
	return 0;
}

int
outbox_write_many(struct request *rq, struct request *const *units, unsigned n)
{
	unsigned events = count(units, n);

	if (events == 0)
		return 0;
	if ((events == 1 && n == 1 ? write_one(rq, units[0]->events) : write_all(rq, units, n)) < 0)
		return -1;
	metric_add(M_OUTBOX_WRITTEN, events);
	return 0;
}

int
outbox_write(struct request *rq)
{
	return outbox_write_many(rq, &rq, 1);
}
