/* Rows: values by column name, their JSON form, and writing them back; see resource.h. */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "json.h"
#include "uuid.h"

int
row_column_number(const struct row *row, const char *column)
{
	const struct column *c = row->plan->res->columns;

	for (int i = 0; c[i].name != NULL; i++)
		if (c[i].name == column || strcmp(c[i].name, column) == 0)
			return i;
	fprintf(stderr, "table %s declares no column %s\n", row->plan->res->table, column);
	abort();
}

const char *
row_text(const struct row *row, const char *column)
{
	return row->values[row_column_number(row, column)];
}

int64_t
row_int(const struct row *row, const char *column)
{
	const char *text = row_text(row, column);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

bool
row_bool(const struct row *row, const char *column)
{
	const char *text = row_text(row, column);

	return text != NULL && text[0] == 't';
}

bool
row_is_set(const struct row *row, const char *column)
{
	const char *text = row_text(row, column);

	return text != NULL && text[0] != '\0';
}

const char *
row_old(const struct row *row, const char *column)
{
	return row->stored == NULL ? NULL : row->stored[row_column_number(row, column)];
}

bool
row_is(const struct row *row, const char *column, const char *value)
{
	return text_is(row_text(row, column), value);
}

bool
row_changed(const struct row *row, const char *column)
{
	const struct column *c = &row->plan->res->columns[row_column_number(row, column)];

	return !row_value_same(c, row_text(row, column), row_old(row, column));
}

bool
row_judged_changed(const struct row *row)
{
	for (const struct column *c = row->plan->res->columns; c->name != NULL; c++)
		if ((c->flags & COL_JUDGED) && row_changed(row, c->name))
			return true;
	return false;
}

void
row_put(struct row *row, const char *column, const char *value)
{
	row->values[row_column_number(row, column)] = arena_strdup(row->rq->arena, value);
}

static bool
is_status(const struct resource *res, const char *column)
{
	for (const struct transition *t = res->transitions; t != NULL && t->to != NULL; t++)
		if (strcmp(t->column != NULL ? t->column : "status", column) == 0)
			return true;
	return false;
}

void
row_set(struct row *row, const char *column, const char *value)
{
	if (row->stored != NULL && !row->in_transition && is_status(row->plan->res, column)) {
		fprintf(stderr, "%s.%s changes by transition only\n", row->plan->res->table, column);
		abort();
	}
	row_put(row, column, value);
}

void
row_set_int(struct row *row, const char *column, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	row_set(row, column, text);
}

void
row_set_now(struct request *rq, struct row *row, const char *column)
{
	char text[CLOCK_TEXT];

	clock_format(rq->now_us, text);
	row_put(row, column, text);
}

void
row_set_time(struct row *row, const char *column, int64_t us)
{
	char text[CLOCK_TEXT];

	clock_format(us, text);
	row_set(row, column, text);
}

const char *
row_id(const struct row *row)
{
	return row->values[row->plan->id_at];
}

int64_t
row_version(const struct row *row)
{
	return row->plan->version_at < 0 ? 0 : row_int(row, "version");
}

const struct resource *
row_resource(const struct row *row)
{
	return row->plan->res;
}

struct event_out *
row_event(struct request *rq, struct row *row)
{
	const struct resource *res = row->plan->res;

	if (row->event == NULL && row->stored == NULL)
		row_open_event(rq, row, res->created, "CREATE");
	else if (row->event == NULL)
		row_open_event(rq, row, res->updated, "UPDATE");
	return row->event;
}

static struct row *
row_alloc(struct request *rq, const struct plan *plan)
{
	struct row *row = arena_alloc(rq->arena, sizeof(*row));

	row->plan = plan;
	row->rq = rq;
	row->values = arena_alloc(rq->arena, plan->ncolumns * sizeof(*row->values));
	return row;
}

/* Every way to a row comes by here, so that none shows what `blank` hides. */
static void
blank_personal(struct row *row)
{
	const struct column *c = row->plan->res->columns;

	for (unsigned i = 0; i < row->plan->ncolumns; i++)
		if (c[i].flags & COL_PERSONAL)
			row->stored[i] = row->values[i] = NULL;
}

struct row *
row_from_result(struct request *rq, const struct plan *plan, const struct db_result *r, int tuple)
{
	struct row *row = row_alloc(rq, plan);
	unsigned n = plan->ncolumns;

	row->stored = arena_alloc(rq->arena, n * sizeof(*row->stored));
	for (unsigned i = 0; i < n; i++)
		row->stored[i] = row->values[i] = db_text(r, tuple, (int)i);
	row->is_owner = db_bool(r, tuple, (int)n);
	row->is_visible = db_bool(r, tuple, (int)n + 1);
	if (plan->res->blank != NULL && db_bool(r, tuple, (int)n + 2))
		blank_personal(row);
	return row;
}

struct row *
row_copy(struct request *rq, const struct row *row)
{
	struct row *copy = row_alloc(rq, row->plan);
	unsigned n = row->plan->ncolumns;

	copy->stored = arena_alloc(rq->arena, n * sizeof(*copy->stored));
	for (unsigned i = 0; i < n; i++)
		copy->stored[i] = copy->values[i] = arena_strdup(rq->arena, row->values[i]);
	copy->is_owner = row->is_owner;
	copy->is_visible = row->is_visible;
	return copy;
}

struct row *
row_copy_result(struct request *rq, const struct plan *plan, const struct db_result *r, int tuple)
{
	struct row *row = row_from_result(rq, plan, r, tuple);

	for (unsigned i = 0; i < plan->ncolumns; i++)
		row->stored[i] = row->values[i] = arena_strdup(rq->arena, row->values[i]);
	return row;
}

static struct row *
load(struct request *rq, const struct plan *plan, const char *sql, const char *value)
{
	struct db_result *r = db_query(rq, sql, DB(rq->caller.user_id, value));

	if (r == NULL)
		return NULL;
	if (db_rows(r) == 0) {
		fail(rq, ERR_NOT_FOUND, "there is no such %s", plan->res->noun);
		return NULL;
	}
	return row_from_result(rq, plan, r, 0);
}

struct row *
row_load(struct request *rq, const struct resource *res, const char *id, bool lock)
{
	const struct plan *plan = plan_for(rq, res);

	return load(rq, plan, lock ? plan->by_id_locked : plan->by_id, id);
}

/* Having none is no refusal. */
static struct row *
if_there(struct request *rq, struct row *row)
{
	if (row == NULL && rq->problem.code == ERR_NOT_FOUND)
		rq->problem.code = ERR_NONE;
	return row;
}

struct row *
row_load_if_there(struct request *rq, const struct resource *res, const char *id)
{
	return id == NULL ? NULL : if_there(rq, row_load(rq, res, id, true));
}

struct row *
row_load_by(struct request *rq, const struct resource *res, const char *column, const char *value,
    bool lock)
{
	const struct plan *plan = plan_for(rq, res);
	const char *sql = arena_printf(rq->arena, "%s WHERE t.%s = $2%s", plan->select, column,
	    lock ? " FOR NO KEY UPDATE OF t" : "");

	return load(rq, plan, sql, value);
}

struct row *
row_load_by_if_there(struct request *rq, const struct resource *res, const char *column,
    const char *value, bool lock)
{
	return if_there(rq, row_load_by(rq, res, column, value, lock));
}

struct row **
row_load_all(struct request *rq, const struct resource *res, const char *column, const char *value)
{
	const struct plan *plan = plan_for(rq, res);
	struct db_result *r = db_query(rq, arena_printf(rq->arena, "%s WHERE t.%s = $2 ORDER BY t.id",
	    plan->select, column), DB(rq->caller.user_id, value));
	struct row **rows;

	if (r == NULL)
		return NULL;
	rows = arena_alloc(rq->arena, ((size_t)db_rows(r) + 1) * sizeof(*rows));
	for (int i = 0; i < db_rows(r); i++)
		rows[i] = row_from_result(rq, plan, r, i);
	return rows;
}

struct row *
row_new(struct request *rq, const struct resource *res)
{
	struct row *row = row_alloc(rq, plan_of(res));
	const struct column *c = res->columns;

	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		row->values[i] = c[i].initial;
		if (c[i].flags & COL_OWNER)
			row->values[i] = rq->caller.user_id;
	}
	for (const struct transition *t = res->transitions; t != NULL && t->to != NULL; t++) {
		const char *column = t->column != NULL ? t->column : "status";
		if (t->verb == NULL && t->from == NULL && !row_is_set(row, column))
			row_put(row, column, t->to);
	}
	row->values[row->plan->id_at] = uuid_new(rq->arena);
	row->is_owner = row->is_visible = true;
	return row;
}

/* ---- JSON ---- */

/* PostgreSQL's own "2026-11-27 12:33:01.5+00" needs no calendar. false: it is spelled otherwise. */
static bool
add_stored_time(struct buf *out, const char *text)
{
	char rfc[] = "\"0000-00-00T00:00:00.000000Z\"";
	size_t n = strlen(text), digits = n > 23 ? n - 23 : 0;

	if (n < 22 || digits > 6 || n == 23 || text[4] != '-' || text[10] != ' ' ||
	    strcmp(text + n - 3, "+00") != 0)
		return false;
	memcpy(rfc + 1, text, 10);
	memcpy(rfc + 12, text + 11, 8);
	memcpy(rfc + 21, text + 20, digits);
	buf_add(out, rfc, sizeof(rfc) - 1);
	return true;
}

static void
add_time(struct buf *out, const char *text)
{
	char rfc[CLOCK_TEXT];
	int64_t us;

	if (add_stored_time(out, text))
		return;
	us = clock_parse(text);
	if (us < 0) {
		buf_add_json(out, text);
		return;
	}
	clock_format(us, rfc);
	buf_add_json(out, rfc);
}

static void
add_value(struct buf *out, const struct column *col, const char *text)
{
	if (text == NULL) {
		buf_add(out, "null", 4);
		return;
	}
	switch (col->type) {
	case COL_INT:
	case COL_MONEY:
	case COL_JSON:
	case COL_TEXT_ARRAY:
		buf_add_str(out, text);
		break;
	case COL_BOOL:
		buf_add_str(out, text[0] == 't' ? "true" : "false");
		break;
	case COL_TIME:
		add_time(out, text);
		break;
	default:
		buf_add_json(out, text);
	}
}

static bool
wanted(const char *fields, const char *name)
{
	size_t n = fields == NULL ? 0 : strlen(name);

	for (const char *p = fields; p != NULL; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	return fields == NULL;
}

static bool
reads_as_staff(const struct request *rq, const struct resource *res)
{
	return res->read.permission != NULL && caller_has_permission(rq, res->read.permission);
}

void
row_render(struct buf *out, const struct request *rq, const struct row *row, const char *fields)
{
	const struct column *c = row->plan->res->columns;
	size_t comma = 1;	/* the first value has none before its name */

	buf_add_char(out, '{');
	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		if ((c[i].flags & COL_SECRET) || !wanted(fields, c[i].name))
			continue;
		if ((((c[i].flags & COL_PRIVATE) && !row->is_owner) || (c[i].flags & COL_STAFF_ONLY)) &&
		    !reads_as_staff(rq, row->plan->res))
			continue;
		buf_add(out, row->plan->keys[i].text + comma, row->plan->keys[i].len - comma);
		comma = 0;
		add_value(out, &c[i], row->values[i]);
	}
	buf_add_char(out, '}');
}

const char *
row_json(struct request *rq, const struct row *row)
{
	struct buf out;

	buf_init(&out, rq->arena, 1024);
	row_render(&out, rq, row, query_get(rq, "fields"));
	return out.text;
}

bool
row_is_readable(const struct request *rq, const struct row *row)
{
	const struct access *read = &row->plan->res->read;

	if ((read->who & WHO_OWNER) && row->is_owner)
		return true;
	if (reads_as_staff(rq, row->plan->res))
		return true;
	if (!row->is_visible)
		return false;
	return (read->who & WHO_ANYONE) ||
	    ((read->who & WHO_SIGNED_IN) && rq->caller.user_id != NULL);
}

static const char *
quoted(struct arena *a, const char *text)
{
	size_t n = strlen(text);
	char *q = arena_alloc(a, n + 3);

	q[0] = q[n + 1] = '"';
	memcpy(q + 1, text, n);
	return q;
}

int
reply_row(struct request *rq, int status, const struct row *row)
{
	char hash[65];

	reply_text(rq, status, row_json(rq, row));
	if (row->plan->version_at >= 0) {
		rq->reply.etag = quoted(rq->arena, row->values[row->plan->version_at]);
	} else {
		sha256_hex(rq->reply.body, rq->reply.body_len, hash);
		rq->reply.etag = arena_printf(rq->arena, "\"%.32s\"", hash);
	}
	if (status == 201)
		rq->reply.location = arena_printf(rq->arena, "%s/%s", row->plan->path, row_id(row));
	return 0;
}

const char *
row_content_hash(struct request *rq, const struct row *row)
{
	const struct column *c = row->plan->res->columns;
	json_t *judged = json_object();
	char *hash = arena_alloc(rq->arena, 65);
	struct buf text;
	char *canonical;

	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		json_t *v;
		if (!(c[i].flags & COL_JUDGED))
			continue;
		buf_init(&text, rq->arena, 64);
		add_value(&text, &c[i], row->values[i]);
		v = json_loads(text.text, JSON_DECODE_ANY, NULL);
		json_object_set_new(judged, c[i].name, v != NULL ? v : json_null());
	}
	canonical = json_canonical(rq->arena, judged);
	json_decref(judged);
	sha256_hex(canonical, strlen(canonical), hash);
	return hash;
}
