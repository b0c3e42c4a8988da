/*
 * A whole event as JSON, for people: empty fields are left out, times are RFC 3339. Where the
 * message lies in Kafka stands in an object of its own, since events have fields of those names.
 */
#include "event_internal.h"

#include "arena.h"
#include "clock.h"

static void add_message(struct buf *b, const ProtobufCMessage *m);

static void
add_base64(struct buf *b, const ProtobufCBinaryData *data)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	buf_add_char(b, '"');
	for (size_t i = 0; i < data->len; i += 3) {
		size_t left = data->len - i;
		uint32_t v = (uint32_t)data->data[i] << 16;

		v |= left > 1 ? (uint32_t)data->data[i + 1] << 8 : 0;
		v |= left > 2 ? data->data[i + 2] : 0;
		buf_add_char(b, digits[v >> 18]);
		buf_add_char(b, digits[v >> 12 & 63]);
		buf_add_char(b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_add_char(b, left > 2 ? digits[v & 63] : '=');
	}
	buf_add_char(b, '"');
}

static void
add_enum(struct buf *b, const ProtobufCEnumDescriptor *d, int value)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);

	if (v != NULL)
		buf_add_json(b, v->name);
	else
		buf_add_int(b, value);
}

static void
add_time(struct buf *b, const ProtobufCMessage *timestamp)
{
	char text[CLOCK_TEXT];
	int64_t us = message_time_us(timestamp);

	if (us < 0) {
		buf_add_json(b, NULL);
		return;
	}
	clock_format(us, text);
	buf_add_json(b, text);
}

static void
add_value(struct buf *b, const ProtobufCFieldDescriptor *f, const void *value)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING: buf_add_json(b, *(char *const *)value); break;
	case PROTOBUF_C_TYPE_INT64: buf_add_int(b, *(const int64_t *)value); break;
	case PROTOBUF_C_TYPE_INT32: buf_add_int(b, *(const int32_t *)value); break;
	case PROTOBUF_C_TYPE_BOOL:
		buf_add_str(b, *(const protobuf_c_boolean *)value ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_BYTES: add_base64(b, value); break;
	case PROTOBUF_C_TYPE_ENUM: add_enum(b, f->descriptor, *(const int *)value); break;
	case PROTOBUF_C_TYPE_MESSAGE:
		if (message_is_time(f))
			add_time(b, *(ProtobufCMessage *const *)value);
		else
			add_message(b, *(ProtobufCMessage *const *)value);
		break;
	default: buf_add_json(b, NULL);	/* no event has another kind */
	}
}

static size_t
element_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64: return sizeof(int64_t);
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	default: return sizeof(int);
	}
}

static bool
is_empty(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *value = message_member(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *message_count(m, f) == 0;
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return *(char *const *)value == NULL || **(char *const *)value == '\0';
	case PROTOBUF_C_TYPE_MESSAGE: return *(void *const *)value == NULL;
	case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)value)->len == 0;
	default: return false;
	}
}

static void
add_field(struct buf *b, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const char *items;

	if (f->label != PROTOBUF_C_LABEL_REPEATED) {
		add_value(b, f, message_member(m, f));
		return;
	}
	items = *(char **)message_member(m, f);
	buf_add_char(b, '[');
	for (size_t i = 0; i < *message_count(m, f); i++) {
		if (i > 0)
			buf_add_str(b, ", ");
		add_value(b, f, items + i * element_size(f));
	}
	buf_add_char(b, ']');
}

static void
add_fields(struct buf *b, const ProtobufCMessage *m, bool first)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

		if (is_empty(m, f))
			continue;
		if (!first)
			buf_add_str(b, ", ");
		first = false;
		buf_add_json(b, f->name);
		buf_add_str(b, ": ");
		add_field(b, m, f);
	}
}

static void
add_message(struct buf *b, const ProtobufCMessage *m)
{
	buf_add_char(b, '{');
	add_fields(b, m, true);
	buf_add_char(b, '}');
}

const char *
event_json(struct arena *a, const struct event_in *ev)
{
	struct buf b;

	buf_init(&b, a, 1024);
	buf_add_str(&b, "{\"type\": ");
	buf_add_json(&b, ev->type_name);
	buf_printf(&b, ", \"position\": {\"partition\": %d, \"offset\": %lld}", ev->partition,
	    (long long)ev->offset);
	if (ev->message != NULL) {
		add_fields(&b, ev->message, false);
	} else {
		buf_add_str(&b, ", \"context\": ");
		add_message(&b, &ev->context->base);
	}
	buf_add_char(&b, '}');
	return b.text;
}
