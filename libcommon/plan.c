/* What is derived from a resource once: its path and its SELECT statements; see row.h. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "row.h"

static struct plan *plans;
static struct arena *plan_arena;	/* lives as long as the process */

/* A condition with `me` in the place of `:me`. */
static const char *
bind_to(const char *condition, const char *me)
{
	struct buf b;
	const char *at;

	buf_init(&b, plan_arena, 128);
	while ((at = strstr(condition, ":me")) != NULL) {
		buf_add(&b, condition, (size_t)(at - condition));
		buf_add_str(&b, me);
		condition = at + 3;
	}
	buf_add_str(&b, condition);
	return b.text;
}

/* `:me` is $1, the caller's id. */
static const char *
bind_me(const char *condition)
{
	return bind_to(condition, "$1::uuid");
}

/* The user in the COL_OWNER column is the caller; NULL where there is no such column. */
static const char *
writer_condition(const struct resource *res)
{
	for (const struct column *c = res->columns; c->name != NULL; c++)
		if (c->flags & COL_OWNER)
			return arena_printf(plan_arena, "t.%s = $1::uuid", c->name);
	return NULL;
}

static const char *
owner_condition(const struct resource *res)
{
	const char *writer = writer_condition(res);

	if (res->owner != NULL)
		return bind_me(res->owner);
	return writer != NULL ? writer : "$1::uuid IS NULL AND false";
}

static const char *
subject_condition(const struct resource *res)
{
	if (res->subject == NULL)
		return writer_condition(res);
	if (strcmp(res->subject, SUBJECT_OWNER) == 0)
		return owner_condition(res);
	return strcmp(res->subject, SUBJECT_NOBODY) == 0 ? NULL : bind_me(res->subject);
}

static void
add_columns(struct buf *b, const struct resource *res)
{
	for (const struct column *c = res->columns; c->name != NULL; c++) {
		if (c != res->columns)
			buf_add_str(b, ", ");
		if (c->type == COL_TEXT_ARRAY)
			buf_printf(b, "to_json(t.%s)", c->name);
		else
			buf_printf(b, "t.%s", c->name);
	}
}

static int
column_at(const struct resource *res, const char *name)
{
	for (int i = 0; res->columns[i].name != NULL; i++)
		if (strcmp(res->columns[i].name, name) == 0)
			return i;
	return -1;
}

static const char *
path_of(const char *table)
{
	char *path = arena_printf(plan_arena, "/v1/%s", table);

	for (char *p = path; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return path;
}

/*
 * The select for several callers and ids at once. The arrays hide in subselects, so that PostgreSQL
 * takes each length for the same and one plan serves them all; the limit keeps it from reading the
 * table whole, however small that was when the plan was made.
 */
static const char *
select_by_ids(const char *select, const char *table)
{
	struct buf b;
	const char *at;

	buf_init(&b, plan_arena, 512);
	for (; (at = strstr(select, "$1::uuid")) != NULL; select = at + 8) {
		buf_add(&b, select, (size_t)(at - select));
		buf_add_str(&b, "q.me");
	}
	buf_add_str(&b, select);
	buf_printf(&b, ", q.n FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]))"
	    " WITH ORDINALITY q (me, id, n) CROSS JOIN LATERAL"
	    " (SELECT * FROM %s x WHERE x.id = q.id LIMIT 1) t", table);
	return b.text;
}

static const struct json_key *
json_keys(const struct resource *res, unsigned n)
{
	struct json_key *keys = arena_alloc(plan_arena, n * sizeof(*keys));

	for (unsigned i = 0; i < n; i++) {
		keys[i].text = arena_printf(plan_arena, ",\"%s\":", res->columns[i].name);
		keys[i].len = strlen(keys[i].text);
	}
	return keys;
}

/* `owner` and `visible` for whoever is signed in. */
static void
set_conditions(struct plan *p)
{
	p->owner = owner_condition(p->res);
	p->visible = p->res->visible != NULL ? bind_me(p->res->visible) : "true";
}

/*
 * The same for a suspended account: of what it could read before, that which is about itself, and what a visitor
 * without a token may read.
 */
static void
restrict_conditions(struct plan *p)
{
	const char *own = p->subject != NULL ? p->subject : "$1::uuid IS NULL AND false";
	const char *visible = p->visible, *anyone = "false";

	if (p->res->read.who & WHO_ANYONE)
		anyone = p->res->visible != NULL ? bind_to(p->res->visible, "NULL::uuid") : "true";
	p->owner = arena_printf(plan_arena, "(%s) AND (%s)", own, p->owner);
	p->visible = arena_printf(plan_arena, "((%s) AND (%s)) OR (%s)", own, visible, anyone);
}

static struct plan *
plan_make(const struct resource *res, bool restricted)
{
	struct plan *p = arena_alloc(plan_arena, sizeof(*p));
	struct buf b;

	p->res = res;
	while (res->columns[p->ncolumns].name != NULL)
		p->ncolumns++;
	p->keys = json_keys(res, p->ncolumns);
	p->path = path_of(res->table);
	p->subject = subject_condition(res);
	set_conditions(p);
	if (restricted)
		restrict_conditions(p);
	p->id_at = column_at(res, "id");
	p->version_at = res->flags & RES_NO_VERSION ? -1 : column_at(res, "version");
	p->gets = arena_alloc(plan_arena, sizeof(*p->gets));
	p->gets->name = "get";
	p->gets->run = row_get_run;
	p->created_at = column_at(res, "created_at");
	p->updated_at = column_at(res, "updated_at");
	buf_init(&b, plan_arena, 512);
	buf_add_str(&b, "SELECT ");
	add_columns(&b, res);
	buf_printf(&b, ", (%s), (%s)", p->owner, p->visible);
	if (res->blank != NULL)
		buf_printf(&b, ", (%s)", res->blank);
	p->number_at = p->ncolumns + (res->blank != NULL ? 3 : 2);
	p->by_ids = select_by_ids(b.text, res->table);
	buf_printf(&b, " FROM %s t", res->table);
	p->select = b.text;
	p->by_id = arena_printf(plan_arena, "%s WHERE t.id = $2", p->select);
	p->by_id_locked = arena_printf(plan_arena, "%s FOR NO KEY UPDATE OF t", p->by_id);
	return p;
}

const struct plan *
plan_of(const struct resource *res)
{
	struct plan *p;

	for (p = plans; p != NULL; p = p->next)
		if (p->res == res)
			return p;
	if (plan_arena == NULL)
		plan_arena = arena_new();
	p = plan_make(res, false);
	p->restricted = plan_make(res, true);
	p->next = plans;
	plans = p;
	return p;
}

const struct plan *
plan_for(const struct request *rq, const struct resource *res)
{
	const struct plan *p = plan_of(res);

	return rq->caller.restricted ? p->restricted : p;
}

const char *
resource_path(const struct resource *res)
{
	return plan_of(res)->path;
}

const struct column *
resource_column(const struct resource *res, const char *name)
{
	int at = column_at(res, name);

	return at < 0 ? NULL : &res->columns[at];
}
