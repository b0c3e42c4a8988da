/*
 * Writing rows: one statement, the version, and the event that tells of it.
 *
 * Statements are queued, so that a change, its event and the COMMIT travel together.
 */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "json.h"

#define COLUMNS_MAX 64

static const char *
array_literal(struct request *rq, const char *json)
{
	json_t *items = json_loads(json, 0, NULL), *v;
	const char *texts[1024], *literal;
	size_t i, n = 0;

	json_array_foreach(items, i, v)
		if (n < COUNT_OF(texts) && json_is_string(v))
			texts[n++] = json_string_value(v);
	literal = db_text_array(rq->arena, texts, n);
	json_decref(items);
	return literal;
}

const char *
row_param(struct request *rq, const struct column *col, const char *value)
{
	return value != NULL && col->type == COL_TEXT_ARRAY ? array_literal(rq, value) : value;
}

/* Whose event it is: a granted role is told of the user, not of the row in user_roles. */
static const char *
aggregate_id(const struct row *row, const struct event_type *type)
{
	if (type->key != NULL && resource_column(row->plan->res, type->key) != NULL)
		return row_text(row, type->key);
	return row_id(row);
}

void
row_open_event(struct request *rq, struct row *row, const struct event_type *type,
    const char *action)
{
	int64_t version = row->stored == NULL ? 1 : row_version(row) + 1;

	if (type == NULL)
		type = row->plan->res->changed;
	event_drop(rq, row->event);
	row->event = NULL;
	row->in_removal = false;
	if (type == NULL)
		return;
	row->event = event_publish(rq, type, aggregate_id(row, type), version);
	if (type == row->plan->res->changed)
		event_action(row->event, action);
}

struct event_out *
row_event_as(struct request *rq, struct row *row, const struct event_type *type)
{
	if (row->event != NULL)
		event_drop(rq, row->event);
	row_open_event(rq, row, type, row->stored == NULL ? "CREATE" : "UPDATE");
	return row->event;
}

struct event_out *
row_event_of_removal(struct request *rq, struct row *row)
{
	if (!row->in_removal)
		row_open_event(rq, row, row->plan->res->removed, "DELETE");
	row->in_removal = true;
	return row->event;
}

static bool
is_bookkeeping(const struct column *c)
{
	return (c->flags & COL_KEY) || strcmp(c->name, "created_at") == 0 ||
	    strcmp(c->name, "updated_at") == 0 || strcmp(c->name, "version") == 0;
}

static bool
differs(const struct row *row, unsigned i)
{
	return !row_value_same(&row->plan->res->columns[i],
	    row->stored == NULL ? NULL : row->stored[i], row->values[i]);
}

void
row_close_event(struct row *row)
{
	const struct resource *res = row->plan->res;

	if (row->event == NULL)
		return;
	event_fill_from_row(row->event, row);
	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		const struct column *c = &res->columns[i];
		if (!is_bookkeeping(c) && !(c->flags & (COL_SECRET | COL_NO_EVENT)) && differs(row, i))
			event_change(row->event, c->name, row_value_shown(row->rq, c,
			    row->stored ? row->stored[i] : NULL),
			    row_value_shown(row->rq, c, row->values[i]), c->flags & COL_PERSONAL);
	}
	if (res->label != NULL)
		event_label(row->event, row_text(row, res->label));
	if (res->recipient != NULL)
		event_recipient(row->event, row_text(row, res->recipient));
	row->event = NULL;
}

static int
send(struct request *rq, const char *sql, int n, const char *const *values)
{
	db_queue(rq, sql, &(struct db_params){ .n = n, .values = values });
	return rq->problem.code == ERR_NONE || rq->commit_refusal ? 0 : -1;
}

void
row_stamp_new(struct request *rq, struct row *row)
{
	if (row->event == NULL)
		row_open_event(rq, row, row->plan->res->created, "CREATE");
	if (row->plan->version_at >= 0)
		row_put(row, "version", "1");
	if (row->plan->created_at >= 0)
		row_set_now(rq, row, "created_at");
	if (row->plan->updated_at >= 0)
		row_set_now(rq, row, "updated_at");
}

void
row_stamp_changed(struct request *rq, struct row *row)
{
	if (row->plan->version_at >= 0)
		row_put(row, "version", arena_printf(rq->arena, "%lld",
		    (long long)row_version(row) + 1));
	if (row->plan->updated_at >= 0)
		row_set_now(rq, row, "updated_at");
}

/* What was written is what is stored from here on: a row may change twice in one unit. */
void
row_settle(struct row *row)
{
	size_t bytes = row->plan->ncolumns * sizeof(*row->values);

	row_close_event(row);
	if (row->stored == NULL)
		row->stored = arena_alloc(row->rq->arena, bytes);
	memcpy(row->stored, row->values, bytes);
}

int
row_insert(struct request *rq, struct row *row)
{
	const struct resource *res = row->plan->res;
	const char *values[COLUMNS_MAX];
	struct buf sql, marks;
	int n = 0;

	row_stamp_new(rq, row);
	buf_init(&sql, rq->arena, 512);
	buf_init(&marks, rq->arena, 128);
	buf_printf(&sql, "INSERT INTO %s (", res->table);
	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		if (row->values[i] == NULL)
			continue;
		values[n++] = row_param(rq, &res->columns[i], row->values[i]);
		buf_printf(&sql, "%s%s", n > 1 ? ", " : "", res->columns[i].name);
		buf_printf(&marks, "%s$%d", n > 1 ? ", " : "", n);
	}
	buf_printf(&sql, ") VALUES (%s)", marks.text);
	row_settle(row);
	return send(rq, sql.text, n, values);
}

int
row_write(struct request *rq, struct row *row, const char *status_column)
{
	const struct resource *res = row->plan->res;
	const char *values[COLUMNS_MAX + 2];
	struct buf sql;
	int n = 0;

	row_stamp_changed(rq, row);
	buf_init(&sql, rq->arena, 256);
	buf_printf(&sql, "UPDATE %s SET ", res->table);
	for (unsigned i = 0; i < row->plan->ncolumns; i++) {
		if (!differs(row, i))
			continue;
		values[n++] = row_param(rq, &res->columns[i], row->values[i]);
		buf_printf(&sql, "%s%s = $%d", n > 1 ? ", " : "", res->columns[i].name, n);
	}
	values[n++] = row_id(row);
	buf_printf(&sql, " WHERE id = $%d", n);
	if (status_column != NULL) {
		values[n++] = row_old(row, status_column);
		buf_printf(&sql, " AND %s IS NOT DISTINCT FROM $%d", status_column, n);
	}
	row_settle(row);
	return send(rq, sql.text, n, values);
}

static bool
anything_changed(const struct row *row)
{
	for (unsigned i = 0; i < row->plan->ncolumns; i++)
		if (differs(row, i))
			return true;
	return false;
}

int
row_update(struct request *rq, struct row *row)
{
	if (anything_changed(row))
		return row_touch(rq, row);
	event_drop(rq, row->event);
	row->event = NULL;
	return 0;
}

int
row_touch(struct request *rq, struct row *row)
{
	if (row->event == NULL)
		row_open_event(rq, row, row->plan->res->updated, "UPDATE");
	return row_write(rq, row, NULL);
}

int
row_remove(struct request *rq, struct row *row)
{
	const char *sql = arena_printf(rq->arena, "DELETE FROM %s WHERE id = $1",
	    row->plan->res->table);

	if (row->event != NULL && !row->in_removal) {
		fprintf(stderr, "%s: the event of a removal was opened as that of a change\n", row->plan->res->table);
		abort();
	}
	row_event_of_removal(rq, row);
	row_close_event(row);
	return send(rq, sql, 1, (const char *const[]){ row_id(row) });
}
