/* Reference tables by event; see refs.h. Statements are queued and travel with the commit. */
#include "refs.h"

#include <string.h>

#include "arena.h"
#include "db.h"
#include "metrics.h"
#include "request.h"
#include "service.h"
#include "uuid.h"

#define TABLES_MAX 16

static bool
is_kept_here(const char *table)
{
	const struct subscription *s = service_self->subscriptions;

	for (; s != NULL && s->type != NULL; s++)
		if (s->ref != NULL && strcmp(s->ref->table, table) == 0)
			return true;
	return false;
}

void
refs_stub(struct request *rq, const char *table, const char *id)
{
	if (id == NULL || !uuid_is_valid(id) || !is_kept_here(table))
		return;
	db_queue(rq, arena_printf(rq->arena, "INSERT INTO %s (id, known, version) "
	    "VALUES ($1, false, 0) ON CONFLICT DO NOTHING", table), DB(id));
}

void
refs_stub_user(struct request *rq, const char *user_id)
{
	refs_stub(rq, "user_refs", user_id);
}

void
refs_stub_employee(struct request *rq, const char *employee_id)
{
	refs_stub(rq, "employee_refs", employee_id);
}

/* Splits "column=field"; a name alone is both. */
static void
column_and_field(struct arena *a, const char *entry, const char **ret_column,
    const char **ret_field)
{
	const char *equals = strchr(entry, '=');

	*ret_column = equals == NULL ? entry : arena_strndup(a, entry, (size_t)(equals - entry));
	*ret_field = equals == NULL ? entry : equals + 1;
}

/* A row that its owner removed stays here for those that point at it, switched off. */
static const char *
value_of(struct request *rq, const struct event_in *ev, const char *column, const char *field)
{
	if (strcmp(column, "is_active") == 0 && strcmp(ev->context->action, "DELETE") == 0)
		return "f";
	return event_value(rq->arena, ev, field);
}

int
refs_apply(struct request *rq, const struct ref_map *map, const struct event_in *ev)
{
	const char *values[COUNT_OF(map->columns) + 2], *column, *field;
	struct buf names, marks, sets;
	int n = 2;

	values[0] = map->id == NULL ? ev->aggregate_id : event_text(ev, map->id);
	values[1] = arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version);
	if (values[0] == NULL)
		return fail(rq, ERR_VALIDATION, "%s names no %s", ev->type_name, map->id);
	buf_init(&names, rq->arena, 256);
	buf_init(&marks, rq->arena, 128);
	buf_init(&sets, rq->arena, 512);
	for (size_t i = 0; i < COUNT_OF(map->columns) && map->columns[i] != NULL; i++) {
		column_and_field(rq->arena, map->columns[i], &column, &field);
		if (!event_has_field(ev, field))
			continue;	/* this type does not tell: what is known stays */
		values[n++] = value_of(rq, ev, column, field);
		buf_printf(&names, ", %s", column);
		buf_printf(&marks, ", $%d", n);
		buf_printf(&sets, ", %s = excluded.%s", column, column);
	}
	db_queue(rq, arena_printf(rq->arena, "INSERT INTO %s AS t (id, version, known%s) "
	    "VALUES ($1, $2, true%s) ON CONFLICT (id) DO UPDATE SET version = excluded.version, "
	    "known = true, updated_at = now()%s WHERE t.version < excluded.version", map->table,
	    names.text, marks.text, sets.text), &(struct db_params){ .n = n, .values = values });
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

int
refs_user_is_suspended(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq, "SELECT status = 'SUSPENDED' FROM user_refs WHERE id = $1",
	    DB(user_id));

	return r == NULL ? -1 : db_rows(r) > 0 && db_bool(r, 0, 0);
}

static bool
was_counted(const char *const *tables, size_t n, const char *table)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(tables[i], table) == 0)
			return true;
	return false;
}

int
refs_count_stubs(struct request *rq, const struct service *svc)
{
	const char *tables[TABLES_MAX];
	size_t n = 0;
	int64_t old = 0;

	for (const struct subscription *s = svc->subscriptions; s != NULL && s->type != NULL; s++) {
		struct db_result *r;

		if (s->ref == NULL || n == TABLES_MAX || was_counted(tables, n, s->ref->table))
			continue;
		tables[n++] = s->ref->table;
		r = db_query(rq, arena_printf(rq->arena, "SELECT count(*) FROM %s WHERE NOT known "
		    "AND created_at < now() - interval '5 min'", s->ref->table), DB0);
		if (r == NULL)
			return -1;
		old += db_int(r, 0, 0);
	}
	metric_set(M_STUBS_OLD, old);
	return 0;
}
