/* The inside of a row and of a compiled resource. Private to row.c, resource_sql.c, list.c, transition.c, event.c. */
#ifndef NXT_ROW_H
#define NXT_ROW_H

#include "db.h"
#include "request.h"
#include "resource.h"

/* `,"name":`, as it stands in front of a value. */
struct json_key {
	const char *text;
	size_t len;
};

/* A resource with what is derived from it once. */
struct plan {
	const struct resource *res;
	unsigned ncolumns;
	const char *path;	/* "/v1/job-applications" */
	const char *select;	/* "SELECT t.id, …, (owner), (visible)[, (blank)] FROM jobs t"; $1 is the caller */
	const char *by_id, *by_id_locked;	/* select … WHERE t.id = $2 */
	const char *by_ids;	/* arrays of callers and ids; the columns of select, then the item's number */
	unsigned number_at;	/* that column's */
	struct batch *gets;	/* of by_ids */
	const char *owner;	/* condition with $1, or "false" */
	const char *subject;	/* condition with $1; NULL where nobody's data, or not declared */
	const char *visible;	/* condition with $1, or "true" */
	const struct json_key *keys;	/* of the columns */
	int version_at, id_at, created_at, updated_at;	/* column numbers, -1 where there is none */
	const struct plan *restricted;	/* the same with `owner` and `visible` for a suspended account */
	struct plan *next;
};
const struct plan *plan_of(const struct resource *res);
/* The one by which this caller reads; the SELECTs of the two have the same columns. */
const struct plan *plan_for(const struct request *rq, const struct resource *res);

struct row {
	const struct plan *plan;
	struct request *rq;
	const char **values;	/* by column number, PostgreSQL's text; arrays as JSON */
	const char **stored;	/* as loaded; NULL in a new row */
	bool is_owner, is_visible;	/* for the caller */
	struct event_out *event;	/* of the running change */
	bool in_transition;	/* status columns may be written */
	bool in_removal;	/* `event` tells of the row's end */
};

int row_column_number(const struct row *row, const char *column);	/* aborts on an unknown name */
/* From one tuple of a plan's select. */
struct row *row_from_result(struct request *rq, const struct plan *plan, const struct db_result *r,
    int tuple);
struct batch_item;
void row_get_run(struct batch_item *const *items, unsigned n);	/* of plan.gets */
/* As row_load without lock, outside a transaction: one array statement for all who read now. */
struct row *row_load_shared(struct request *rq, const struct resource *res, const char *id);
/* A copy of one tuple of a plan's select in the request's own memory. */
struct row *row_copy_result(struct request *rq, const struct plan *plan, const struct db_result *r,
    int tuple);
/* May the caller see this row under the resource's read rule? */
bool row_is_readable(const struct request *rq, const struct row *row);
/* As row_json, only the columns of the comma-separated list (NULL: all). */
void row_render(struct buf *out, const struct request *rq, const struct row *row, const char *fields);
/* Are two texts of a column one value, however spelled? NULL is like itself alone. */
bool row_value_same(const struct column *col, const char *a, const char *b);
/* As people read it: times as RFC 3339; all else as it is. */
const char *row_value_shown(struct request *rq, const struct column *col, const char *text);
/* Parameter text of a column's value as the statement wants it (arrays become literals). */
const char *row_param(struct request *rq, const struct column *col, const char *value);
/* Sets a column whatever it is; row.c and transition.c alone. */
void row_put(struct row *row, const char *column, const char *value);
/* Opens the event of a change, or NULL where the resource publishes none. */
void row_open_event(struct request *rq, struct row *row, const struct event_type *type,
    const char *action);
/* Fills and closes it: fields, changes, label, recipient. */
void row_close_event(struct row *row);
/* The parts of row_insert and row_update around their statement, for who writes many rows with one. */
void row_stamp_new(struct request *rq, struct row *row);	/* version, times, the event of its creation */
void row_stamp_changed(struct request *rq, struct row *row);
void row_settle(struct row *row);	/* closes the event; the row is as stored */
/*
 * One INSERT for new rows of one resource, stamped; queued in the order given. Columns that all of
 * them leave NULL get the table's default.
 */
void rows_insert(struct request *rq, struct row *const *rows, unsigned n);
/*
 * The statement for the rows of whom `keys`, an array of the column's type, names: in order of id, for
 * row_from_result, nobody being the caller. `lock`: until the transaction ends, and without those that
 * another one holds.
 */
struct db_statement rows_select(struct request *rq, const struct resource *res, const char *column,
    struct db_array *keys, bool lock);
/* A row as it stands, in another unit's memory. */
struct row *row_copy(struct request *rq, const struct row *row);
/* Writes the changed columns; `status_column` (or NULL) is compared with its stored value. */
int row_write(struct request *rq, struct row *row, const char *status_column);

/* Does the access rule let the caller in, given whether he owns the row? Refuses otherwise. */
int access_check(struct request *rq, const struct access *access, bool is_owner);
bool access_allows(const struct request *rq, const struct access *access, bool is_owner);

#endif
