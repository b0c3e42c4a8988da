/*
 * The log as a file: the pages of a list, one after the other, as CSV or JSON lines.
 *
 * A page is a unit of its own, so that memory stays that of one page; the next one is read when the
 * client has taken this. Whoever takes rows out is told of by audit.exported, also where he broke off.
 */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "clock.h"
#include "dispatch.h"
#include "error.h"
#include "json.h"
#include "list.h"
#include "log.h"
#include "reply_pieces.h"
#include "service.h"
#include "uuid.h"

#define PUBLISH_MS 30000

static const char *const formats[] = { "csv", "jsonl", NULL };

const struct column audit_export_query[] = {
	{ "format", COL_ENUM, 0, .values = formats, .doc = "csv (with a header line) or jsonl." },
	{ 0 }
};

struct export {
	struct request *rq;		/* the export's own */
	bool is_csv;
	const char *cursor;		/* of the next page, in rq's arena; NULL: no more */
	int64_t rows;
	struct query_param *filters;	/* as asked, without format */
};

/* ---- one page ---- */

static const struct query_param *
find(const struct query_param *list, const char *name)
{
	for (; list != NULL; list = list->next)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static struct query_param *
put(struct arena *a, struct query_param *list, const char *name, const char *value)
{
	struct query_param *p = arena_alloc(a, sizeof(*p));

	*p = (struct query_param){ .name = name, .value = value, .next = list };
	return p;
}

/* The page's unit: the same caller, the same filters, the largest page. */
static struct request *
page_unit(const struct export *x)
{
	struct request *rq = reply_page(x->rq);

	rq->query = put(rq->arena, x->filters, "limit", "200");
	if (x->cursor != NULL)
		rq->query = put(rq->arena, rq->query, "cursor", x->cursor);
	return rq;
}

/* The page as JSON; NULL: rq has why. */
static json_t *
read_page(struct request *rq)
{
	struct error e;
	json_t *page;

	if (list_answer(rq, &audit_logs_resource) < 0)
		return NULL;
	page = json_parse_strict(rq->arena, rq->reply.body, rq->reply.body_len, false, &e);
	if (page == NULL)
		fail(rq, ERR_INTERNAL, "a page cannot be read back: %s", e.text);
	return page;
}

/* ---- lines ---- */

/* RFC 4180; what a spreadsheet would take for a formula gets an apostrophe before it. */
static void
add_cell(struct buf *b, const char *s)
{
	buf_add_char(b, '"');
	if (s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL)
		buf_add_char(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			buf_add_char(b, '"');
		buf_add_char(b, *s);
	}
	buf_add_char(b, '"');
}

static void
add_csv_line(struct buf *b, struct arena *a, json_t *item)
{
	const char *name;
	json_t *v;
	bool first = true;

	json_object_foreach(item, name, v) {
		if (!first)
			buf_add_char(b, ',');
		first = false;
		if (json_is_string(v))
			add_cell(b, json_string_value(v));
		else if (!json_is_null(v))
			add_cell(b, json_text(a, v));
	}
	buf_add(b, "\r\n", 2);
}

/* As the first row has them: rows keep the columns' own order, however `fields` names them. */
static void
add_header(struct buf *b, const struct export *x, json_t *first)
{
	const struct query_param *fields = find(x->filters, "fields");
	const char *name, *comma = "";
	json_t *v;

	if (first == NULL && fields != NULL)
		buf_add_str(b, fields->value);
	json_object_foreach(first, name, v) {
		buf_printf(b, "%s%s", comma, name);
		comma = ",";
	}
	for (const struct column *c = audit_logs_resource.columns;
	    first == NULL && fields == NULL && c->name != NULL; c++) {
		buf_printf(b, "%s%s", comma, c->name);
		comma = ",";
	}
	buf_add(b, "\r\n", 2);
}

static void
add_lines(struct buf *b, struct arena *a, struct export *x, json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		if (x->is_csv)
			add_csv_line(b, a, item);
		else
			buf_printf(b, "%s\n", json_text(a, item));
		x->rows++;
	}
}

/* ---- sending ---- */

static int
send_page(struct export *x, struct request *rq, json_t *page, bool is_first)
{
	const char *cursor = json_string_value(json_object_get(page, "next_cursor"));
	json_t *items = json_object_get(page, "items");
	struct buf b;

	buf_init(&b, rq->arena, 65536);
	if (is_first && x->is_csv)
		add_header(&b, x, json_array_get(items, 0));
	add_lines(&b, rq->arena, x, items);
	x->cursor = arena_strdup(x->rq->arena, cursor);
	return b.len == 0 ? 0 : reply_piece(x->rq, &b);
}

static void
send_rest(struct export *x)
{
	while (x->cursor != NULL && !service_stopping()) {
		struct request *rq = page_unit(x);
		json_t *page = read_page(rq);
		int result = page == NULL ? -1 : send_page(x, rq, page, false);

		if (page == NULL)
			log_line(LOG_L_WARN, rq, "an export broke off: %s", rq->problem.detail);
		request_free(rq);
		if (result < 0)
			return;
	}
}

/* ---- the whole ---- */

static int
publish(struct request *rq, void *arg)
{
	const struct export *x = arg;
	json_t *filter = json_object();
	const char *id = uuid_new(rq->arena);
	struct event_out *ev;

	for (const struct query_param *p = x->filters; p != NULL; p = p->next)
		json_object_set_new(filter, p->name, json_string(p->value));
	ev = event_publish(rq, &EV_AUDIT_EXPORTED, id, 1);
	event_set_text(ev, "export_id", id);
	event_set_text(ev, "format", x->is_csv ? "csv" : "jsonl");
	event_set_text(ev, "filter_json", json_text(rq->arena, filter));
	event_set_int(ev, "row_count", x->rows);
	event_summary(ev, arena_printf(rq->arena, "%lld rows taken out", (long long)x->rows));
	json_decref(filter);
	return 0;
}

static int
take_query(struct request *rq, struct export *x)
{
	const struct query_param *format = find(rq->query, "format");

	x->is_csv = format == NULL || strcmp(format->value, "csv") == 0;
	if (!x->is_csv && strcmp(format->value, "jsonl") != 0)
		return fail(rq, ERR_UNKNOWN_PARAMETER, "format is csv or jsonl");
	if (find(rq->query, "cursor") != NULL || find(rq->query, "limit") != NULL)
		return fail(rq, ERR_UNKNOWN_PARAMETER, "an export has no pages: no cursor, no limit");
	for (const struct query_param *p = rq->query; p != NULL; p = p->next)
		if (p != format)
			x->filters = put(rq->arena, x->filters, p->name, p->value);
	return 0;
}

static void
start_file(const struct export *x)
{
	const struct http_field fields[] = {
		{ "Content-Type", x->is_csv ? "text/csv; charset=utf-8" : "application/jsonl" },
		{ "Content-Disposition", x->is_csv ? "attachment; filename=\"audit-logs.csv\""
						   : "attachment; filename=\"audit-logs.jsonl\"" },
	};

	reply_begin(x->rq, fields, COUNT_OF(fields));
}

/* The first page is read before the answer begins, so that a wrong filter is a clear refusal. */
int
audit_logs_export(struct request *rq)
{
	struct export x = { .rq = rq };
	struct request *unit;
	json_t *page;

	if (take_query(rq, &x) < 0)
		return -1;
	unit = page_unit(&x);
	page = read_page(unit);
	if (page == NULL)
		return reply_refuse(rq, unit);
	start_file(&x);
	if (send_page(&x, unit, page, true) == 0)
		send_rest(&x);
	request_free(unit);
	rq->deadline_ms = clock_mono_ms() + PUBLISH_MS;	/* the request's own has passed in a long export */
	if (unit_run(rq, publish, &x) < 0)
		log_line(LOG_L_ERROR, rq, "an export of %lld rows could not be audited: %s", (long long)x.rows,
		    rq->problem.detail);
	http_reply_end(rq->http);
	return 0;
}
