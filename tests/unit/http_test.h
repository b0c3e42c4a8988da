/*
 * A server and its clients in one process, on loopback, for the tests of http.c: bytes go in, the
 * loop is turned until nothing moves, bytes come out. Included once per test program.
 */
#ifndef NXT_HTTP_TEST_H
#define NXT_HTTP_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "arena.h"
#include "http.h"

#define HELD_MAX 64

/* What the handler holds back (/hold…), in order of arrival. */
static struct http_request *held[HELD_MAX];
static unsigned nheld, nclosed, nhandled;
static struct event_base *base;
static struct http_server *server;

struct client {
	int fd;
	bool closed;		/* the server has ended its side */
	char got[1 << 21];
	size_t len;
};
static struct client clients[2];

static inline void
echo(struct http_request *hr)
{
	struct http_field fields[] = { { "Content-Type", "text/plain" } };
	size_t len;
	const char *body = http_body(hr, &len);
	char *text = arena_alloc(http_arena(hr), len + strlen(http_path(hr)) + 128);
	int n = sprintf(text, "[%s %s?%.40s %zu:", http_method_name(hr), http_path(hr),
	    http_query(hr), len);

	memcpy(text + n, body, len);
	text[(size_t)n + len] = ']';
	http_reply(hr, 200, fields, 1, text, (size_t)n + len + 1);
}

static inline void
count_closed(struct http_request *hr, void *arg)
{
	(void)hr;
	(void)arg;
	nclosed++;
}

static inline void
handle(struct http_request *hr, void *arg)
{
	(void)arg;
	nhandled++;
	if (strncmp(http_path(hr), "/hold", 5) != 0) {
		echo(hr);
		return;
	}
	assert_true(nheld < HELD_MAX);
	http_on_close(hr, count_closed, NULL);
	held[nheld++] = hr;
}

static inline void
start(const struct http_limits *limits)
{
	char error[256];

	nheld = nclosed = nhandled = 0;
	base = event_base_new();
	server = http_server_new(base, limits ? limits : &http_limits_default, handle, NULL, NULL);
	if (http_server_listen(server, "127.0.0.1", 0, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	clients[0].fd = clients[1].fd = -1;
}

static inline void
stop(void)
{
	for (int i = 0; i < 2; i++)
		if (clients[i].fd >= 0)
			close(clients[i].fd);
	http_server_free(server);
	event_base_free(base);
}

static inline struct client *
dial(int i)
{
	struct client *c = &clients[i];
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_server_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (c->fd >= 0)
		close(c->fd);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	c->len = 0;
	c->closed = false;
	c->got[0] = '\0';
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return c;
}

/* Takes what has come; true if there was something new. */
static inline bool
receive(struct client *c)
{
	bool news = false;

	while (c->fd >= 0 && !c->closed) {
		ssize_t n = recv(c->fd, c->got + c->len, sizeof(c->got) - 1 - c->len, 0);
		if (n < 0)
			c->closed = errno != EAGAIN;
		if (n < 0 && errno == EAGAIN)
			break;
		news = true;
		c->closed = c->closed || n == 0;
		c->len += n > 0 ? (size_t)n : 0;
	}
	c->got[c->len] = '\0';
	return news;
}

/* Turns the loop until nothing moves any more. */
static inline void
pump(void)
{
	for (int quiet = 0; quiet < 3; quiet++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (receive(&clients[0]) | receive(&clients[1]))
			quiet = -1;
	}
}

/* What must become true, if not at once: the kernel may deliver a little later. */
#define assert_soon(condition)                                        \
	do {                                                          \
		for (int i_ = 0; i_ < 3000 && !(condition); i_++) {   \
			pump();                                       \
			usleep(i_ < 10 ? 50 : 2000);                  \
		}                                                     \
		assert_true(condition);                               \
	} while (0)

/* Returns when the server has read all of it, or will not. */
static inline void
say(struct client *c, const char *data, size_t len)
{
	uint64_t read_to = http_server_stats(server)->bytes_in + len;

	while (len > 0 && !c->closed) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		pump();
	}
	const struct http_stats *stats = http_server_stats(server);
	for (int i = 0; i < 50 && !c->closed && stats->bytes_in < read_to; i++) {
		usleep(100);
		pump();
	}
}

static inline void
say_text(struct client *c, const char *text)
{
	say(c, text, strlen(text));
}

/* Final answers so far. */
static inline int
answers(const struct client *c)
{
	int n = 0;

	for (const char *p = c->got; (p = strstr(p, "HTTP/1.1 ")); p += 9)
		n += p[9] >= '2' && p[9] <= '5';
	return n;
}

static inline int
first_status(const struct client *c)
{
	return strncmp(c->got, "HTTP/1.1 ", 9) == 0 ? atoi(c->got + 9) : 0;
}

/* Without the lines that differ from run to run. */
static inline void
normalise(char *text)
{
	static const char *const changing[] = { "Date: ", "X-Request-Id: ", "\"request_id\":\"" };

	for (size_t i = 0; i < COUNT_OF(changing); i++)
		for (char *p = text; (p = strstr(p, changing[i])); ) {
			p += strlen(changing[i]);
			size_t n = strcspn(p, "\r\"");
			memmove(p, p + n, strlen(p + n) + 1);
		}
}

#define HOST "Host: localhost\r\n"

#endif
