/*
 * Rows as events again; see republish.h.
 *
 * The event carries the row's present version, so that a projection that is up to date drops it.
 */
#include "republish.h"

#include <stdio.h>
#include <string.h>

#include "db.h"
#include "event.h"
#include "row.h"
#include "service.h"

#define PAGE 500

static const struct resource *
find_republished(const char *table)
{
	for (const char *const *t = service_self->republish; t != NULL && *t != NULL; t++)
		for (const struct resource *const *r = service_self->resources; *r != NULL; r++)
			if (strcmp(*t, table) == 0 && strcmp((*r)->table, table) == 0)
				return *r;
	return NULL;
}

static const struct event_type *
state_event(const struct resource *res)
{
	return res->changed != NULL ? res->changed : res->updated != NULL ? res->updated : res->created;
}

static int
publish(struct request *rq, const struct resource *res, struct row *row)
{
	struct event_out *ev = event_publish(rq, state_event(res), row_id(row), row_version(row));

	event_fill_from_row(ev, row);
	event_action(ev, "UPDATE");
	event_summary(ev, "republished");
	return res->on_republish == NULL ? 0 : res->on_republish(rq, row);
}

/* One page after `last`; the id of its last row, NULL at the end or on failure. */
static const char *
publish_page(struct request *rq, const struct resource *res, const char *last, int *count)
{
	const struct plan *plan = plan_of(res);
	const char *sql = arena_printf(rq->arena, "%s WHERE t.id > $2 ORDER BY t.id LIMIT %d",
	    plan->select, PAGE);
	struct db_result *r = db_query(rq, sql, DB(NULL, last));
	int rows = r == NULL ? 0 : db_rows(r);
	struct row *row = NULL;

	for (int i = 0; i < rows; i++) {
		row = row_from_result(rq, plan, r, i);
		if (publish(rq, res, row) < 0)
			return NULL;
	}
	*count += rows;
	if (rows > 0 && outbox_write(rq) < 0)
		return NULL;
	rq->events = NULL;
	return rows == PAGE ? row_id(row) : NULL;
}

int
republish_command(struct request *rq, int argc, char **argv)
{
	const char *last = "00000000-0000-0000-0000-000000000000";
	const struct resource *res = argc == 2 ? find_republished(argv[1]) : NULL;
	int count = 0;

	if (res == NULL)
		return fail(rq, ERR_BAD_REQUEST, "name a table that this service republishes");
	while (last != NULL)
		last = publish_page(rq, res, last, &count);
	if (rq->problem.code != ERR_NONE)
		return -1;
	return reply_text(rq, 200, arena_printf(rq->arena, "%s: %d rows", res->table, count));
}
