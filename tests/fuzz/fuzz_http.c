/*
 * Any bytes, in any pieces, to the HTTP server. The first byte says where the rest is cut. Held:
 * no crash, no leak, each request given to the handler and each refusal has one answer, the
 * connection ends, and the pieces make no difference.
 */
#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWERS_MAX (1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct event_base *base;
static struct http_server *server;

/* What the server understood, in a form that no request can imitate at the front of a line. */
static void
handle(struct http_request *hr, void *arg)
{
	const struct http_field json = { "Content-Type", "application/json" };
	char text[64];
	size_t body_len;

	(void)arg;
	const char *body = http_body(hr, &body_len);
	if (strlen(body) > body_len)
		abort();
	int n = snprintf(text, sizeof(text), "%d %zu %zu %zu", http_method(hr),
	    strlen(http_path(hr)), strlen(http_query(hr)), body_len);
	if (http_path(hr)[0] != '/' && strcmp(http_path(hr), "*") != 0)
		abort();
	http_header(hr, "host");
	http_reply(hr, 200, &json, 1, text, (size_t)n);
}

static const char *
render(struct evbuffer *out, int status, const char *code, const char *detail,
    const char *request_id)
{
	(void)request_id;
	evbuffer_add_printf(out, "%d %s %s", status, code, detail);
	return "application/problem+json";
}

static void
receive(int fd, char *got, size_t *len)
{
	ssize_t n;

	event_base_loop(base, EVLOOP_NONBLOCK);
	while ((n = recv(fd, got + *len, ANSWERS_MAX - *len - 1, MSG_DONTWAIT)) > 0)
		*len += (size_t)n;
	got[*len] = '\0';
}

static void
send_all(int fd, const uint8_t *data, size_t len, char *got, size_t *got_len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
		receive(fd, got, got_len);
		if (n < 0 && server->stats.connections == 0)
			break;
	}
}

/* Removes each text that begins with `from`, up to and with the next `until`. */
static void
cut(char *text, const char *from, const char *until)
{
	for (char *p = text; (p = strstr(p, from));) {
		char *end = strstr(p, until) + strlen(until);
		memmove(p, end, strlen(end) + 1);
	}
}

/* Answers of one connection, without what may differ from run to run. */
static void
converse(const uint8_t *data, size_t len, size_t at, char *got)
{
	static const struct sockaddr peer = { .sa_family = AF_UNIX };
	int pair[2];
	size_t got_len = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	http_conn_new(server, pair[0], &peer, false);
	send_all(pair[1], data, at, got, &got_len);
	send_all(pair[1], data + at, len - at, got, &got_len);
	shutdown(pair[1], SHUT_WR);
	for (int i = 0; i < 4; i++)
		receive(pair[1], got, &got_len);
	if (server->stats.connections != 0 || server->stats.busy != 0)
		abort();
	close(pair[1]);
	if (strlen(got) != got_len)
		abort();
	cut(got, "HTTP/1.1 100 Continue", "\r\n\r\n");
	cut(got, "Date: ", "\r\n");
	cut(got, "X-Request-Id: ", "\r\n");
}

static uint64_t
answers(const char *got)
{
	uint64_t n = 0;

	for (; (got = strstr(got, "HTTP/1.1 ")); got += 9)
		n += got[9] >= '2' && got[9] <= '5' && strncmp(got + 12, " ", 1) == 0;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char whole[ANSWERS_MAX], pieces[ANSWERS_MAX];

	if (!base) {
		base = event_base_new();
		server = http_server_new(base, &http_limits_default, handle, render, NULL);
	}
	if (len < 2)
		return 0;
	uint64_t before = server->stats.requests + server->stats.refused;
	converse(data + 2, len - 2, len - 2, whole);
	if (answers(whole) != server->stats.requests + server->stats.refused - before)
		abort();
	converse(data + 2, len - 2, (data[0] * 256u + data[1]) % (len - 1), pieces);
	if (strcmp(whole, pieces) != 0)
		abort();
	return 0;
}
