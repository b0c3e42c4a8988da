/*
 * The spine: limits → route → authenticate → permission → body → begin → lock and transition →
 * handler → status, version, outbox row → commit → reply. See dispatch.h.
 */
#include "dispatch.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "db.h"
#include "denied.h"
#include "export.h"
#include "failpoint.h"
#include "fiber.h"
#include "http.h"
#include "idempotency.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "openapi.h"
#include "operations.h"
#include "problem.h"
#include "rate_limit.h"
#include "router.h"
#include "row.h"
#include "trace.h"
#include "validate.h"

#define JUST_STARTED_MS 2000
#define REQUESTS_A_TURN 512	/* every so many, what was let in goes on: refusing thousands takes a tenth of a second */

static struct http_server *server;
static int64_t listening_since_ms;
static unsigned in_flight;
static unsigned taken;		/* requests, ever */

/* ---- start ---- */

static int
add_route(const struct route *route, void *arg)
{
	return router_add(route, arg);
}

static int
get_openapi(struct request *rq)
{
	return reply_text(rq, 200, openapi_text(service_self));
}

static const struct route common_routes[] = {
	{ "GET", "/openapi.json", ANYONE, get_openapi, ROUTE_OPS, .summary = "This service's document." },
	{ 0 }
};

static int
add_routes(const struct route *routes, struct error *e)
{
	for (; routes != NULL && routes->path != NULL; routes++)
		if (router_add(routes, e) < 0)
			return -1;
	return 0;
}

static void
declare_body(const struct route *route, void *arg)
{
	struct error *e = arg;

	if (e->code == ERR_NONE)
		validate_declare(route->body, e);
}

static int
declare_schemas(const struct service *svc, struct error *e)
{
	for (const struct resource *const *r = svc->resources; r != NULL && *r != NULL; r++)
		if (validate_declare((*r)->columns, e) < 0)
			return -1;
	e->code = ERR_NONE;
	router_each(declare_body, e);
	return e->code == ERR_NONE ? 0 : -1;
}

int
dispatch_init(const struct service *svc, struct error *e)
{
	if (add_routes(common_routes, e) < 0 || export_declare(svc, e) < 0 || add_routes(svc->routes, e) < 0)
		return -1;
	for (const struct resource *const *r = svc->resources; r != NULL && *r != NULL; r++)
		if (operations_declare(*r, svc->resources, add_route, e) < 0)
			return -1;
	return declare_schemas(svc, e);
}

void
dispatch_each_route(void (*fn)(const struct route *route, void *arg), void *arg)
{
	router_each(fn, arg);
}

/* ---- the reply ---- */

static const char *
media_type(const struct request *rq)
{
	if (rq->reply.content_type != NULL)
		return rq->reply.content_type;
	return rq->route != NULL && rq->route->media_type != NULL ? rq->route->media_type : "application/json";
}

static void
send_reply(struct request *rq)
{
	struct http_field fields[9];
	size_t n = 0;

	if (rq->reply.body != NULL)
		fields[n++] = (struct http_field){ "Content-Type", media_type(rq) };
	fields[n++] = (struct http_field){ "X-Request-Id",
		rq->request_ref != NULL ? rq->request_ref : rq->request_id };
	if (rq->reply.etag != NULL)
		fields[n++] = (struct http_field){ "ETag", rq->reply.etag };
	if (rq->reply.location != NULL)
		fields[n++] = (struct http_field){ "Location", rq->reply.location };
	if (rq->reply.link != NULL)
		fields[n++] = (struct http_field){ "Link", rq->reply.link };
	if (rq->reply.extra_name != NULL)
		fields[n++] = (struct http_field){ rq->reply.extra_name, rq->reply.extra_value };
	fields[n++] = (struct http_field){ "Cache-Control", "no-store" };
	fields[n++] = (struct http_field){ "X-Content-Type-Options", "nosniff" };
	http_reply(rq->http, rq->reply.status, fields, n, rq->reply.body, rq->reply.body_len);
}

static void
send_problem(struct request *rq)
{
	const struct error_info *info = error_info(rq->problem.code);
	struct http_field fields[7];
	struct buf out;
	size_t n = 0;

	buf_init(&out, rq->arena, 512);
	problem_render(&out, rq);
	fields[n++] = (struct http_field){ "Content-Type", "application/problem+json" };
	fields[n++] = (struct http_field){ "X-Content-Type-Options", "nosniff" };
	fields[n++] = (struct http_field){ "X-Request-Id",
		rq->request_ref != NULL ? rq->request_ref : rq->request_id };
	if (rq->problem.allow != NULL)
		fields[n++] = (struct http_field){ "Allow", rq->problem.allow };
	if (info->status == 503 || info->status == 429 || rq->problem.retry_after_s > 0)
		fields[n++] = (struct http_field){ "Retry-After", arena_printf(rq->arena, "%d",
		    rq->problem.retry_after_s > 0 ? rq->problem.retry_after_s : 1) };
	if (info->status == 401)
		fields[n++] = (struct http_field){ "WWW-Authenticate", rq->problem.code ==
		    ERR_UNAUTHENTICATED ? "Bearer" : "Bearer error=\"invalid_token\"" };
	if (rq->reply.extra_name != NULL)
		fields[n++] = (struct http_field){ rq->reply.extra_name, rq->reply.extra_value };
	http_reply(rq->http, info->status, fields, n, out.text, out.len);
}

static void
log_problem(const struct request *rq)
{
	int status = error_info(rq->problem.code)->status;

	if (status >= 500)
		log_line(LOG_L_ERROR, rq, "%s %s refused: %s (%s)", http_method_name(rq->http),
		    http_path(rq->http), error_info(rq->problem.code)->code,
		    rq->problem.internal != NULL ? rq->problem.internal : rq->problem.detail);
	else
		log_line(LOG_L_DEBUG, rq, "%s %s refused: %s", http_method_name(rq->http),
		    http_path(rq->http), error_info(rq->problem.code)->code);
}

/* ---- the steps before the handler ---- */

static bool
is_trusted_proxy(const char *peer)
{
	size_t n = strlen(peer);

	for (const char *p = config_text("TRUSTED_PROXIES"); *p != '\0'; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, peer, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* X-Forwarded-For counts only from the gateway; its last entry is the gateway's own word. */
static const char *
client_address(struct request *rq)
{
	const char *peer = http_peer(rq->http);
	const char *forwarded = http_header(rq->http, "x-forwarded-for"), *last;

	if (forwarded == NULL || !is_trusted_proxy(peer))
		return peer;
	last = strrchr(forwarded, ',');
	last = last == NULL ? forwarded : last + 1;
	while (*last == ' ')
		last++;
	return strlen(last) > 0 && strlen(last) <= 45 &&
	    strspn(last, "0123456789abcdefABCDEF.:") == strlen(last) ? last : peer;
}

static void
identify(struct request *rq)
{
	struct http_request *hr = rq->http;

	rq->now_us = clock_wall_us();
	trace_from_http(rq, http_header(hr, "x-request-id"), http_header(hr, "traceparent"));
	/* copied: denied_report still needs them when the reply has ended hr */
	rq->user_agent = arena_strdup(rq->arena, http_header(hr, "user-agent"));
	if (rq->user_agent != NULL && (!utf8_is_valid(rq->user_agent, strlen(rq->user_agent)) ||
	    strlen(rq->user_agent) > 500))
		rq->user_agent = NULL;
	rq->ip_address = arena_strdup(rq->arena, client_address(rq));
}

/*
 * In the first moments after a start nobody can be judged: keys, ended sessions and what each role may are still being
 * read. A caller would be taken for one who may do nothing, or too much. So he waits until they are known: a load
 * balancer sends him here as soon as the port is open.
 */
static int
await_keys_and_rights(struct request *rq)
{
	int64_t until_ms = listening_since_ms + JUST_STARTED_MS;

	if (http_header(rq->http, "authorization") == NULL)
		return 0;
	while (!auth_keys_loaded() || !auth_access_loaded())
		if (clock_mono_ms() >= until_ms || fiber_sleep(5) == FIBER_CANCELLED)
			return fail(rq, ERR_UNAVAILABLE, "this service has just started; repeat in a moment");
	return 0;
}

static int
act_for_nobody(struct request *rq)
{
	rq->actor = ACTOR_NOBODY;
	rq->source_type = "API";
	return 0;
}

static int
authenticate(struct request *rq)
{
	if (http_header_count(rq->http, "authorization") > 1)
		return fail(rq, ERR_BAD_REQUEST, "send one Authorization header");
	if (rq->route->flags & ROUTE_FOR_STRANGERS)
		return act_for_nobody(rq);
	if (await_keys_and_rights(rq) < 0 || auth_caller(rq, http_header(rq->http, "authorization")) < 0)
		return -1;
	if (rq->caller.user_id == NULL)
		return act_for_nobody(rq);
	rq->actor = rq->caller.employee_id != NULL ? ACTOR_EMPLOYEE : ACTOR_USER;
	rq->source_type = rq->caller.client != NULL ? rq->caller.client : "API";
	rq->source_id = rq->caller.session_id;
	return 0;
}

/*
 * A suspended account may GET its own data and what visitors may read. Of a resource the plan chooses the rows
 * (plan_for); any other route must be open to anyone or say that it is for suspended accounts too.
 */
static bool
is_for_restricted(const struct route *route)
{
	if (route->flags & ROUTE_RESTRICTED_TOO)
		return true;
	if (strcmp(route->method, "GET") != 0)
		return false;
	return route->res != NULL || (route->access.who & WHO_ANYONE);
}

/* What can be refused before any row is read. The row-dependent rest is the operation's. */
static int
check_access(struct request *rq)
{
	const struct access *a = &rq->route->access;
	bool by_row = a->who & WHO_OWNER;

	if (rq->caller.restricted && !is_for_restricted(rq->route))
		return fail(rq, ERR_ACCOUNT_RESTRICTED, "this account is suspended and may only read its own"
		    " data and sign out; the mail about the suspension says why");
	if (a->who & WHO_ANYONE)
		return 0;
	if (rq->caller.user_id == NULL)
		return fail(rq, ERR_UNAUTHENTICATED, "this needs a signed-in caller");
	return by_row ? 0 : access_check(rq, a, false);
}

/* RFC 8259, section 8.1: JSON is UTF-8; a charset that says otherwise means something else. */
static bool
is_json(const char *type)
{
	size_t n = strcspn(type, "; \t");
	const char *charset = strcasestr(type + n, "charset=");

	if (charset != NULL) {
		charset += 8 + (charset[8] == '"');
		if (strncasecmp(charset, "utf-8", 5) != 0 || (charset[5] != '\0' && strchr("\"; \t", charset[5]) == NULL))
			return false;
	}
	return (n == 16 && strncasecmp(type, "application/json", n) == 0) ||
	    (n == 28 && strncasecmp(type, "application/merge-patch+json", n) == 0);
}

/* Bodies are read as they are: what says it is packed would be taken for something else. */
static bool
is_packed(const struct request *rq)
{
	const char *encoding = http_header(rq->http, "content-encoding");

	return encoding != NULL && strcasecmp(encoding, "identity") != 0;
}

static int
parse_body(struct request *rq)
{
	size_t len;
	const char *text = http_body(rq->http, &len);
	const char *type = http_header(rq->http, "content-type");
	struct error e;

	if (strcmp(rq->route->method, "GET") == 0 || (rq->route->flags & ROUTE_RAW_BODY))
		return 0;
	if (len == 0) {
		rq->body = json_object();
		arena_own(rq->arena, rq->body, (void (*)(void *))json_decref);
		return 0;
	}
	if (http_header_count(rq->http, "content-type") > 1)
		return fail(rq, ERR_BAD_REQUEST, "send one Content-Type");
	if (type == NULL || !is_json(type))
		return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json, in UTF-8");
	if (is_packed(rq))
		return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE, "send the body as it is, without Content-Encoding");
	rq->body = json_parse_strict(rq->arena, text, len, false, &e);
	return rq->body == NULL ? fail(rq, e.code, "%s", e.text) : 0;
}

/* A plain route's body and query are checked here; an operation on a resource checks its own. */
static int
check_input(struct request *rq)
{
	if (query_parse(rq, http_query(rq->http)) < 0)
		return -1;
	if (rq->route->res != NULL)
		return strcmp(rq->route->method, "GET") == 0 ? 0 : validate_query(rq, NULL);
	if (validate_query(rq, rq->route->query) < 0)
		return -1;
	if (rq->body == NULL)
		return 0;
	return validate_body(rq, rq->route->body, VALIDATE_ROUTE);
}

/* ---- the unit ---- */

static bool
in_transaction(const struct route *route)
{
	if (route->flags & (ROUTE_NO_TX | ROUTE_STREAM))
		return false;
	return (route->flags & ROUTE_TX) || strcmp(route->method, "GET") != 0;
}

static int
handle(struct request *rq, void *arg)
{
	const char *key = arg;
	int kept = key != NULL ? idempotency_begin(rq, key) : 0;

	if (kept != 0)
		return kept < 0 ? -1 : 0;
	if (rq->route->handler(rq) < 0)
		return -1;
	if (rq->reply.status == 0)
		reply_empty(rq);
	if (strcmp(rq->route->method, "GET") == 0)
		return operations_not_modified(rq);
	if (key != NULL && rq->reply.status < 300)
		idempotency_keep(rq, key);
	return 0;
}

static int
perform(struct request *rq)
{
	const char *key;
	int done;

	if (router_match(rq, http_method_name(rq->http), http_path(rq->http)) < 0 ||
	    ((rq->route->flags & ROUTE_LIMITED) && rate_limit_take(rq) < 0) ||
	    authenticate(rq) < 0 || check_access(rq) < 0 || idempotency_check(rq, &key) < 0 ||
	    parse_body(rq) < 0 || check_input(rq) < 0)
		return -1;
	if (rq->route->together != NULL && (done = rq->route->together(rq, key)) <= 0)
		return done;
	if (in_transaction(rq->route))
		return unit_run(rq, handle, (void *)key);
	return handle(rq, NULL);
}

static void
count(struct request *rq, int status, int64_t began_us)
{
	(void)rq;
	metric_add(M_HTTP_REQUESTS, 1);
	if (status >= 500)
		metric_add(M_HTTP_ERRORS_5XX, 1);
	else if (status >= 400)
		metric_add(M_HTTP_ERRORS_4XX, 1);
	metric_observe_us(M_HTTP_SECONDS, clock_mono_us() - began_us);
}

static bool
is_options(struct request *rq)
{
	if (http_method(rq->http) != HTTP_M_OPTIONS)
		return false;
	if (strcmp(http_path(rq->http), "*") != 0 &&
	    router_match(rq, "OPTIONS", http_path(rq->http)) < 0 && rq->problem.allow == NULL)
		return false;
	rq->reply.extra_name = "Allow";
	rq->reply.extra_value = rq->problem.allow != NULL ? rq->problem.allow : "GET, HEAD, POST, PATCH, DELETE";
	reply_empty(rq);
	return true;
}

static void
request_main(void *arg)
{
	struct request *rq = arg;
	int64_t began_us = clock_mono_us();
	int status;

	identify(rq);
	if (is_options(rq) || perform(rq) == 0) {
		status = rq->reply.status;
		if (rq->route != NULL && in_transaction(rq->route))
			failpoint(FP_REPLY_AFTER_COMMIT);
		if (rq->route == NULL || !(rq->route->flags & ROUTE_STREAM))
			send_reply(rq);
	} else {
		status = error_info(rq->problem.code)->status;
		log_problem(rq);
		send_problem(rq);
		denied_report(rq);
	}
	count(rq, status, began_us);
	in_flight--;
	metric_set(M_HTTP_IN_FLIGHT, in_flight);
	request_free(rq);
}

static void
on_request(struct http_request *hr, void *arg)
{
	struct request *rq = request_new(service_db());

	(void)arg;
	if (++taken % REQUESTS_A_TURN == 0)
		event_base_loopbreak(service_base());
	rq->http = hr;
	if (in_flight >= DISPATCH_IN_FLIGHT_MAX) {
		metric_add(M_HTTP_SHED, 1);
		identify(rq);
		fail(rq, ERR_OVERLOADED, "too many requests at once");
		send_problem(rq);
		request_free(rq);
		return;
	}
	in_flight++;
	metric_set(M_HTTP_IN_FLIGHT, in_flight);
	fiber_start("request", request_main, rq);
}

/* ---- the port ---- */

static const char *
render_bare(struct evbuffer *out, int status, const char *code, const char *detail,
    const char *request_id)
{
	struct arena *a = arena_new();
	struct buf b;

	(void)code;
	buf_init(&b, a, 512);
	problem_render_bare(&b, error_for_status(status), detail, NULL, request_id);
	evbuffer_add(out, b.text, b.len);
	arena_free(a);
	return "application/problem+json";
}

int
dispatch_listen(struct event_base *base, const char *host, int port, struct error *e)
{
	struct http_limits limits = http_limits_default;
	char reason[200];

	limits.drain_ms = (int)config_int("DRAIN_IDLE_MS");
	server = http_server_new(base, &limits, on_request, render_bare, NULL);
	if (http_server_listen(server, host, port, reason, sizeof(reason)) < 0)
		return error_set(e, ERR_UNAVAILABLE, "cannot listen on %s:%d: %s", host, port, reason);
	listening_since_ms = clock_mono_ms();
	return 0;
}

int
dispatch_port(void)
{
	return http_server_port(server);
}

void
dispatch_retire(void)
{
	http_server_retire(server);
}

void
dispatch_drain(void)
{
	http_server_drain(server);
}

unsigned
dispatch_connections(void)
{
	return server == NULL ? 0 : http_server_stats(server)->connections;
}

const struct http_stats *
dispatch_stats(void)
{
	return server == NULL ? NULL : http_server_stats(server);
}
