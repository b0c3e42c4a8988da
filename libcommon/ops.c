/* The operations port; see ops.h. */
#include "ops.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "auth.h"
#include "clock.h"
#include "config.h"
#include "consumer.h"
#include "db.h"
#include "error.h"
#include "fiber.h"
#include "http.h"
#include "metrics.h"
#include "problem.h"
#include "relay.h"
#include "request.h"
#include "service.h"

#define READY_MS 1000	/* for the database to answer a probe */
#define CONNECTIONS_MAX 64

/* Made by CMake from the newest file name of the migrations, one per service. */
extern const char nxt_schema_version[] __attribute__((weak));

static struct http_server *server;

const char *
ops_schema_version(void)
{
	return nxt_schema_version != NULL ? nxt_schema_version : "";
}

static void
reply(struct http_request *hr, int status, const char *type, const struct buf *body)
{
	struct http_field fields[] = {
		{ "Content-Type", type }, { "Cache-Control", "no-store" }, { "Retry-After", "1" },
	};

	http_reply(hr, status, fields, status == 503 ? 3 : 2, body->text, body->len);
}

static void
reply_problem(struct http_request *hr, enum error_code code, const char *detail)
{
	struct http_field fields[] = {
		{ "Content-Type", "application/problem+json" }, { "Allow", "GET, HEAD" },
	};
	struct buf body;

	buf_init(&body, http_arena(hr), 512);
	problem_render_bare(&body, code, detail, http_path(hr), NULL);
	http_reply(hr, error_info(code)->status, fields, code == ERR_METHOD_NOT_ALLOWED ? 2 : 1,
	    body.text, body.len);
}

/* ---- readiness ---- */

enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_RED };
struct check {
	const char *name;
	enum health health;
	const char *detail;	/* NULL: nothing to say */
};
#define CHECKS_MAX 6

static const char *const health_words[] = { "ok", "degraded", "red" };

static bool
has_role(const char *role)
{
	const char *p = config_text("ROLES");
	size_t n = strlen(role);

	for (; (p = strstr(p, role)) != NULL; p += n)
		if (p[n] == '\0' || p[n] == ',' || p[n] == ' ')
			return true;
	return false;
}

/* Versions are dates as digits, so their order as text is their order in time. */
static struct check
check_schema(struct request *rq, const char *found)
{
	const char *wanted = ops_schema_version();
	struct check c = { .name = "schema" };

	if (found == NULL) {
		c.health = HEALTH_RED;
		c.detail = "no migration has run";
	} else if (strcmp(found, wanted) < 0) {
		c.health = HEALTH_RED;
		c.detail = arena_printf(rq->arena, "is %s, must be at least %s", found, wanted);
	} else {
		c.detail = found;
	}
	return c;
}

static size_t
check_database(struct request *rq, struct check *out)
{
	struct db_result *r = db_query(rq, "SELECT max(version) FROM schema_migrations", DB0);

	out[0] = (struct check){ .name = "database" };
	if (r == NULL) {
		out[0].health = HEALTH_RED;
		out[0].detail = "does not answer";
		return 1;
	}
	out[1] = check_schema(rq, db_text(r, 0, 0));
	return 2;
}

static struct check
check_flag(const char *name, bool fine, enum health otherwise, const char *detail)
{
	struct check c = { .name = name };

	if (!fine) {
		c.health = otherwise;
		c.detail = detail;
	}
	return c;
}

static bool
kafka_is_up(void)
{
	return (!has_role("relay") || relay_kafka_is_up()) &&
	    (!has_role("consumer") || consumer_is_up());
}

static size_t
check_all(struct request *rq, struct check *out)
{
	size_t n = check_database(rq, out);

	if (has_role("api")) {
		out[n++] = check_flag("keys", auth_keys_loaded(), HEALTH_RED, "none loaded yet");
		out[n++] = check_flag("access", auth_access_loaded(), HEALTH_RED,
		    "projections not read yet");
	}
	out[n++] = check_flag("kafka", kafka_is_up(), HEALTH_DEGRADED,
	    "away: writes go on, events wait in the outbox");
	out[n++] = check_flag("draining", !service_stopping(), HEALTH_RED, "the process stops");
	return n;
}

static enum health
worst(const struct check *checks, size_t n)
{
	enum health h = HEALTH_OK;

	for (size_t i = 0; i < n; i++)
		if (checks[i].health > h)
			h = checks[i].health;
	return h;
}

static void
render_checks(struct buf *out, const struct check *checks, size_t n)
{
	buf_add_str(out, ",\"checks\":[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s{\"name\":\"%s\",\"status\":\"%s\"", i > 0 ? "," : "",
		    checks[i].name, health_words[checks[i].health]);
		if (checks[i].detail != NULL) {
			buf_add_str(out, ",\"detail\":");
			buf_add_json(out, checks[i].detail);
		}
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* Red is a problem document that says what is red; else one word, and with ?verbose each check. */
static void
reply_readiness(struct http_request *hr, struct request *rq, const struct check *checks, size_t n)
{
	enum health health = worst(checks, n);
	struct buf body;

	buf_init(&body, rq->arena, 1024);
	if (health == HEALTH_RED) {
		problem_render_bare(&body, ERR_UNAVAILABLE, "not ready; checks says why", "/readyz",
		    NULL);
		body.len--;	/* the closing brace, to add a member */
	} else {
		buf_printf(&body, "{\"status\":\"%s\"",
		    health == HEALTH_OK ? "ready" : health_words[health]);
	}
	if (health == HEALTH_RED || strncmp(http_query(hr), "verbose", 7) == 0)
		render_checks(&body, checks, n);
	buf_add_char(&body, '}');
	if (health == HEALTH_RED)
		reply(hr, 503, "application/problem+json", &body);
	else
		reply(hr, 200, "application/json", &body);
}

static void
answer_readiness(void *arg)
{
	struct http_request *hr = arg;
	struct request *rq = request_new(service_db());
	struct check checks[CHECKS_MAX];
	size_t n;

	rq->deadline_ms = clock_mono_ms() + READY_MS;
	n = check_all(rq, checks);
	reply_readiness(hr, rq, checks, n);
	request_free(rq);
}

/* ---- the rest ---- */

static void
start_readiness(struct http_request *hr)
{
	fiber_start("readyz", answer_readiness, hr);
}

static void
answer_liveness(struct http_request *hr)
{
	struct buf body;

	buf_init(&body, http_arena(hr), 64);
	buf_add_str(&body, "{\"status\":\"alive\"}");
	reply(hr, 200, "application/json", &body);
}

static void
answer_metrics(struct http_request *hr)
{
	struct buf body;

	buf_init(&body, http_arena(hr), 16384);
	metrics_render(&body);
	reply(hr, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static void
answer_version(struct http_request *hr)
{
	struct buf body;

	buf_init(&body, http_arena(hr), 128);
	buf_printf(&body, "{\"service\":\"%s\",\"version\":\"%s\",\"schema\":\"%s\"}",
	    service_self->name, NXT_VERSION, ops_schema_version());
	reply(hr, 200, "application/json", &body);
}

static void
answer_config(struct http_request *hr)
{
	struct buf body;

	buf_init(&body, http_arena(hr), 64);
	buf_add_str(&body, config_json(http_arena(hr)));
	reply(hr, 200, "application/json", &body);
}

static const struct {
	const char *path;
	void (*answer)(struct http_request *hr);
} endpoints[] = {
	{ "/livez", answer_liveness },
	{ "/readyz", start_readiness },
	{ "/metrics", answer_metrics },
	{ "/version", answer_version },
	{ "/config", answer_config },
};

static void
on_request(struct http_request *hr, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
		if (strcmp(http_path(hr), endpoints[i].path) != 0)
			continue;
		if (http_method(hr) == HTTP_M_GET || http_method(hr) == HTTP_M_HEAD)
			endpoints[i].answer(hr);
		else
			reply_problem(hr, ERR_METHOD_NOT_ALLOWED, "this port only answers GET");
		return;
	}
	reply_problem(hr, ERR_NOT_FOUND, "see /livez, /readyz, /metrics, /version and /config");
}

static const char *
render_refusal(struct evbuffer *out, int status, const char *code, const char *detail,
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
ops_listen(struct event_base *base, const char *host, int port, struct error *e)
{
	struct http_limits limits = http_limits_default;
	char reason[200];

	limits.connections = CONNECTIONS_MAX;
	limits.body_bytes = 1024;
	server = http_server_new(base, &limits, on_request, render_refusal, NULL);
	if (http_server_listen(server, host, port, reason, sizeof(reason)) < 0)
		return error_set(e, ERR_UNAVAILABLE, "cannot listen on %s:%d: %s", host, port, reason);
	return 0;
}

int
ops_port(void)
{
	return http_server_port(server);
}

void
ops_close(void)
{
	if (server != NULL)
		http_server_free(server);
	server = NULL;
}
