/* Lists; see list.h. Conventions: api.md, "Lists". */
#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "db.h"
#include "http.h"
#include "router.h"
#include "row.h"
#include "validate.h"

#define CONDITIONS_MAX 40
#define ROW_BYTES 512	/* of JSON, usually; more makes the buffer grow */

struct filter {
	const struct column *column;
	const char *op;
	const struct query_param *param;
};

/* A SELECT under construction. $1 is always the caller. */
struct listing {
	struct request *rq;
	const struct plan *plan;
	struct buf where;
	const char *values[CONDITIONS_MAX];
	int n;
	struct filter filters[CONDITIONS_MAX];	/* as asked for, until they are conditions */
	unsigned nfilters;
	int limit;
	const struct column *sort;	/* NULL: by id alone */
	bool descending;
	const char *cursor;
};

static int
bind(struct listing *l, const char *value)
{
	if (l->n >= CONDITIONS_MAX)
		return fail(l->rq, ERR_UNKNOWN_PARAMETER, "too many parameters");
	l->values[l->n++] = value;
	return l->n;
}

static void
and_where(struct listing *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&l->where, " AND (%s)", text);
}

/* NULLs sort as this, so that a page can end between them. */
static const char *
sort_expression(struct request *rq, const struct column *c)
{
	const char *least = c->type == COL_INT || c->type == COL_MONEY || c->type == COL_DECIMAL ? "-1" :
	    c->type == COL_TIME || c->type == COL_DATE ? "'-infinity'" :
	    c->type == COL_BOOL ? "false" : "''";

	if (c->flags & (COL_REQUIRED | COL_KEY))
		return arena_printf(rq->arena, "t.%s", c->name);
	return arena_printf(rq->arena, "COALESCE(t.%s, %s)", c->name, least);
}

static const char *
sort_key_of(const struct listing *l, const struct row *row)
{
	const struct column *c = l->sort;
	const char *value = row_text(row, c->name);

	if (value != NULL)
		return value;
	switch (c->type) {
	case COL_INT: case COL_MONEY: case COL_DECIMAL: return "-1";
	case COL_TIME: case COL_DATE: return "-infinity";
	case COL_BOOL: return "f";
	default: return "";
	}
}

/* ---- who sees what ---- */

static int
scope(struct listing *l)
{
	struct request *rq = l->rq;
	const struct access *read = &l->plan->res->read;
	const char *owner = read->who & WHO_OWNER && rq->caller.user_id != NULL ? l->plan->owner : NULL;
	bool open = (read->who & WHO_ANYONE) ||
	    ((read->who & WHO_SIGNED_IN) && rq->caller.user_id != NULL);

	if (read->permission != NULL && caller_has_permission(rq, read->permission))
		return 0;
	if (!open && owner == NULL)
		return access_check(rq, read, false);
	if (open && owner != NULL)
		buf_printf(&l->where, " AND ((%s) OR (%s))", l->plan->visible, owner);
	else
		buf_printf(&l->where, " AND (%s)", open ? l->plan->visible : owner);
	return 0;
}

/* ---- filters ---- */

static bool
is_ranged(const struct column *c)
{
	return c->type == COL_TIME || c->type == COL_DATE || c->type == COL_INT || c->type == COL_MONEY;
}

size_t
list_range_stem(const struct column *c)
{
	const char *end = c->type == COL_DATE ? "_date" : "_at";
	size_t n = strlen(c->name), cut = strlen(end);

	return n > cut && strcmp(c->name + n - cut, end) == 0 ? n - cut : n;
}

/* `created_after` for created_at, `required_before` for required_date; NULL where it is no such name. */
static const char *
time_range(const struct column *c, const char *name)
{
	size_t stem = list_range_stem(c);

	if ((c->type != COL_TIME && c->type != COL_DATE) || strncmp(name, c->name, stem) != 0)
		return NULL;
	return strcmp(name + stem, "_after") == 0 ? ">" : strcmp(name + stem, "_before") == 0 ? "<" : NULL;
}

static const char *
number_range(const struct column *c, const char *name)
{
	if (c->type != COL_INT && c->type != COL_MONEY)
		return NULL;
	if (strncmp(name, "min_", 4) == 0 && strcmp(name + 4, c->name) == 0)
		return ">=";
	return strncmp(name, "max_", 4) == 0 && strcmp(name + 4, c->name) == 0 ? "<=" : NULL;
}

static int
add_condition(struct listing *l, const struct filter *f)
{
	const struct column *c = f->column;
	const char *value = validate_filter(l->rq, c, f->param->name, f->param->value);
	int at;

	if (value == NULL)
		return -1;
	if (c->type == COL_TEXT_ARRAY)
		value = db_text_array(l->rq->arena, &value, 1);
	at = bind(l, value);
	if (at < 0)
		return -1;
	if (c->type == COL_TEXT_ARRAY)
		and_where(l, "t.%s @> $%d::text[]", c->name, at);
	else if (c->type == COL_INT)	/* the column may be a smallint, which the bound need not fit */
		and_where(l, "t.%s %s $%d::bigint", c->name, f->op, at);
	else
		and_where(l, "t.%s %s $%d", c->name, f->op, at);
	return 0;
}

/* 1: the parameter was a filter; 0: it is none; -1: one too many. */
static int
take_filter(struct listing *l, const struct query_param *p)
{
	for (const struct column *c = l->plan->res->columns; c->name != NULL; c++) {
		const char *op = NULL;
		if (!(c->flags & COL_FILTER))
			continue;
		if (strcmp(c->name, p->name) == 0)
			op = "=";
		else if (is_ranged(c) && (op = time_range(c, p->name)) == NULL)
			op = number_range(c, p->name);
		if (op == NULL)
			continue;
		if (l->nfilters >= CONDITIONS_MAX)
			return fail(l->rq, ERR_UNKNOWN_PARAMETER, "too many parameters");
		l->filters[l->nfilters++] = (struct filter){ c, op, p };
		return 1;
	}
	return 0;
}

static int
by_column(const void *a, const void *b)
{
	const struct filter *x = a, *y = b;

	return x->column != y->column ? (x->column > y->column) - (x->column < y->column) : strcmp(x->op, y->op);
}

/* In the order of the columns, so that the same filters in another order are the same statement. */
static void
add_filters(struct listing *l)
{
	qsort(l->filters, l->nfilters, sizeof(*l->filters), by_column);
	for (unsigned i = 0; i < l->nfilters; i++)
		add_condition(l, &l->filters[i]);
}

static int
add_search(struct listing *l, const char *words)
{
	struct buf text;
	int at;

	buf_init(&text, l->rq->arena, 128);
	for (const struct column *c = l->plan->res->columns; c->name != NULL; c++)
		if (c->flags & COL_SEARCH)
			buf_printf(&text, "%st.%s", text.len > 0 ? ", " : "", c->name);
	if (text.len == 0)
		return fail_parameter(l->rq, "q", "unknown", "this list has no text search");
	at = bind(l, words);
	if (at < 0)
		return -1;
	and_where(l, "to_tsvector('simple', concat_ws(' ', %s)) @@ websearch_to_tsquery('simple', $%d)",
	    text.text, at);
	return 0;
}

/* ---- order and pages ---- */

static int
set_sort(struct listing *l, const char *by)
{
	const struct column *c;

	l->descending = *by == '-';
	c = resource_column(l->plan->res, by + (*by == '-' || *by == '+'));
	if (c == NULL || !(c->flags & (COL_SORT | COL_KEY)))
		return fail_parameter(l->rq, "sort", "unknown", "this list cannot be sorted by that");
	l->sort = c;
	return 0;
}

static int
set_limit(struct listing *l, const char *text)
{
	bool digits = text[strspn(text, "0123456789")] == '\0';	/* strtol() takes white space and a plus too */
	long v = strtol(text, NULL, 10);

	if (!digits || v < 1 || v > LIST_LIMIT_MAX)
		return fail_parameter(l->rq, "limit", "out_of_range", "from 1 to %d", LIST_LIMIT_MAX);
	l->limit = (int)v;
	return 0;
}

int
list_check_fields(struct request *rq, const struct resource *res, const char *fields)
{
	char *rest = arena_strdup(rq->arena, fields), *f;

	while ((f = strsep(&rest, ",")) != NULL) {
		const struct column *c = resource_column(res, f);
		if (c == NULL || (c->flags & COL_SECRET))
			return fail_parameter(rq, "fields", "unknown", "there is no field \"%s\"", f);
	}
	return 0;
}

static int
take_parameter(struct listing *l, const struct query_param *p)
{
	int filter;

	if (strcmp(p->name, "limit") == 0)
		return set_limit(l, p->value);
	if (strcmp(p->name, "sort") == 0)
		return set_sort(l, p->value);
	if (strcmp(p->name, "q") == 0)
		return add_search(l, p->value);
	if (strcmp(p->name, "fields") == 0)
		return list_check_fields(l->rq, l->plan->res, p->value);
	if (strcmp(p->name, "cursor") == 0) {
		l->cursor = p->value;
		return 0;
	}
	filter = take_filter(l, p);
	if (filter == 0)
		return fail_parameter(l->rq, p->name, "unknown", "no such parameter here");
	return filter < 0 ? -1 : 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct query_param *const *x = a, *const *y = b;
	int c = strcmp((*x)->name, (*y)->name);

	return c != 0 ? c : strcmp((*x)->value, (*y)->value);
}

/* What a cursor is bound to: path, caller, and every parameter but cursor, limit and fields. */
static const char *
cursor_scope(struct listing *l)
{
	const struct query_param *sorted[CONDITIONS_MAX];
	struct buf b;
	size_t n = 0;

	for (const struct query_param *p = l->rq->query; p != NULL && n < COUNT_OF(sorted); p = p->next)
		if (strcmp(p->name, "cursor") != 0 && strcmp(p->name, "limit") != 0 &&
		    strcmp(p->name, "fields") != 0)
			sorted[n++] = p;
	qsort(sorted, n, sizeof(*sorted), by_name);
	buf_init(&b, l->rq->arena, 256);
	buf_printf(&b, "%s %s", http_path(l->rq->http), l->rq->caller.user_id != NULL ?
	    l->rq->caller.user_id : "-");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "&%zu:%s=%s", strlen(sorted[i]->value), sorted[i]->name, sorted[i]->value);
	return b.text;
}

static int
continue_from(struct listing *l)
{
	struct request *rq = l->rq;
	const char *keys[2], *op = l->descending ? "<" : ">";
	struct error e;
	int a, b;

	if (cursor_read(rq->arena, cursor_scope(l), l->cursor, keys, 2, &e) < 0)
		return fail(rq, ERR_BAD_CURSOR, "%s", e.text);
	a = bind(l, keys[0]);
	b = bind(l, keys[1]);
	if (a < 0 || b < 0)
		return -1;
	and_where(l, "(%s, t.id) %s ($%d, $%d)", sort_expression(rq, l->sort), op, a, b);
	return 0;
}

static const char *
next_cursor(struct listing *l, const struct row *last)
{
	const char *keys[] = { sort_key_of(l, last), row_id(last) };

	return cursor_make(l->rq->arena, cursor_scope(l), keys, 2);
}

/* ---- the answer ---- */

static void
add_link(struct listing *l, const char *cursor)
{
	struct buf b;

	buf_init(&b, l->rq->arena, 256);
	buf_printf(&b, "<%s?", http_path(l->rq->http));
	for (const struct query_param *p = l->rq->query; p != NULL; p = p->next)
		if (strcmp(p->name, "cursor") != 0)
			buf_printf(&b, "%s=%s&", p->name, url_encode(l->rq->arena, p->value));
	buf_printf(&b, "cursor=%s>; rel=\"next\"", cursor);
	l->rq->reply.link = b.text;
}

static int
answer(struct listing *l, const struct db_result *r)
{
	struct request *rq = l->rq;
	const char *fields = query_get(rq, "fields");
	int rows = db_rows(r) > l->limit ? l->limit : db_rows(r);
	struct row *row = NULL;
	struct buf out;

	buf_init(&out, rq->arena, 256 + (size_t)rows * ROW_BYTES);
	buf_add_str(&out, "{\"items\":[");
	for (int i = 0; i < rows; i++) {
		if (i > 0)
			buf_add_char(&out, ',');
		row = row_from_result(rq, l->plan, r, i);
		row_render(&out, rq, row, fields);
	}
	buf_add_str(&out, "],\"next_cursor\":");
	if (db_rows(r) > l->limit) {
		const char *cursor = next_cursor(l, row);
		buf_add_json(&out, cursor);
		add_link(l, cursor);
	} else {
		buf_add_str(&out, "null");
	}
	buf_add_char(&out, '}');
	return reply_text(rq, 200, out.text);
}

/*
 * How many rows are asked for: of few sizes, written into the text. A limit that is a parameter is
 * unknown to a kept plan, so that PostgreSQL plans anew each time: a third of a list's cost.
 * One row more than the page tells of a next one.
 */
static int
rows_read(int limit)
{
	static const int sizes[] = { 10, 20, 50, 100 };

	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		if (limit <= sizes[i])
			return sizes[i] + 1;
	return LIST_LIMIT_MAX + 1;
}

static const char *
statement(struct listing *l)
{
	const char *way = l->descending ? "DESC" : "ASC", *by = sort_expression(l->rq, l->sort);

	if (l->sort->flags & COL_KEY)
		return arena_printf(l->rq->arena, "%s WHERE true%s ORDER BY t.id %s LIMIT %d",
		    l->plan->select, l->where.text, way, rows_read(l->limit));
	return arena_printf(l->rq->arena, "%s WHERE true%s ORDER BY %s %s, t.id %s LIMIT %d",
	    l->plan->select, l->where.text, by, way, way, rows_read(l->limit));
}

static void
default_sort(struct listing *l)
{
	const struct resource *res = l->plan->res;

	l->sort = resource_column(res, "created_at");
	if (l->sort == NULL || !(l->sort->flags & COL_SORT) || (res->flags & RES_BY_ID))
		l->sort = &res->columns[l->plan->id_at];
	l->descending = true;
}

int
list_answer(struct request *rq, const struct resource *res)
{
	struct listing l = { .rq = rq, .plan = plan_for(rq, res), .limit = LIST_LIMIT_DEFAULT };
	struct db_result *r;
	const char *sql;

	buf_init(&l.where, rq->arena, 256);
	l.values[l.n++] = rq->caller.user_id;
	default_sort(&l);
	if (scope(&l) < 0)
		return -1;
	if (rq->id != NULL)
		and_where(&l, "t.%s = $%d", res->child.column, bind(&l, rq->id));
	for (const struct query_param *p = rq->query; p != NULL; p = p->next)
		take_parameter(&l, p);
	add_filters(&l);
	if (rq->problem.code != ERR_NONE)
		return -1;
	if (l.cursor != NULL && continue_from(&l) < 0)
		return -1;
	sql = statement(&l);
	r = db_query_coalesced(rq, sql, &(struct db_params){ .n = l.n, .values = l.values, .varied = true });
	return r == NULL ? -1 : answer(&l, r);
}
