/*
 * Every event of every service into the log: one audit_logs row, and one audit_log_changes row per
 * changed field.
 *
 * One statement a batch, whatever its size. A row's id is its event's, so that whatever is redelivered
 * is written once, and its changes with it. Only the envelope is read (Context): events of types that
 * this build has never heard of are written like all others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "db.h"
#include "json.h"
#include "uuid.h"

typedef Nxtgauge__Events__V1__Context Context;
typedef Nxtgauge__Events__V1__FieldChange FieldChange;

#define CHANGES_MAX 4095	/* of one event: as many as fit into the 12 bits of an id */

static const char *
or_null(const char *s)
{
	return s == NULL || s[0] == '\0' ? NULL : s;
}

/* The word if it is one of the allowed ones, else the last of them: strange events are kept too. */
static const char *
one_of(const char *word, const char *const *allowed)
{
	for (; allowed[1] != NULL; allowed++)
		if (word != NULL && strcmp(word, *allowed) == 0)
			return *allowed;
	return *allowed;
}

/* ---- audit_logs ---- */

static const char *
actor_user_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return ev->context->actor == NULL ? NULL : or_null(ev->context->actor->user_id);
}

static const char *
actor_employee_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return ev->context->actor == NULL ? NULL : or_null(ev->context->actor->employee_id);
}

static const char *
actor_type(struct arena *a, const struct event_in *ev)
{
	static const char *const allowed[] = { "USER", "EMPLOYEE", "CRON", "SYSTEM", NULL };

	(void)a;
	return one_of(ev->context->actor == NULL ? NULL : ev->context->actor->type, allowed);
}

static const char *
action(struct arena *a, const struct event_in *ev)
{
	static const char *const allowed[] = { "CREATE", "DELETE", "APPROVE", "REJECT", "UPDATE", NULL };

	(void)a;
	return one_of(ev->context->action, allowed);
}

static const char *
entity_type(struct arena *a, const struct event_in *ev)
{
	const char *type = or_null(ev->context->entity_type);

	if (type == NULL)
		type = or_null(ev->context->aggregate_type);
	return type != NULL ? type : arena_strndup(a, ev->type_name, strcspn(ev->type_name, "."));
}

static const char *
entity_id(struct arena *a, const struct event_in *ev)
{
	const char *id = or_null(ev->context->entity_id);

	(void)a;
	return id != NULL && uuid_is_valid(id) ? id : ev->aggregate_id;
}

static const char *
entity_label(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->entity_label);
}

static const char *
module_key(struct arena *a, const struct event_in *ev)
{
	const char *key = or_null(ev->context->module_key);

	return key != NULL ? key : entity_type(a, ev);
}

static const char *
source_type(struct arena *a, const struct event_in *ev)
{
	static const char *const allowed[] = { "UI", "WORKER", "CRON", "API", NULL };

	(void)a;
	return one_of(ev->context->source == NULL ? NULL : ev->context->source->type, allowed);
}

static const char *
source_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return ev->context->source == NULL ? NULL : or_null(ev->context->source->id);
}

static const char *
event_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return ev->id;
}

static const char *
request_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->request_id);
}

static const char *
correlation_id(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->correlation_id);
}

static const char *
ip_address(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->ip_address);
}

static const char *
user_agent(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->user_agent);
}

static const char *
status(struct arena *a, const struct event_in *ev)
{
	static const char *const allowed[] = { "FAILED", "SUCCESS", NULL };

	(void)a;
	return one_of(ev->context->status, allowed);
}

static const char *
summary(struct arena *a, const struct event_in *ev)
{
	(void)a;
	return or_null(ev->context->summary);
}

static void
add_member(struct buf *b, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	buf_printf(b, ",\"%s\":", name);
	buf_add_json(b, value);
}

/* What has no column of its own. Never the payload: a secret in it stays out of the log. */
static const char *
metadata_json(struct arena *a, const struct event_in *ev)
{
	const Context *c = ev->context;
	struct buf b;

	buf_init(&b, a, 512);
	buf_add_str(&b, "{\"event_type\":");
	buf_add_json(&b, ev->type_name);
	if (ev->type != NULL && strcmp(ev->type->service, "all") != 0)
		add_member(&b, "service", ev->type->service);
	add_member(&b, "aggregate_type", c->aggregate_type);
	add_member(&b, "aggregate_id", c->aggregate_id);
	buf_printf(&b, ",\"aggregate_version\":%lld", (long long)c->aggregate_version);
	add_member(&b, "causation_id", c->causation_id);
	add_member(&b, "request_ref", c->request_ref);
	add_member(&b, "traceparent", ev->traceparent);
	buf_printf(&b, ",\"partition\":%d,\"offset\":%lld}", ev->partition, (long long)ev->offset);
	return b.text;
}

/* The columns of audit_logs, in the order of the statement; created_at comes last, by itself. */
static const struct {
	enum db_type type;
	const char *(*text)(struct arena *a, const struct event_in *ev);
} log_columns[] = {
	{ DB_UUID, event_id },
	{ DB_UUID, actor_user_id },
	{ DB_UUID, actor_employee_id },
	{ DB_TEXT, actor_type },
	{ DB_TEXT, action },
	{ DB_TEXT, entity_type },
	{ DB_UUID, entity_id },
	{ DB_TEXT, entity_label },
	{ DB_TEXT, module_key },
	{ DB_TEXT, source_type },
	{ DB_UUID, source_id },
	{ DB_UUID, request_id },
	{ DB_UUID, correlation_id },
	{ DB_TEXT, ip_address },
	{ DB_TEXT, user_agent },
	{ DB_TEXT, status },
	{ DB_TEXT, summary },
	{ DB_JSONB, metadata_json },
};

static void
add_logs(struct request *rq, const struct event_in *const *events, size_t n, struct db_array **x)
{
	for (size_t c = 0; c < COUNT_OF(log_columns); c++) {
		x[c] = db_array_new(rq->arena, log_columns[c].type);
		for (size_t i = 0; i < n; i++)
			db_array_add_text(x[c], log_columns[c].text(rq->arena, events[i]));
	}
	x[COUNT_OF(log_columns)] = db_array_new(rq->arena, DB_TIMESTAMPTZ);
	for (size_t i = 0; i < n; i++)
		db_array_add_int(x[COUNT_OF(log_columns)], events[i]->occurred_us);
}

/* ---- audit_log_changes ---- */

/*
 * The time bits of the event, so that the change lies in its month; the place among its changes,
 * so that a list by id shows them in order; and a hash, so that no two events make the same id.
 */
static void
change_id(const uint8_t event_id_[16], size_t place, uint8_t out[16])
{
	unsigned char hash[32];

	sha256_raw(event_id_, 16, hash);
	memcpy(out, event_id_, 6);
	out[6] = (uint8_t)(0x70 | (place >> 8 & 0x0f));
	out[7] = (uint8_t)place;
	memcpy(out + 8, hash, 8);
	out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

static const char *
class_name(int class)
{
	switch (class) {
	case NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_PUBLIC: return "PUBLIC";
	case NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_INTERNAL: return "INTERNAL";
	case NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_PERSONAL: return "PERSONAL";
	default: return NULL;
	}
}

enum change_column { CHANGE_ID, CHANGE_LOG, CHANGE_FIELD, CHANGE_OLD, CHANGE_NEW, CHANGE_AT,
	CHANGE_CLASS, CHANGE_COLUMNS };

static void
add_change(struct db_array *const *x, const struct event_in *ev, const FieldChange *change,
    const uint8_t log_id[16], size_t place)
{
	bool secret = change->class_ == NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_SECRET;
	uint8_t id[16];

	change_id(log_id, place, id);
	db_array_add_bytes(x[CHANGE_ID], id, sizeof(id));
	db_array_add_bytes(x[CHANGE_LOG], log_id, 16);
	db_array_add_text(x[CHANGE_FIELD], change->field_name);
	db_array_add_text(x[CHANGE_OLD], secret ? NULL : or_null(change->old_value));
	db_array_add_text(x[CHANGE_NEW], secret ? NULL : or_null(change->new_value));
	db_array_add_int(x[CHANGE_AT], ev->occurred_us);
	db_array_add_text(x[CHANGE_CLASS], class_name(change->class_));
}

struct place {
	const char *id;
	size_t i;
};

static int
by_id_then_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order != 0 ? order : (x->i > y->i) - (x->i < y->i);
}

/* Which events came before in the same batch: a relay that sends again may send soon. */
static bool *
find_repeated(struct arena *a, const struct event_in *const *events, size_t n)
{
	struct place *places = arena_alloc(a, n * sizeof(*places));
	bool *repeated = arena_alloc(a, n * sizeof(*repeated));

	for (size_t i = 0; i < n; i++)
		places[i] = (struct place){ events[i]->id, i };
	qsort(places, n, sizeof(*places), by_id_then_place);
	for (size_t i = 1; i < n; i++)
		repeated[places[i].i] = strcmp(places[i].id, places[i - 1].id) == 0;
	return repeated;
}

static void
add_changes(struct request *rq, const struct event_in *const *events, size_t n, struct db_array **x)
{
	static const enum db_type types[CHANGE_COLUMNS] = { DB_UUID, DB_UUID, DB_TEXT, DB_TEXT, DB_TEXT,
		DB_TIMESTAMPTZ, DB_TEXT };
	const bool *repeated = find_repeated(rq->arena, events, n);
	uint8_t log_id[16];

	for (size_t c = 0; c < CHANGE_COLUMNS; c++)
		x[c] = db_array_new(rq->arena, types[c]);
	for (size_t i = 0; i < n; i++) {
		const Context *c = events[i]->context;
		if (repeated[i])
			continue;
		uuid_parse(events[i]->id, log_id);
		for (size_t k = 0; k < c->n_changes && k <= CHANGES_MAX; k++)
			add_change(x, events[i], c->changes[k], log_id, k);
	}
}

/* ---- both at once ---- */

/*
 * The changes of those logs that are new. Two statements, each with its own ON CONFLICT, cost a
 * third more: no change is looked for by its id first, and one round less is planned and started.
 */
static const char insert[] = "WITH fresh AS (INSERT INTO audit_logs (id, actor_user_id, "
    "actor_employee_id, actor_type, action, entity_type, entity_id, entity_label, module_key, "
    "source_type, source_id, request_id, correlation_id, ip_address, user_agent, status, summary, "
    "metadata_json, created_at) "
    "SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], "
    "$7::uuid[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::uuid[], "
    "$14::text[], $15::text[], $16::text[], $17::text[], $18::jsonb[], $19::timestamptz[]) "
    "ON CONFLICT DO NOTHING RETURNING id) "
    "INSERT INTO audit_log_changes (id, audit_log_id, field_name, old_value_text, new_value_text, "
    "created_at, field_class) "
    "SELECT * FROM unnest($20::uuid[], $21::uuid[], $22::text[], $23::text[], $24::text[], "
    "$25::timestamptz[], $26::text[]) c(id, audit_log_id) "
    "WHERE audit_log_id IN (SELECT id FROM fresh)";

int
audit_events(struct request *rq, const struct event_in *const *events, size_t n)
{
	struct db_array *x[COUNT_OF(log_columns) + 1 + CHANGE_COLUMNS];

	if (people_keep(rq, events, n) < 0)
		return -1;
	add_logs(rq, events, n, x);
	add_changes(rq, events, n, x + COUNT_OF(log_columns) + 1);
	db_queue(rq, insert, db_arrays_of(rq->arena, COUNT_OF(x), x));
	return 0;
}
