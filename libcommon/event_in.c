/*
 * Events that arrive: bytes of strangers until event_decode has judged them.
 *
 * A type that this build does not know is read as AnyEvent, by its envelope alone.
 */
#include "event_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "request.h"
#include "uuid.h"

#define PAYLOAD_MAX (1024 * 1024)

static void *
arena_give(void *a, size_t n)
{
	return arena_alloc(a, n);
}

static void
arena_keep(void *a, void *p)
{
	(void)a;
	(void)p;
}

static int
take_context(struct event_in *ev, const ProtobufCMessage *m, struct error *e)
{
	const ProtobufCFieldDescriptor *f = message_field(m, "context");
	const Nxtgauge__Events__V1__Context *c =
	    *(Nxtgauge__Events__V1__Context **)message_member(m, f);

	if (c == NULL)
		return error_set(e, ERR_BAD_REQUEST, "the event has no context");
	if (!uuid_is_valid(c->event_id) || !uuid_is_valid(c->aggregate_id))
		return error_set(e, ERR_BAD_REQUEST, "event_id or aggregate_id is no UUID");
	ev->occurred_us = message_time_us((const ProtobufCMessage *)c->occurred_at);
	if (ev->occurred_us < 0)
		return error_set(e, ERR_BAD_REQUEST, "occurred_at is missing or out of range");
	ev->context = c;
	ev->id = c->event_id;
	ev->aggregate_id = c->aggregate_id;
	ev->aggregate_version = c->aggregate_version;
	return 0;
}

int
event_decode(struct arena *a, const char *type, const void *payload, size_t len,
    struct event_in *ret_ev, struct error *e)
{
	ProtobufCAllocator allocator = { arena_give, arena_keep, a };
	const ProtobufCMessageDescriptor *d = &nxtgauge__events__v1__any_event__descriptor;
	struct event_in ev = { .topic = type, .type_name = type, .payload = payload,
		.payload_len = len };
	ProtobufCMessage *m;

	ev.type = event_type_find(type);
	if (ev.type != NULL)
		d = ev.type->descriptor;
	if (payload == NULL || len == 0)
		return error_set(e, ERR_BAD_REQUEST, "the message is empty");
	if (len > PAYLOAD_MAX)
		return error_set(e, ERR_TOO_LARGE, "%zu bytes are more than an event may have", len);
	if (event_wire_check(d, payload, len, e) < 0)
		return -1;
	m = protobuf_c_message_unpack(d, &allocator, len, payload);
	if (m == NULL)
		return error_set(e, ERR_BAD_REQUEST, "%s: the bytes do not decode", d->name);
	if (take_context(&ev, m, e) < 0)
		return -1;
	ev.message = ev.type != NULL ? m : NULL;
	*ret_ev = ev;
	return 0;
}

/* ---- reading ---- */

/* NULL for a type that is not known; a known type without that field is a fault of the program. */
static const ProtobufCFieldDescriptor *
field_of(const struct event_in *ev, const char *name, ProtobufCType type, bool repeated)
{
	const ProtobufCFieldDescriptor *f;

	if (ev->message == NULL)
		return NULL;
	f = message_field(ev->message, name);
	if (f == NULL || f->type != type || (f->label == PROTOBUF_C_LABEL_REPEATED) != repeated) {
		fprintf(stderr, "{\"level\":\"error\",\"msg\":\"%s is read for a field %s\"}\n",
		    ev->type_name, name);
		abort();
	}
	return f;
}

bool
event_has_field(const struct event_in *ev, const char *field)
{
	return ev->message != NULL && message_field(ev->message, field) != NULL;
}

const char *
event_text(const struct event_in *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_STRING, false);
	const char *s = f == NULL ? NULL : *(char **)message_member(ev->message, f);

	return s == NULL || s[0] == '\0' ? NULL : s;
}

bool
event_is(const struct event_in *ev, const char *field, const char *value)
{
	return text_is(event_text(ev, field), value);
}

int64_t
event_int(const struct event_in *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_INT64, false);

	return f == NULL ? 0 : *(int64_t *)message_member(ev->message, f);
}

bool
event_bool(const struct event_in *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_BOOL, false);

	return f != NULL && *(protobuf_c_boolean *)message_member(ev->message, f);
}

const char *
event_time(struct arena *a, const struct event_in *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_MESSAGE, false);
	char text[CLOCK_TEXT];
	int64_t us;

	if (f == NULL || !message_is_time(f))
		return NULL;
	us = message_time_us(*(ProtobufCMessage **)message_member(ev->message, f));
	if (us < 0)
		return NULL;
	clock_format(us, text);
	return arena_strdup(a, text);
}

size_t
event_texts(const struct event_in *ev, const char *field, char *const **ret_items)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_STRING, true);

	if (f == NULL)
		return 0;
	*ret_items = *(char ***)message_member(ev->message, f);
	return *message_count(ev->message, f);
}

const void *
event_bytes(const struct event_in *ev, const char *field, size_t *ret_len)
{
	const ProtobufCFieldDescriptor *f = field_of(ev, field, PROTOBUF_C_TYPE_BYTES, false);
	const ProtobufCBinaryData *data;

	if (f == NULL)
		return NULL;
	data = message_member(ev->message, f);
	*ret_len = data->len;
	return data->data;
}

const char *
event_value(struct arena *a, const struct event_in *ev, const char *field)
{
	const ProtobufCFieldDescriptor *f =
	    ev->message == NULL ? NULL : message_field(ev->message, field);

	if (f == NULL)
		return NULL;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		char *const *items;
		size_t n = event_texts(ev, field, &items);
		return db_text_array(a, (const char *const *)items, n);
	}
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
		return arena_printf(a, "%lld", (long long)event_int(ev, field));
	case PROTOBUF_C_TYPE_BOOL:
		return event_bool(ev, field) ? "t" : "f";
	case PROTOBUF_C_TYPE_MESSAGE:
		return event_time(a, ev, field);
	default:
		return event_text(ev, field);
	}
}
