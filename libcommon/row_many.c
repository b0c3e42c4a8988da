/* Many rows of one resource as one statement; see row.h. */
#include <stdlib.h>

#include "clock.h"
#include "row.h"

struct array_type {
	enum db_type type;
	const char *sql;
};

/* As what a column travels; what has no array of its own here is text and cast. */
static struct array_type
type_of(const struct column *c)
{
	switch (c->type) {
	case COL_UUID: return (struct array_type){ DB_UUID, "uuid[]" };
	case COL_INT:
	case COL_MONEY: return (struct array_type){ DB_INT8, "bigint[]" };
	case COL_TIME: return (struct array_type){ DB_TIMESTAMPTZ, "timestamptz[]" };
	case COL_JSON: return (struct array_type){ DB_JSONB, "jsonb[]" };
	case COL_BOOL: return (struct array_type){ DB_BOOL, "boolean[]" };
	case COL_DATE:
	case COL_DECIMAL:
	case COL_TEXT_ARRAY: abort();	/* nothing inserts many of these yet */
	default: return (struct array_type){ DB_TEXT, "text[]" };
	}
}

static void
add(struct db_array *x, const struct column *c, const char *value)
{
	if (value == NULL)
		db_array_add_null(x);
	else if (c->type == COL_INT || c->type == COL_MONEY)
		db_array_add_int(x, strtoll(value, NULL, 10));
	else if (c->type == COL_BOOL)
		db_array_add_int(x, value[0] == 't');
	else if (c->type == COL_TIME)
		db_array_add_int(x, clock_parse(value));
	else
		db_array_add_text(x, value);
}

static bool
any_has(struct row *const *rows, unsigned n, unsigned column)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i]->values[column] != NULL)
			return true;
	return false;
}

void
rows_insert(struct request *rq, struct row *const *rows, unsigned n)
{
	const struct plan *plan = rows[0]->plan;
	const struct column *c = plan->res->columns;
	struct db_array **arrays = arena_alloc(rq->arena, plan->ncolumns * sizeof(*arrays));
	struct buf names, values;
	int used = 0;

	buf_init(&names, rq->arena, 256);
	buf_init(&values, rq->arena, 256);
	for (unsigned at = 0; at < plan->ncolumns; at++) {
		if (!any_has(rows, n, at))
			continue;
		arrays[used] = db_array_new(rq->arena, type_of(&c[at]).type);
		for (unsigned i = 0; i < n; i++)
			add(arrays[used], &c[at], rows[i]->values[at]);
		used++;
		buf_printf(&names, "%s%s", used > 1 ? ", " : "", c[at].name);
		buf_printf(&values, "%s$%d::%s", used > 1 ? ", " : "", used, type_of(&c[at]).sql);
	}
	db_queue(rq, arena_printf(rq->arena, "INSERT INTO %s (%s) SELECT * FROM unnest(%s)",
	    plan->res->table, names.text, values.text), db_arrays_of(rq->arena, used, arrays));
}

/* The array hides in a subselect, so that PostgreSQL takes each length for the same and one plan serves all. */
struct db_statement
rows_select(struct request *rq, const struct resource *res, const char *column,
    struct db_array *keys, bool lock)
{
	const struct plan *plan = plan_of(res);
	const char *type = type_of(resource_column(res, column)).sql;
	const struct db_params *array = db_arrays(rq->arena, 1, keys);
	struct db_params *p = arena_alloc(rq->arena, sizeof(*p));
	const char **values = arena_alloc(rq->arena, 2 * sizeof(*values));
	int *lengths = arena_alloc(rq->arena, 2 * sizeof(*lengths));
	int *formats = arena_alloc(rq->arena, 2 * sizeof(*formats));

	values[1] = array->values[0];	/* the first, the caller, is nobody */
	lengths[1] = array->lengths[0];
	formats[1] = array->formats[0];
	*p = (struct db_params){ .n = 2, .values = values, .lengths = lengths, .formats = formats };
	return (struct db_statement){ arena_printf(rq->arena,
	    "%s WHERE t.%s = ANY ((SELECT $2::%s)::%s) ORDER BY t.id%s", plan->select, column, type,
	    type, lock ? " FOR NO KEY UPDATE OF t SKIP LOCKED" : ""), p };
}
