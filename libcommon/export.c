/*
 * GET /v1/me/export/<service>: a person's own data in one answer; see export.h.
 *
 * A resource says whose data its rows are (`subject` in resource.h), so a new one is exported the moment
 * it is declared. No service reads another's database: each gives its own part.
 */
#include "export.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "router.h"
#include "row.h"
#include "service.h"

#define ROWS_MAX 1000	/* of a table; beyond, its list has pages */

/* Adds one table's rows; false in *ret_whole where there are more. */
static int
add_rows(struct request *rq, struct buf *out, const struct resource *res, bool *ret_whole)
{
	const struct plan *plan = plan_of(res);
	struct db_result *r = db_query(rq, arena_printf(rq->arena, "%s WHERE (%s) ORDER BY t.id LIMIT %d",
	    plan->select, plan->subject, ROWS_MAX + 1), DB(rq->caller.user_id));
	int n = r == NULL ? 0 : db_rows(r);

	if (r == NULL)
		return -1;
	*ret_whole = n <= ROWS_MAX;
	buf_printf(out, "\"%s\":[", res->table);
	for (int i = 0; i < n && i < ROWS_MAX; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		row_render(out, rq, row_from_result(rq, plan, r, i), NULL);
	}
	buf_add_str(out, "],");
	return 0;
}

static int
export_own(struct request *rq)
{
	struct buf out, truncated;
	bool whole;

	buf_init(&out, rq->arena, 4096);
	buf_init(&truncated, rq->arena, 64);
	buf_add_char(&out, '{');
	for (const struct resource *const *res = service_self->resources; *res != NULL; res++) {
		if (plan_of(*res)->subject == NULL)
			continue;
		if (add_rows(rq, &out, *res, &whole) < 0)
			return -1;
		if (!whole)
			buf_printf(&truncated, "%s\"%s\"", truncated.len > 0 ? "," : "", (*res)->table);
	}
	buf_printf(&out, "\"truncated\":[%s]}", truncated.len > 0 ? truncated.text : "");
	return reply_text(rq, 200, out.text);
}

static int
subjects_must_be_declared(const struct service *svc, struct error *e)
{
	for (const struct resource *const *res = svc->resources; res != NULL && *res != NULL; res++)
		if ((*res)->subject == NULL && plan_of(*res)->subject == NULL)
			return error_set(e, ERR_INTERNAL, "%s does not say whose data it is (.subject)", (*res)->table);
	return 0;
}

int
export_declare(const struct service *svc, struct error *e)
{
	static char path[80];
	static struct route route = { .method = "GET", .path = path, .access = SIGNED_IN, .handler = export_own,
		.summary = "All that this service holds of the caller, a list for each table.",
		.answer = "{\"truncated\":[\"…\"]}" };

	if (subjects_must_be_declared(svc, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "/v1/me/export/%s", svc->name);
	return router_add(&route, e);
}
