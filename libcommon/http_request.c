/* A request as its handler sees it; it lives with its connection, or alone once the client left. */
#include "http_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct arena *
arena_take(struct http_server *s)
{
	return s->spares > 0 ? s->spare[--s->spares] : arena_new();
}

static void
arena_give(struct http_server *s, struct arena *a)
{
	if (!s || s->spares == HTTP_SPARE_ARENAS) {
		arena_free(a);
		return;
	}
	arena_reset(a);
	s->spare[s->spares++] = a;
}

struct http_request *
http_request_new(struct http_server *s, struct http_conn *c)
{
	struct arena *a = arena_take(s);
	struct http_request *hr = arena_alloc(a, sizeof(*hr));

	hr->arena = a;
	hr->server = s;
	hr->conn = c;
	hr->method = HTTP_M_OTHER;
	hr->method_name = hr->path = hr->query = "";
	if (c) {
		TAILQ_INSERT_TAIL(&c->queue, hr, link);
		c->queued++;
	}
	return hr;
}

/* Not on any list any more. */
void
http_request_free(struct http_request *hr)
{
	if (hr->out)
		evbuffer_free(hr->out);
	if (hr->server)
		hr->server->stats.bodies_bytes -= hr->body_cap;
	free(hr->body);
	arena_give(hr->server, hr->arena);
}

static void
orphan_end(struct http_request *hr)
{
	if (hr->server)
		TAILQ_REMOVE(&hr->server->orphans, hr, link);
	http_request_free(hr);
}

void
http_request_end(struct http_request *hr)
{
	struct http_conn *c = hr->conn;

	if (hr->dispatched && hr->server)
		hr->server->stats.busy--;
	if (!c) {
		orphan_end(hr);
		return;
	}
	hr->done = true;
	hr->close_cb = hr->drain_cb = NULL;
	if (hr->dispatched && !hr->safe)
		c->unsafe = false;
	if (hr == TAILQ_FIRST(&c->queue))
		http_conn_advance(c);
	http_conn_due(c);
}

/* ---- what the handler asks ---- */

enum http_method
http_method(const struct http_request *hr)
{
	return hr->method;
}

const char *
http_method_name(const struct http_request *hr)
{
	return hr->method_name;
}

const char *
http_path(const struct http_request *hr)
{
	return hr->path;
}

const char *
http_query(const struct http_request *hr)
{
	return hr->query;
}

static bool
header_is(const struct http_header *h, const char *name, size_t len)
{
	return h->name_len == len && memcmp(h->name, name, len) == 0;
}

const char *
http_header(const struct http_request *hr, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < hr->nheaders; i++)
		if (header_is(&hr->headers[i], name, len))
			return hr->headers[i].value;
	return NULL;
}

unsigned
http_header_count(const struct http_request *hr, const char *name)
{
	size_t len = strlen(name);
	unsigned count = 0;

	for (unsigned i = 0; i < hr->nheaders; i++)
		count += header_is(&hr->headers[i], name, len);
	return count;
}

const char *
http_body(const struct http_request *hr, size_t *ret_len)
{
	if (ret_len)
		*ret_len = hr->body_len;
	return hr->body ? hr->body : "";
}

const char *
http_peer(struct http_request *hr)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (hr->peer || !hr->conn)
		return hr->peer ? hr->peer : "";
	if (hr->conn->peer.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &hr->conn->peer.in.sin_addr, text, sizeof(text));
	else if (hr->conn->peer.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &hr->conn->peer.in6.sin6_addr, text, sizeof(text));
	hr->peer = arena_strdup(hr->arena, strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text);
	return hr->peer;
}

struct arena *
http_arena(struct http_request *hr)
{
	return hr->arena;
}

void
http_on_drain(struct http_request *hr, http_callback *cb, void *arg)
{
	hr->drain_cb = cb;
	hr->drain_arg = arg;
	if (hr->conn)
		http_conn_due(hr->conn);
}

void
http_on_close(struct http_request *hr, http_callback *cb, void *arg)
{
	hr->close_cb = cb;
	hr->close_arg = arg;
}

bool
http_client_gone(const struct http_request *hr)
{
	return hr->conn == NULL;
}
