/*
 * Plain resources over HTTP: list, get, create, patch, delete and verbs; see operations.h.
 *
 * Each handler runs where dispatch.c calls a handler: caller known, route's rule checked, body
 * parsed, transaction open for writes.
 */
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "list.h"
#include "row.h"
#include "validate.h"

/* ---- preconditions ---- */

/* In If-Match a weak tag (W/"2") stands for no version: RFC 9110 wants the strong comparison there. */
static bool
etag_listed(const char *header, const char *etag, bool weak_too)
{
	size_t n = strlen(etag);

	if (strcmp(header, "*") == 0)
		return true;
	for (const char *at = strstr(header, etag); at != NULL; at = strstr(at + 1, etag)) {
		if (!weak_too && at > header && at[-1] == '/')
			continue;
		if (at[n] == '\0' || at[n] == ',' || at[n] == ' ')
			return true;
	}
	return false;
}

/* The end of an entity-tag, W/ allowed before it (RFC 9110 8.8.3); NULL: here is none. */
static const char *
tag_end(const char *at)
{
	if (strncmp(at, "W/", 2) == 0)
		at += 2;
	if (*at++ != '"')
		return NULL;
	while (*at != '"') {
		unsigned char c = (unsigned char)*at++;
		if (c < 0x21 || c == 0x7f)
			return NULL;
	}
	return at + 1;
}

/* "*" or a list of entity-tags, empty places in it allowed. */
static bool
is_etag_list(const char *header)
{
	const char *at = header + strspn(header, " \t,");

	if (strcmp(header, "*") == 0)
		return true;
	if (*at == '\0')
		return false;
	while (*at != '\0') {
		at = tag_end(at);
		if (at == NULL)
			return false;
		at += strspn(at, " \t");
		if (*at != '\0' && *at != ',')
			return false;
		at += strspn(at, " \t,");
	}
	return true;
}

/* *ret_header: what was sent, NULL for nothing. */
static int
read_if_match(struct request *rq, const char **ret_header)
{
	*ret_header = http_header(rq->http, "if-match");
	return *ret_header == NULL || is_etag_list(*ret_header) ? 0 : fail(rq, ERR_BAD_REQUEST,
	    "If-Match is \"*\" or the ETag you read, in its quotes");
}

static int
check_if_match(struct request *rq, const struct row *row)
{
	const char *header, *etag;

	if (row->plan->version_at < 0)
		return 0;
	if (read_if_match(rq, &header) < 0)
		return -1;
	if (header == NULL && (row->plan->res->flags & RES_IF_MATCH))
		return fail(rq, ERR_IF_MATCH_REQUIRED, "send If-Match with the ETag you read");
	etag = arena_printf(rq->arena, "\"%s\"", row_text(row, "version"));
	if (header != NULL && !etag_listed(header, etag, false))
		return fail(rq, ERR_STALE_ETAG, "the item is at version %s now", row_text(row, "version"));
	return 0;
}

int
operations_if_match(struct request *rq, const char *etag)
{
	const char *header;

	if (read_if_match(rq, &header) < 0)
		return -1;
	if (header == NULL || (etag != NULL && etag_listed(header, etag, false)))
		return 0;
	if (etag == NULL)
		return fail(rq, ERR_STALE_ETAG, "the item is not there yet");
	return fail(rq, ERR_STALE_ETAG, "the item is at ETag %s now", etag);
}

int
operations_not_modified(struct request *rq)
{
	const char *header = http_header(rq->http, "if-none-match");

	if (header == NULL || rq->reply.etag == NULL || !etag_listed(header, rq->reply.etag, true))
		return 0;
	rq->reply.status = 304;
	rq->reply.body = NULL;
	rq->reply.body_len = 0;
	return 0;
}

/* The row for a write: locked, existing for the caller, and his to change. */
static struct row *
load_for(struct request *rq, const struct access *access)
{
	struct row *row = row_load(rq, rq->route->res, rq->id, true);

	if (row == NULL)
		return NULL;
	if (!access_allows(rq, access, row->is_owner) && !row_is_readable(rq, row)) {
		fail(rq, ERR_NOT_FOUND, "there is no such %s", rq->route->res->noun);
		return NULL;
	}
	return access_check(rq, access, row->is_owner) < 0 ? NULL : row;
}

/* ---- handlers ---- */

static const struct resource *
find_by_table(const struct resource *const *all, const char *table)
{
	for (; *all != NULL; all++)
		if (strcmp((*all)->table, table) == 0)
			return *all;
	return NULL;
}

static int
op_list(struct request *rq)
{
	return list_answer(rq, rq->route->res);
}

static const struct resource *const *all_resources;

static int
op_list_children(struct request *rq)
{
	const struct resource *parent = find_by_table(all_resources, rq->route->res->child.parent);
	struct row *row = row_load(rq, parent, rq->id, false);

	if (row == NULL)
		return -1;
	if (!row_is_readable(rq, row))
		return fail(rq, ERR_NOT_FOUND, "there is no such %s", parent->noun);
	return list_answer(rq, rq->route->res);
}

static int
check_fields_only(struct request *rq)
{
	static const struct column fields[] = { { "fields", COL_TEXT, 0, .max = 2000 }, { 0 } };

	if (validate_query(rq, fields) < 0)
		return -1;
	return query_get(rq, "fields") == NULL ? 0 :
	    list_check_fields(rq, rq->route->res, query_get(rq, "fields"));
}

static int
op_get(struct request *rq)
{
	struct row *row;

	if (check_fields_only(rq) < 0)
		return -1;
	row = row_load_shared(rq, rq->route->res, rq->id);
	if (row == NULL)
		return -1;
	if (!row_is_readable(rq, row))
		return fail(rq, ERR_NOT_FOUND, "there is no such %s", rq->route->res->noun);
	return reply_row(rq, 200, row);
}

static int
op_create(struct request *rq)
{
	const struct resource *res = rq->route->res;
	struct row *row = row_new(rq, res);

	if (validate_into_row(rq, row, VALIDATE_CREATE) < 0)
		return -1;
	if (res->on_create != NULL && res->on_create(rq, row) < 0)
		return -1;
	if (row->stored == NULL && row_insert(rq, row) < 0)
		return -1;
	return rq->reply.status != 0 ? 0 : reply_row(rq, 201, row);
}

static bool
is_under_review(const struct row *row)
{
	const struct resource *res = row->plan->res;
	const char *column = resource_column(res, "approval_status") ? "approval_status" : "status";
	const char *status;

	if (!(res->flags & RES_REVIEWED))
		return false;
	status = row_text(row, column);
	return status != NULL && strcmp(status, "PENDING") == 0;
}

static int
op_update(struct request *rq)
{
	const struct resource *res = rq->route->res;
	struct row *row = load_for(rq, &res->update);

	if (row == NULL || check_if_match(rq, row) < 0)
		return -1;
	if (is_under_review(row))
		return fail(rq, ERR_UNDER_REVIEW, "this %s is under review; withdraw it first", res->noun);
	if (validate_into_row(rq, row, VALIDATE_PATCH) < 0)
		return -1;
	if (res->on_update != NULL && res->on_update(rq, row) < 0)
		return -1;
	if (row_update(rq, row) < 0)
		return -1;
	return rq->reply.status != 0 ? 0 : reply_row(rq, 200, row);
}

static int
op_delete(struct request *rq)
{
	const struct resource *res = rq->route->res;
	struct row *row = load_for(rq, &res->remove);

	if (row == NULL || check_if_match(rq, row) < 0)
		return -1;
	row_event_of_removal(rq, row);	/* on_remove adds to it */
	if (res->on_remove != NULL && res->on_remove(rq, row) < 0)
		return -1;
	return row_remove(rq, row) < 0 ? -1 : reply_empty(rq);
}

/* A verb that is open to everybody signed in still tells nothing of a row he may not read. */
static int
op_verb(struct request *rq)
{
	struct row *row;

	if (validate_body(rq, rq->route->body, VALIDATE_ROUTE) < 0)
		return -1;
	row = row_load(rq, rq->route->res, rq->id, true);
	if (row == NULL)
		return -1;
	if (((rq->route->access.who & WHO_SIGNED_IN) ||
	    !access_allows(rq, &rq->route->access, row->is_owner)) && !row_is_readable(rq, row))
		return fail(rq, ERR_NOT_FOUND, "there is no such %s", rq->route->res->noun);
	if (row_transition(rq, row, rq->route->verb) < 0)
		return -1;
	return rq->reply.status != 0 ? 0 : reply_row(rq, 200, row);
}

/* ---- routes ---- */

/* The path is that of `at`, the resource itself or its parent, and the suffix. */
static struct route *
make_below(const struct resource *at, const struct resource *res, const char *method,
    const char *suffix, struct access access, route_handler *handler)
{
	struct route *r = xcalloc(1, sizeof(*r));
	const char *path = resource_path(at);
	size_t n = strlen(path) + strlen(suffix) + 1;
	char *full = xcalloc(1, n);

	snprintf(full, n, "%s%s", path, suffix);
	r->method = method;
	r->path = full;
	r->access = access;
	r->handler = handler;
	r->res = res;
	r->answer = res->table;
	return r;
}

static struct route *
make(const struct resource *res, const char *method, const char *suffix, struct access access,
    route_handler *handler)
{
	return make_below(res, res, method, suffix, access, handler);
}

/* A verb's route is open to whom any of its transitions is. */
static struct access
verb_access(const struct resource *res, const char *verb)
{
	struct access all = { 0 };

	for (const struct transition *t = res->transitions; t->to != NULL; t++) {
		if (t->verb == NULL || strcmp(t->verb, verb) != 0)
			continue;
		all.who |= t->who.who & ~(unsigned)(WHO_SYS | WHO_CLK);
		if (t->who.permission != NULL)
			all.permission = t->who.permission;
	}
	return all;
}

static bool
is_first_of_verb(const struct resource *res, const struct transition *t)
{
	for (const struct transition *u = res->transitions; u != t; u++)
		if (u->verb != NULL && strcmp(u->verb, t->verb) == 0 &&
		    (u->who.who & ~(unsigned)(WHO_SYS | WHO_CLK)))
			return false;
	return true;
}

static int
declare_verbs(const struct resource *res, int (*add)(const struct route *, void *), void *arg)
{
	for (const struct transition *t = res->transitions; t != NULL && t->to != NULL; t++) {
		char suffix[80];
		struct route *r;

		if (t->verb == NULL || !(t->who.who & ~(unsigned)(WHO_SYS | WHO_CLK)) ||
		    !is_first_of_verb(res, t))
			continue;
		snprintf(suffix, sizeof(suffix), "/{id}/%s", t->verb);
		r = make(res, "POST", suffix, verb_access(res, t->verb), op_verb);
		r->verb = t->verb;
		r->body = t->body;
		r->summary = t->doc != NULL ? t->doc : t->verb;
		if (add(r, arg) < 0)
			return -1;
	}
	return 0;
}

static int
declare_children(const struct resource *res, const struct resource *const *all,
    int (*add)(const struct route *, void *), void *arg)
{
	const struct resource *parent;
	struct route *r;
	char suffix[80];

	if (res->child.parent == NULL)
		return 0;
	parent = find_by_table(all, res->child.parent);
	if (parent == NULL)
		abort();	/* a child names a table that this service does not declare */
	snprintf(suffix, sizeof(suffix), "/{id}/%s", res->child.segment);
	r = make_below(parent, res, "GET", suffix, res->read, op_list_children);
	r->summary = "List those of one parent.";
	r->verb = "list";
	return add(r, arg);
}

int
operations_declare(const struct resource *res, const struct resource *const *all,
    int (*add)(const struct route *, void *), void *arg)
{
	const struct {
		const char *method, *suffix;
		const struct access *access;
		route_handler *handler;
		const char *summary;
		int status;
		unsigned flags;
	} plain[] = {
		{ "GET", "", &res->read, op_list, "List, filtered and paged.", 200, 0 },
		{ "POST", "", &res->create, op_create, "Create one.", 201,
		    (res->flags & RES_IDEMPOTENCY ? ROUTE_IDEMPOTENCY : 0u) |
		    (res->flags & RES_LIMITED ? ROUTE_LIMITED : 0u) },
		{ "GET", "/{id}", &res->read, op_get, "Read one.", 200, 0 },
		{ "PATCH", "/{id}", &res->update, op_update, "Change fields (merge-patch, inside JSON objects too).", 200, 0 },
		{ "DELETE", "/{id}", &res->remove, op_delete, "Remove one.", 204, 0 },
	};

	all_resources = all;
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		struct route *r;
		if (plain[i].access->who == WHO_NOBODY)
			continue;
		r = make(res, plain[i].method, plain[i].suffix, *plain[i].access, plain[i].handler);
		r->summary = plain[i].summary;
		r->status = plain[i].status;
		r->flags = plain[i].flags;
		if (add(r, arg) < 0)
			return -1;
	}
	if (declare_children(res, all, add, arg) < 0)
		return -1;
	return declare_verbs(res, add, arg);
}
