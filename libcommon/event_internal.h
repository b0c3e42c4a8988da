/* The inside of events: for event*.c, outbox.c, and who walks a message field by field. */
#ifndef NXT_EVENT_INTERNAL_H
#define NXT_EVENT_INTERNAL_H

#include "event.h"

struct event_out {
	struct arena *arena;
	const struct event_type *type;	/* NULL in a handle on an element of a repeated field */
	const char *aggregate_id;
	int64_t occurred_us;
	const char *traceparent;
	ProtobufCMessage *message;
	Nxtgauge__Events__V1__Context *context;
	struct event_out *next;
};

/* A zeroed message with its defaults, in the arena. */
ProtobufCMessage *message_new(struct arena *a, const ProtobufCMessageDescriptor *descriptor);
const ProtobufCFieldDescriptor *message_field(const ProtobufCMessage *m, const char *name);
/* Where a field's value lies. */
void *message_member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
size_t *message_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
/* Room for one more element of a repeated field; returns where it goes. */
void *message_append(struct arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
    size_t element_size);
void message_put_time(struct arena *a, void *member, int64_t wall_us);
/* µs since 1970; -1 where it is unset or lies outside the years 1970 to 9999. */
int64_t message_time_us(const ProtobufCMessage *timestamp);
bool message_is_time(const ProtobufCFieldDescriptor *f);
/* A copy that is valid UTF-8: bytes that are not become '?'. NULL becomes "". */
char *message_text(struct arena *a, const char *s);

/*
 * Walks the bytes of a message before anything is allocated for it: every string is UTF-8 without
 * NUL, and the number of fields and levels is bounded. -1: e says what is wrong.
 */
int event_wire_check(const ProtobufCMessageDescriptor *d, const void *payload, size_t len,
    struct error *e);

#endif
