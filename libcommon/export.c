/*
 * GET /v1/me/export/<service>: a person's own data in one answer; see export.h.
 *
 * A resource says whose data its rows are (`subject` in resource.h), so a new one is exported the moment
 * it is declared. No service reads another's database: each gives its own part, page by page to the end,
 * in the memory of one page.
 */
#include "export.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "reply_pieces.h"
#include "router.h"
#include "row.h"
#include "service.h"
#include "uuid.h"

#define PAGE_ROWS 200
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

/* How far an export has come. */
struct export {
	struct request *rq;	/* its own */
	const struct plan *plan;	/* the table of which rows are given now */
	char last[UUID_TEXT];	/* the row that was given last */
	bool has_begun;		/* the answer's head is on its way */
};

/* How many there were; -1: failed. */
static int
add_page(struct export *x, struct request *page, struct buf *out)
{
	const struct plan *plan = x->plan;
	struct db_result *r = db_query(page, arena_printf(page->arena,
	    "%s WHERE (%s) AND t.id > $2 ORDER BY t.id LIMIT %d", plan->select, plan->subject, PAGE_ROWS),
	    DB(page->caller.user_id, x->last));
	int n = r == NULL ? -1 : db_rows(r);

	for (int i = 0; i < n; i++) {
		const struct row *row = row_from_result(page, plan, r, i);
		if (strcmp(x->last, FIRST_ID) != 0)
			buf_add_char(out, ',');
		row_render(out, page, row, NULL);
		snprintf(x->last, sizeof(x->last), "%s", row_id(row));
	}
	return n;
}

static int
send(struct export *x, const struct buf *out)
{
	const struct http_field type = { "Content-Type", "application/json" };

	if (!x->has_begun)
		reply_begin(x->rq, &type, 1);
	x->has_begun = true;
	return reply_piece(x->rq, out);
}

/* The next rows, after what stands before them. 1: there are more; 0: those were the last; -1: failed. */
static int
give_page(struct export *x, const char *before)
{
	struct request *page = reply_page(x->rq);
	struct buf out;
	int n;

	buf_init(&out, page->arena, 65536);
	buf_add_str(&out, before);
	n = add_page(x, page, &out);
	if (n < 0 && !x->has_begun)
		return reply_refuse(x->rq, page);
	if (n < 0)
		log_line(LOG_L_WARN, x->rq, "an export broke off: %s", page->problem.detail);
	else if (send(x, &out) < 0)
		n = -1;
	request_free(page);
	return n < 0 ? -1 : n == PAGE_ROWS;
}

static int
give_table(struct export *x, const char *before)
{
	int more;

	snprintf(x->last, sizeof(x->last), FIRST_ID);
	more = give_page(x, arena_printf(x->rq->arena, "%s\"%s\":[", before, x->plan->res->table));
	while (more > 0 && !service_stopping())
		more = give_page(x, "");
	return more == 0 ? 0 : -1;
}

/* What breaks off after the head has gone out is no JSON: nobody takes a part for the whole. */
static int
export_own(struct request *rq)
{
	struct export x = { .rq = rq };
	struct buf end;
	int result = 0;

	for (const struct resource *const *res = service_self->resources; result == 0 && *res != NULL; res++) {
		x.plan = plan_of(*res);
		if (x.plan->subject != NULL)
			result = give_table(&x, x.has_begun ? "]," : "{");
	}
	if (result < 0 && !x.has_begun)
		return -1;
	buf_init(&end, rq->arena, 4);
	buf_add_str(&end, x.has_begun ? "]}" : "{}");
	if (result == 0)
		send(&x, &end);
	http_reply_end(rq->http);
	return 0;
}

static int
subjects_must_be_declared(const struct service *svc, struct error *e)
{
	for (const struct resource *const *res = svc->resources; res != NULL && *res != NULL; res++)
		if ((*res)->subject == NULL && plan_of(*res)->subject == NULL)
			return error_set(e, ERR_INTERNAL, "%s does not say whose data it is (.subject)", (*res)->table);
	return 0;
}

/* {"jobs":[{}],…}: for OpenAPI, for as long as the process. */
static const char *
example_of_answer(const struct service *svc)
{
	struct arena *a = arena_new();
	struct buf out;
	char *example;

	buf_init(&out, a, 1024);
	for (const struct resource *const *res = svc->resources; res != NULL && *res != NULL; res++)
		if (plan_of(*res)->subject != NULL)
			buf_printf(&out, "%s\"%s\":[{}]", out.len == 0 ? "{" : ",", (*res)->table);
	buf_add_str(&out, out.len == 0 ? "{}" : "}");
	example = xstrdup(out.text);
	arena_free(a);
	return example;
}

int
export_declare(const struct service *svc, struct error *e)
{
	static char path[80];
	static struct route route = { .method = "GET", .path = path, .access = SIGNED_IN, .handler = export_own,
		.flags = ROUTE_STREAM | ROUTE_RESTRICTED_TOO, .summary = "All that this service holds of the caller, a list for each table." };

	if (subjects_must_be_declared(svc, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "/v1/me/export/%s", svc->name);
	route.answer = example_of_answer(svc);
	return router_add(&route, e);
}
