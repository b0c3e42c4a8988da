/* Protobuf messages by descriptor: what event.c, event_in.c and event_json.c share. */
#include "event_internal.h"

#include <string.h>

#include "arena.h"
#include "json.h"

#define YEAR_10000_S 253402300800LL

ProtobufCMessage *
message_new(struct arena *a, const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *m = arena_alloc(a, descriptor->sizeof_message);

	descriptor->message_init(m);
	return m;
}

const ProtobufCFieldDescriptor *
message_field(const ProtobufCMessage *m, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
}

void *
message_member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (char *)(uintptr_t)m + f->offset;
}

size_t *
message_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (size_t *)(void *)((char *)(uintptr_t)m + f->quantifier_offset);
}

/* Repeated fields carry no capacity: it is the power of two at or above their count, 4 at least. */
void *
message_append(struct arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
    size_t element_size)
{
	size_t *n = message_count(m, f);
	char **items = message_member(m, f);

	if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
		char *bigger = arena_alloc(a, (*n < 4 ? 4 : *n * 2) * element_size);
		if (*n > 0)
			memcpy(bigger, *items, *n * element_size);
		*items = bigger;
	}
	return *items + (*n)++ * element_size;
}

bool
message_is_time(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	    f->descriptor == &google__protobuf__timestamp__descriptor;
}

void
message_put_time(struct arena *a, void *member, int64_t wall_us)
{
	Google__Protobuf__Timestamp *t =
	    (void *)message_new(a, &google__protobuf__timestamp__descriptor);

	t->seconds = wall_us / 1000000;
	t->nanos = (int32_t)(wall_us % 1000000) * 1000;
	*(Google__Protobuf__Timestamp **)member = t;
}

int64_t
message_time_us(const ProtobufCMessage *timestamp)
{
	const Google__Protobuf__Timestamp *t = (const void *)timestamp;

	if (t == NULL || t->seconds < 0 || t->seconds >= YEAR_10000_S || t->nanos < 0 ||
	    t->nanos > 999999999)
		return -1;
	return t->seconds * 1000000 + t->nanos / 1000;
}

char *
message_text(struct arena *a, const char *s)
{
	size_t len = s == NULL ? 0 : strlen(s);
	char *copy = arena_strndup(a, s == NULL ? "" : s, len);

	if (!utf8_is_valid(copy, len))
		for (char *p = copy; *p != '\0'; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
	return copy;
}
