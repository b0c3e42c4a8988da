/*
 * The event types as data: name, publisher, what audit writes and which message carries it.
 * The list itself is event_types.def; the messages are proto/nxtgauge/events/v1.
 */
#ifndef NXT_EVENT_TYPES_H
#define NXT_EVENT_TYPES_H

#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

/* What audit_logs.action says of an event of this type. */
enum event_action {
	EVENT_CREATE,
	EVENT_UPDATE,
	EVENT_DELETE,
	EVENT_BY_DECISION, /* APPROVE or REJECT, as the message's decision says */
	EVENT_BY_CHANGE,   /* CREATE, UPDATE or DELETE, as the row was made, changed or removed */
};

/* audit_logs.status: a refused or failed action is an event too. */
enum event_status {
	EVENT_SUCCESS,
	EVENT_FAILED,
};

struct event_type {
	const char *name;		/* type and topic, "job.submitted" */
	const char *service;		/* publisher, "marketplace"; "all" = any service */
	const char *noun;		/* Context.aggregate_type, "job" */
	const char *key;		/* field and column with the aggregate's id, mostly "id"; or NULL */
	enum event_action action;	/* a publisher may set another, as a revoked role does */
	enum event_status status;
	const char *module_key;		/* audit_logs.module_key */
	const ProtobufCMessageDescriptor *descriptor; /* field 1 is always the Context */
	int retention_hours;		/* of the topic */
	const char *doc;		/* one sentence for the reference */
};

/* EV_JOB_SUBMITTED and its like; &EV_… is a constant and may stand in static tables. */
#define EVENT_TYPE(symbol, ...) extern const struct event_type EV_##symbol;
#include "event_types.def"
#undef EVENT_TYPE

/* The type of that name, or NULL: then an event of a newer release, or no event at all. */
const struct event_type *event_type_find(const char *name);

/* All types, sorted by name; *ret_count is their number. */
const struct event_type *const *event_type_all(size_t *ret_count);

/* CREATE, UPDATE or DELETE; NULL for the two kinds that only the publisher can know. */
const char *event_action_name(enum event_action action);

/* SUCCESS or FAILED. */
const char *event_status_name(enum event_status status);

#endif
