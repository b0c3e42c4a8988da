/*
 * Events: building those we publish, reading those that arrive.
 *
 * Fields are set by name through protobuf-c's descriptors, so a row fills its event without
 * code. Setting a field that the message does not have aborts: proto and code are one build.
 */
#ifndef NXT_EVENT_H
#define NXT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event_types.h"
#include "nxtgauge/events/v1/context.pb-c.h"

struct arena;
struct error;
struct request;
struct row;

/* ---- publishing (libevent has taken the names struct event_out and event_add) ---- */
struct event_out;
/*
 * Adds an event to the unit; it is written to outbox_events with the commit. Context is filled
 * from the request: ids, actor, source, correlation, trace. `aggregate_id` is a UUID and the Kafka key.
 */
struct event_out *event_publish(struct request *rq, const struct event_type *type, const char *aggregate_id,
    int64_t aggregate_version);
void event_drop(struct request *rq, struct event_out *ev);	/* takes it back; NULL is fine */
void event_set_text(struct event_out *ev, const char *field, const char *value);	/* NULL leaves it empty */
void event_set_int(struct event_out *ev, const char *field, int64_t value);
void event_set_bool(struct event_out *ev, const char *field, bool value);
void event_set_bytes(struct event_out *ev, const char *field, const void *p, size_t n);
void event_set_time(struct event_out *ev, const char *field, int64_t wall_us);
void event_add_text(struct event_out *ev, const char *field, const char *value);	/* repeated string */
/* Appends an element to a repeated message field and returns a handle for event_set_… on it. */
struct event_out *event_add_message(struct event_out *ev, const char *field);
/* Every message field that a non-secret column of the row is named after. */
void event_fill_from_row(struct event_out *ev, const struct row *row);
/* Context */
void event_recipient(struct event_out *ev, const char *user_id);	/* whom notify tells; NULL ignored, no doubles */
void event_entity(struct event_out *ev, const char *entity_type, const char *entity_id);
void event_label(struct event_out *ev, const char *label);
void event_summary(struct event_out *ev, const char *summary);
void event_action(struct event_out *ev, const char *action);	/* CREATE, UPDATE, DELETE, APPROVE, REJECT */
void event_failed(struct event_out *ev);				/* status FAILED: a refused action */
/* One changed field for audit_log_changes; class from the column's flags. Secrets abort. */
void event_change(struct event_out *ev, const char *field, const char *old_value, const char *new_value,
    bool personal);
/* Writes all events of the unit as one queued INSERT into outbox_events. Called before commit. */
int outbox_write(struct request *rq);
/* The same for several units whose transaction is that of rq, in their order. */
int outbox_write_many(struct request *rq, struct request *const *units, unsigned n);

/* ---- arriving ---- */
struct event_in {
	const struct event_type *type;	/* NULL: a type this build does not know */
	const char *type_name;
	const char *topic;
	int partition;
	int64_t offset;
	const char *id;			/* UUID; the event's identity for ever */
	const char *aggregate_id;
	int64_t aggregate_version;
	int64_t occurred_us;
	const char *traceparent;	/* or NULL */
	const Nxtgauge__Events__V1__Context *context;	/* never NULL */
	const ProtobufCMessage *message;		/* NULL where type is NULL */
	const void *payload;
	size_t payload_len;
};
/*
 * Decodes a Kafka value; all strings are valid UTF-8 without NUL afterwards. `type` is the topic
 * without its prefix, and lives as long as the arena. topic, partition, offset and traceparent are
 * the caller's to fill. -1: undecodable.
 */
int event_decode(struct arena *a, const char *type, const void *payload, size_t len,
    struct event_in *ret_ev, struct error *e);
const char *event_text(const struct event_in *ev, const char *field);	/* NULL where empty */
int64_t event_int(const struct event_in *ev, const char *field);
bool event_bool(const struct event_in *ev, const char *field);
const char *event_time(struct arena *a, const struct event_in *ev, const char *field);	/* RFC 3339, NULL where unset */
size_t event_texts(const struct event_in *ev, const char *field, char *const **ret_items);
const void *event_bytes(const struct event_in *ev, const char *field, size_t *ret_len);
/* The field as a parameter for PostgreSQL, whatever its type: arrays as literals; NULL where empty. */
const char *event_value(struct arena *a, const struct event_in *ev, const char *field);
bool event_is(const struct event_in *ev, const char *field, const char *value);	/* a text that is just this */
bool event_has_field(const struct event_in *ev, const char *field);
/* The whole event as JSON text, for people (`nxtctl events`, `dlq show`). */
const char *event_json(struct arena *a, const struct event_in *ev);

/* ---- subscriptions ---- */
/* What a service does with a type of event. Runs in the batch's transaction; -1 refuses it. */
typedef int event_reaction(struct request *rq, const struct event_in *ev);
/*
 * A reference table kept by an event: columns of the table = fields of the message, guarded by version.
 * The event that ends a row (user.erased) names the map too, though it carries none of the columns: its
 * version then stands as a tombstone that no late, older event passes, also where the row is not known yet.
 */
struct ref_map {
	const char *table;	/* "user_refs" */
	const char *id;		/* field with the row's id; NULL: aggregate_id */
	const char *columns[16];	/* "status" where field and column agree, "column=field" else */
};
struct subscription {
	const struct event_type *type;
	const struct ref_map *ref;	/* kept first, or NULL */
	event_reaction *react;		/* or NULL */
};

#endif
