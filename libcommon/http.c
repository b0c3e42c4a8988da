/*
 * The HTTP server: listening, the cap on connections, deadlines, drain. See http_conn.c for what
 * happens on a connection.
 */
#include "http_internal.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Connections beyond the cap that are told so; beyond these they are just closed. */
#define REFUSALS_MAX 128
/* Descriptors left to everything else when the process may not have as many as the cap asks for. */
#define OTHER_DESCRIPTORS 128
#define BACKLOG 1024

const struct http_limits http_limits_default = {
	.header_bytes = 16384,
	.header_count = 100,
	.body_bytes = 1048576,
	.bodies_bytes = 50331648,
	.target_bytes = 8192,
	.connections = 10240,
	.pipeline = 8,
	.output_bytes = 65536,
	.idle_ms = 30000,
	.header_ms = 10000,
	.body_ms = 30000,
	.write_ms = 30000,
	.linger_ms = 5000,
	.drain_ms = 1500,
};

/* ---- deadlines: each phase has one duration, so each list is in order of its deadlines ---- */

int64_t
http_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0: no deadline. */
static int
phase_ms(const struct http_server *s, enum http_phase phase)
{
	const struct http_limits *l = &s->limits;
	const int ms[PHASE_COUNT] = {
		[PHASE_IDLE] = s->draining ? l->drain_ms : l->idle_ms,
		[PHASE_HEAD] = l->header_ms,
		[PHASE_BODY] = l->body_ms,
		[PHASE_WRITE] = l->write_ms,
		[PHASE_LINGER] = l->linger_ms,
	};

	return ms[phase];
}

static void
alarm_set(struct http_server *s, int64_t at, int64_t now)
{
	int64_t wait = at > now ? at - now : 1;
	struct timeval tv = { wait / 1000, (wait % 1000) * 1000 };

	s->deadline_ms = at;
	evtimer_add(s->deadline_event, &tv);
}

void
http_server_phase(struct http_conn *c, enum http_phase phase)
{
	struct http_server *s = c->server;

	if (phase == c->phase && !c->moved)
		return;
	TAILQ_REMOVE(&s->phases[c->phase], c, in_phase);
	TAILQ_INSERT_TAIL(&s->phases[phase], c, in_phase);
	c->phase = phase;
	int ms = phase_ms(s, phase);
	if (ms == 0)
		return;
	int64_t now = http_now_ms();
	c->deadline_ms = now + ms;
	if (s->deadline_ms == 0 || c->deadline_ms < s->deadline_ms)
		alarm_set(s, c->deadline_ms, now);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	int64_t now = http_now_ms(), next = 0;
	struct http_conn *c;

	(void)fd;
	(void)what;
	s->deadline_ms = now;	/* set again below, not by each connection */
	for (enum http_phase p = 0; p < PHASE_COUNT; p++)
		while (p != PHASE_BUSY && (c = TAILQ_FIRST(&s->phases[p])) && c->deadline_ms <= now)
			http_conn_expire(c);
	for (enum http_phase p = 0; p < PHASE_COUNT; p++) {
		c = p == PHASE_BUSY ? NULL : TAILQ_FIRST(&s->phases[p]);
		if (c && (next == 0 || c->deadline_ms < next))
			next = c->deadline_ms;
	}
	s->deadline_ms = 0;
	if (next)
		alarm_set(s, next, now);
}

/* ---- what was left for later in this turn, or for the next ---- */

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct http_conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&s->due)))
		http_conn_run(c);
}

static void
on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct http_conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&s->drained))) {
		struct http_request *hr = TAILQ_FIRST(&c->queue);
		http_callback *cb = hr ? hr->drain_cb : NULL;

		TAILQ_REMOVE(&s->drained, c, in_drained);
		c->drained = false;
		if (!cb)
			continue;
		hr->drain_cb = NULL;
		cb(hr, hr->drain_arg);
	}
}

/* ---- accepting ---- */

static void
take_connection(struct http_server *s, evutil_socket_t fd, const struct sockaddr *peer)
{
	bool full = s->stats.connections >= s->limits.connections;

	s->stats.accepted++;
	s->stats.overload += full;
	if (s->stats.connections >= s->limits.connections + REFUSALS_MAX)
		evutil_closesocket(fd);
	else
		http_conn_new(s, fd, peer, full);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int len,
    void *arg)
{
	(void)listener;
	(void)len;
	take_connection(arg, fd, peer);
}

/* Descriptors or memory ran out: an idle connection makes room, or accepting waits for a moment. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval moment = { 0, 100000 };
	struct http_server *s = arg;
	struct http_conn *idle = TAILQ_FIRST(&s->phases[PHASE_IDLE]);

	if (idle) {
		http_conn_free(idle);
		return;
	}
	evconnlistener_disable(listener);
	evtimer_add(s->resume_accept, &moment);
}

static void
on_resume_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	if (s->listener)
		evconnlistener_enable(s->listener);
}

/* Never more connections than there are descriptors for. */
static void
cap_connections(struct http_server *s)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return;
	rlim_t room = files.rlim_cur > 2ul * (OTHER_DESCRIPTORS + REFUSALS_MAX)
			  ? files.rlim_cur - OTHER_DESCRIPTORS - REFUSALS_MAX
			  : files.rlim_cur / 2;
	if (s->limits.connections > room)
		s->limits.connections = (unsigned)room;
}

static int
port_of(evutil_socket_t fd)
{
	struct sockaddr_in6 sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	return ntohs(sa.sin6_port);	/* in the same place for IPv4 */
}

int
http_server_listen(struct http_server *s, const char *host, int port, char *ret_error, size_t n)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	char service[16];
	int on = 1;

	snprintf(service, sizeof(service), "%d", port);
	int bad = getaddrinfo(*host ? host : NULL, service, &hints, &found);
	if (bad) {
		snprintf(ret_error, n, "cannot listen on %s:%d: %s", host, port, gai_strerror(bad));
		return -1;
	}
	s->listener = evconnlistener_new_bind(s->base, on_accept, s,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	    found->ai_addr, (int)found->ai_addrlen);
	freeaddrinfo(found);
	if (!s->listener) {
		snprintf(ret_error, n, "cannot listen on %s:%d: %s", host, port, strerror(errno));
		return -1;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	/* Accepted sockets inherit it, which saves a call for each. */
	setsockopt(evconnlistener_get_fd(s->listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->port = port_of(evconnlistener_get_fd(s->listener));
	cap_connections(s);
	return 0;
}

int
http_server_port(const struct http_server *s)
{
	return s->port;
}

/* ---- winding down ---- */

void
http_server_retire(struct http_server *s)
{
	s->retired = true;
}

/*
 * Handshakes that have begun go on, no further one begins. Its SYN is not refused but dropped: the
 * caller repeats it after a second, when the socket is closed and another replica answers.
 */
static void
deafen(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),		/* TCP's flags, RFC 9293 3.1 */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),	/* SYN */
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { .len = COUNT_OF(code), .filter = code };

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/*
 * Closing the listening socket would reset those that wait to be accepted: they are taken first,
 * and a moment is left to the handshakes that other processors are at.
 */
static void
take_waiting(struct http_server *s)
{
	static const struct timespec moment = { 0, 2000000 };
	struct sockaddr_storage peer;

	deafen(evconnlistener_get_fd(s->listener));
	nanosleep(&moment, NULL);
	for (;;) {
		socklen_t len = sizeof(peer);
		int fd = accept4(evconnlistener_get_fd(s->listener), (struct sockaddr *)&peer, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		take_connection(s, fd, (struct sockaddr *)&peer);
	}
}

void
http_server_drain(struct http_server *s)
{
	struct http_conn *c;

	if (s->draining)
		return;
	s->draining = true;
	s->retired = true;
	if (s->listener) {
		take_waiting(s);
		evconnlistener_free(s->listener);
		s->listener = NULL;
	}
	int64_t now = http_now_ms(), at = now + s->limits.drain_ms;
	TAILQ_FOREACH(c, &s->phases[PHASE_IDLE], in_phase)
		c->deadline_ms = at;
	alarm_set(s, at, now);
}

const struct http_stats *
http_server_stats(const struct http_server *s)
{
	return &s->stats;
}

/* ---- life ---- */

void
http_server_body_limit(struct http_server *s, http_body_limit *limit)
{
	s->body_limit = limit;
}

static struct event *
event_make(struct http_server *s, event_callback_fn fn)
{
	struct event *ev = event_new(s->base, -1, 0, fn, s);

	if (!ev)
		abort();	/* out of memory */
	return ev;
}

struct http_server *
http_server_new(struct event_base *base, const struct http_limits *limits, http_handler *handler,
    http_error_renderer *render, void *arg)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	signal(SIGPIPE, SIG_IGN);
	s->base = base;
	s->limits = *limits;
	if (s->limits.target_bytes > UINT16_MAX)
		s->limits.target_bytes = UINT16_MAX;
	s->handler = handler;
	s->render = render;
	s->arg = arg;
	for (enum http_phase p = 0; p < PHASE_COUNT; p++)
		TAILQ_INIT(&s->phases[p]);
	TAILQ_INIT(&s->due);
	TAILQ_INIT(&s->drained);
	TAILQ_INIT(&s->orphans);
	s->due_event = event_make(s, on_due);
	event_priority_set(s->due_event, 0);	/* answers go before new requests */
	s->drained_event = event_make(s, on_drained);
	s->deadline_event = event_make(s, on_deadline);
	s->resume_accept = event_make(s, on_resume_accept);
	http_parser_init(&s->fresh_parser);
	s->scratch = evbuffer_new();
	return s;
}

void
http_server_free(struct http_server *s)
{
	struct http_request *hr;
	struct http_conn *c;

	if (s->listener)
		evconnlistener_free(s->listener);
	for (enum http_phase p = 0; p < PHASE_COUNT; p++)
		while ((c = TAILQ_FIRST(&s->phases[p])))
			http_conn_free(c);
	TAILQ_FOREACH(hr, &s->orphans, link)
		hr->server = NULL;
	while (s->spares > 0)
		arena_free(s->spare[--s->spares]);
	event_free(s->due_event);
	event_free(s->drained_event);
	event_free(s->deadline_event);
	event_free(s->resume_accept);
	evbuffer_free(s->scratch);
	free(s);
}
