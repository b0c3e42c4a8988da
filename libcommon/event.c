/*
 * Events under construction: every message, by its descriptor.
 *
 * All memory is the unit's arena. Writing them to the outbox is outbox.c's work; nothing here
 * touches the database.
 */
#include "event_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "request.h"
#include "row.h"
#include "uuid.h"

typedef Nxtgauge__Events__V1__FieldChange FieldChange;

/* A field that is not there, or of another kind, is a fault of the program. */
static void
misuse(const struct event_out *ev, const char *field, const char *why)
{
	fprintf(stderr, "{\"level\":\"error\",\"msg\":\"%s has no field %s that takes %s\"}\n",
	    ev->message->descriptor->name, field, why);
	abort();
}

static const ProtobufCFieldDescriptor *
field_of(const struct event_out *ev, const char *name, ProtobufCType type, bool repeated,
    const char *why)
{
	const ProtobufCFieldDescriptor *f = message_field(ev->message, name);

	if (f == NULL || f->type != type || (f->label == PROTOBUF_C_LABEL_REPEATED) != repeated)
		misuse(ev, name, why);
	return f;
}

/* ---- context ---- */

static const char *
actor_name(enum actor_type actor)
{
	switch (actor) {
	case ACTOR_NOBODY:	/* a person who has not signed in */
	case ACTOR_USER: return "USER";
	case ACTOR_EMPLOYEE: return "EMPLOYEE";
	case ACTOR_SYSTEM: return "SYSTEM";
	case ACTOR_CRON: return "CRON";
	}
	abort();
}

static void
fill_actor(struct event_out *ev, const struct request *rq)
{
	Nxtgauge__Events__V1__Actor *actor =
	    (void *)message_new(ev->arena, &nxtgauge__events__v1__actor__descriptor);
	Nxtgauge__Events__V1__Source *source =
	    (void *)message_new(ev->arena, &nxtgauge__events__v1__source__descriptor);
	bool person = rq->actor != ACTOR_SYSTEM && rq->actor != ACTOR_CRON;

	actor->type = message_text(ev->arena, actor_name(rq->actor));
	actor->user_id = message_text(ev->arena, person ? rq->caller.user_id : NULL);
	actor->employee_id = message_text(ev->arena,
	    rq->actor == ACTOR_EMPLOYEE ? rq->caller.employee_id : NULL);
	source->type = message_text(ev->arena, rq->source_type);
	source->id = message_text(ev->arena, rq->source_id);
	ev->context->actor = actor;
	ev->context->source = source;
}

static void
fill_context(struct event_out *ev, const struct request *rq, int64_t aggregate_version)
{
	Nxtgauge__Events__V1__Context *c = ev->context;
	const char *action = event_action_name(ev->type->action);

	c->event_id = uuid_new(ev->arena);
	c->aggregate_type = message_text(ev->arena, ev->type->noun);
	c->aggregate_id = message_text(ev->arena, ev->aggregate_id);
	c->aggregate_version = aggregate_version;
	message_put_time(ev->arena, &c->occurred_at, rq->now_us);
	c->correlation_id = message_text(ev->arena, rq->correlation_id);
	c->causation_id = message_text(ev->arena, rq->causation_id);
	c->request_id = message_text(ev->arena, rq->request_id);
	c->request_ref = message_text(ev->arena, rq->request_ref);
	c->ip_address = message_text(ev->arena, rq->ip_address);
	c->user_agent = message_text(ev->arena, rq->user_agent);
	c->action = message_text(ev->arena, action);
	c->module_key = message_text(ev->arena, ev->type->module_key);
	c->status = message_text(ev->arena, event_status_name(ev->type->status));
	c->entity_type = c->aggregate_type;
	c->entity_id = c->aggregate_id;
	fill_actor(ev, rq);
}

struct event_out *
event_publish(struct request *rq, const struct event_type *type, const char *aggregate_id,
    int64_t aggregate_version)
{
	struct event_out *ev = arena_alloc(rq->arena, sizeof(*ev)), **tail = &rq->events;

	ev->arena = rq->arena;
	ev->type = type;
	ev->aggregate_id = arena_strdup(rq->arena, aggregate_id);
	ev->occurred_us = rq->now_us;
	ev->traceparent = rq->traceparent;
	ev->message = message_new(rq->arena, type->descriptor);
	ev->context = (void *)message_new(rq->arena, &nxtgauge__events__v1__context__descriptor);
	*(ProtobufCMessage **)message_member(ev->message,
	    field_of(ev, "context", PROTOBUF_C_TYPE_MESSAGE, false, "the context")) =
	    &ev->context->base;
	fill_context(ev, rq, aggregate_version);
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = ev;
	return ev;
}

void
event_drop(struct request *rq, struct event_out *ev)
{
	struct event_out **at = &rq->events;

	while (*at != NULL && *at != ev)
		at = &(*at)->next;
	if (*at != NULL)
		*at = ev->next;
}

void
event_recipient(struct event_out *ev, const char *user_id)
{
	Nxtgauge__Events__V1__Context *c = ev->context;

	if (user_id == NULL || user_id[0] == '\0')
		return;
	for (size_t i = 0; i < c->n_recipient_user_ids; i++)
		if (strcmp(c->recipient_user_ids[i], user_id) == 0)
			return;
	*(char **)message_append(ev->arena, &c->base,
	    message_field(&c->base, "recipient_user_ids"), sizeof(char *)) =
	    message_text(ev->arena, user_id);
}

void
event_entity(struct event_out *ev, const char *entity_type, const char *entity_id)
{
	ev->context->entity_type = message_text(ev->arena, entity_type);
	ev->context->entity_id = message_text(ev->arena, entity_id);
}

void
event_label(struct event_out *ev, const char *label)
{
	ev->context->entity_label = message_text(ev->arena, label);
}

void
event_summary(struct event_out *ev, const char *summary)
{
	ev->context->summary = message_text(ev->arena, summary);
}

void
event_action(struct event_out *ev, const char *action)
{
	ev->context->action = message_text(ev->arena, action);
}

void
event_failed(struct event_out *ev)
{
	ev->context->status = message_text(ev->arena, event_status_name(EVENT_FAILED));
}

void
event_change(struct event_out *ev, const char *field, const char *old_value, const char *new_value,
    bool personal)
{
	Nxtgauge__Events__V1__Context *c = ev->context;
	FieldChange *change =
	    (void *)message_new(ev->arena, &nxtgauge__events__v1__field_change__descriptor);

	change->field_name = message_text(ev->arena, field);
	change->old_value = message_text(ev->arena, old_value);
	change->new_value = message_text(ev->arena, new_value);
	change->class_ = personal ? NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_PERSONAL
				  : NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_INTERNAL;
	*(FieldChange **)message_append(ev->arena, &c->base, message_field(&c->base, "changes"),
	    sizeof(change)) = change;
}

/* ---- payload ---- */

void
event_set_text(struct event_out *ev, const char *field, const char *value)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_STRING, false, "a text");

	*(char **)message_member(ev->message, f) = message_text(ev->arena, value);
}

void
event_set_int(struct event_out *ev, const char *field, int64_t value)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_INT64, false, "an integer");

	*(int64_t *)message_member(ev->message, f) = value;
}

void
event_set_bool(struct event_out *ev, const char *field, bool value)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_BOOL, false, "a truth value");

	*(protobuf_c_boolean *)message_member(ev->message, f) = value;
}

void
event_set_bytes(struct event_out *ev, const char *field, const void *p, size_t n)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_BYTES, false, "bytes");
	ProtobufCBinaryData *data = message_member(ev->message, f);

	data->data = (uint8_t *)arena_strndup(ev->arena, p, n);
	data->len = n;
}

void
event_set_time(struct event_out *ev, const char *field, int64_t wall_us)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_MESSAGE, false, "a time");

	if (!message_is_time(f))
		misuse(ev, field, "a time");
	message_put_time(ev->arena, message_member(ev->message, f), wall_us);
}

void
event_add_text(struct event_out *ev, const char *field, const char *value)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_STRING, true, "several texts");

	*(char **)message_append(ev->arena, ev->message, f, sizeof(char *)) =
	    message_text(ev->arena, value);
}

struct event_out *
event_add_message(struct event_out *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f =
	    field_of(ev, field, PROTOBUF_C_TYPE_MESSAGE, true, "several messages");
	struct event_out *element = arena_alloc(ev->arena, sizeof(*element));

	element->arena = ev->arena;
	element->message = message_new(ev->arena, f->descriptor);
	*(ProtobufCMessage **)message_append(ev->arena, ev->message, f,
	    sizeof(ProtobufCMessage *)) = element->message;
	return element;
}

/* ---- from a row ---- */

/* An array column's value is JSON text; elements that are no texts do not occur. */
static void
fill_texts(struct event_out *ev, const ProtobufCFieldDescriptor *f, const char *json)
{
	json_t *items = json_loads(json, 0, NULL), *v;
	size_t i;

	*message_count(ev->message, f) = 0;
	json_array_foreach(items, i, v)
		event_add_text(ev, f->name, json_string_value(v));
	json_decref(items);
}

static void
fill_field(struct event_out *ev, const ProtobufCFieldDescriptor *f, const char *value)
{
	int64_t us;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		if (f->type == PROTOBUF_C_TYPE_STRING)
			fill_texts(ev, f, value);
		return;
	}
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		event_set_text(ev, f->name, value);
		break;
	case PROTOBUF_C_TYPE_INT64:
		event_set_int(ev, f->name, strtoll(value, NULL, 10));
		break;
	case PROTOBUF_C_TYPE_BOOL:
		event_set_bool(ev, f->name, value[0] == 't');
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		if (message_is_time(f) && (us = clock_parse(value)) >= 0)
			event_set_time(ev, f->name, us);
		break;
	default:
		misuse(ev, f->name, "a column's value");
	}
}

void
event_fill_from_row(struct event_out *ev, const struct row *row)
{
	for (const struct column *c = row_resource(row)->columns; c->name != NULL; c++) {
		const ProtobufCFieldDescriptor *f = message_field(ev->message, c->name);
		const char *value;

		if (f == NULL || (c->flags & (COL_SECRET | COL_NO_EVENT)) || strcmp(c->name, "context") == 0)
			continue;
		value = row_text(row, c->name);
		if (value != NULL)
			fill_field(ev, f, value);
	}
}
