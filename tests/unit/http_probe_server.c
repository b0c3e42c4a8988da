/*
 * The HTTP server alone, for probes and load: http_probe_server [PORT]. Prints its port, then
 * answers every path; some behave on purpose:
 *
 *   /echo    the request's method, path, query and body, as it was understood
 *   /later   as /echo, 5 ms later
 *   /stuck   no answer, ever
 *   /stream  1 MiB in chunks, in step with the client
 *   /drain   begins to drain
 *   /free    ends the process in an orderly way
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "http.h"

static struct event_base *base;
static struct http_server *server;
static const struct http_field json = { "Content-Type", "application/json" };

static void
echo(struct http_request *hr)
{
	size_t len;
	const char *body = http_body(hr, &len), *query = http_query(hr);
	char *text = arena_alloc(http_arena(hr), len + strlen(http_path(hr)) + strlen(query) + 64);
	int n = sprintf(text, "%s %s ?%s %zu ", http_method_name(hr), http_path(hr), query, len);

	memcpy(text + n, body, len);
	http_reply(hr, 200, &json, 1, text, (size_t)n + len);
}

static void
echo_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	echo(arg);
}

struct stream {
	size_t left;
};

static void
stream_more(struct http_request *hr, void *arg)
{
	static const char block[8192];
	struct stream *st = arg;
	int pending = 0;

	while (st->left > 0 && pending >= 0 && pending < HTTP_HIGH_WATER) {
		pending = http_reply_chunk(hr, block, sizeof(block));
		st->left -= sizeof(block);
	}
	if (st->left == 0 || pending < 0)
		http_reply_end(hr);
	else
		http_on_drain(hr, stream_more, st);
}

static void
stream_gone(struct http_request *hr, void *arg)
{
	(void)arg;
	http_reply_end(hr);
}

static void
stream(struct http_request *hr)
{
	struct stream *st = arena_alloc(http_arena(hr), sizeof(*st));

	st->left = 1 << 20;
	http_reply_start(hr, 200, &json, 1);
	http_on_close(hr, stream_gone, st);
	stream_more(hr, st);
}

static void
handle(struct http_request *hr, void *arg)
{
	static const struct timeval later = { 0, 5000 };
	const char *path = http_path(hr);

	(void)arg;
	if (strcmp(path, "/later") == 0)
		event_base_once(base, -1, EV_TIMEOUT, echo_later, hr, &later);
	else if (strcmp(path, "/stuck") == 0)
		;
	else if (strcmp(path, "/stream") == 0)
		stream(hr);
	else if (strcmp(path, "/echo") == 0)
		echo(hr);
	else {
		if (strcmp(path, "/drain") == 0)
			http_server_drain(server);
		if (strcmp(path, "/free") == 0)
			event_base_loopexit(base, &later);
		http_reply(hr, 200, &json, 1, "{\"keys\":[]}", 11);
	}
}

int
main(int argc, char **argv)
{
	struct http_limits limits = http_limits_default;
	char error[256];

	if (getenv("CONNECTIONS"))
		limits.connections = (unsigned)atoi(getenv("CONNECTIONS"));
	base = event_base_new();
	server = http_server_new(base, &limits, handle, NULL, NULL);
	if (http_server_listen(server, "127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, error,
		sizeof(error)) < 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("%d\n", http_server_port(server));
	fflush(stdout);
	event_base_dispatch(base);
	http_server_free(server);
	event_base_free(base);
	return 0;
}
