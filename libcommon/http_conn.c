/*
 * One connection: takes requests in, hands them to the handler, lets answers out in order, ends.
 *
 * All of it happens in http_conn_run, which is called when bytes arrived, when the socket takes
 * more, when an answer was made, and when a deadline passed; everything else only leaves marks.
 * GET and HEAD of one connection may be at the handler together, any other request only alone.
 */
#include "http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- taking in ---- */

static size_t
unsent(const struct http_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev)) + c->held;
}

/* Whether the next request may be looked at: what is owed is bounded in number and in bytes. */
static bool
may_begin(const struct http_conn *c)
{
	const struct http_limits *l = &c->server->limits;

	return !c->unsafe && c->queued < l->pipeline && c->head_bytes < l->header_bytes &&
	    unsent(c) < l->output_bytes;
}

static bool
refuse(struct http_conn *c, const struct http_fault *f)
{
	http_conn_refuse(c, f);
	return false;
}

static int
limit_body(struct http_request *hr, struct http_fault *f)
{
	struct http_server *s = hr->server;

	hr->body_limit = s->body_limit ? s->body_limit(hr, s->arg) : s->limits.body_bytes;
	if (hr->framing == FRAMING_LENGTH && hr->remaining > hr->body_limit)
		return http_fault(f, 413, "the body is too large");
	return 0;
}

/* Empty lines before a request are nothing: the connection is as idle as without them. */
static void
forget_empty_lines(struct http_conn *c)
{
	uint32_t n = c->scan.start;

	evbuffer_drain(bufferevent_get_input(c->bev), n);
	c->scan.start -= n;
	c->scan.line -= n;
	c->scan.at -= n;
}

/* Collects a header block. Each take_ function: true when it got further. */
static bool
take_head(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in);
	const char *data = (const char *)evbuffer_pullup(in, -1);
	struct http_fault f;

	int got = len ? http_head_scan(&c->scan, data, len, &c->server->limits, &f) : 0;
	if (got < 0)
		return refuse(c, &f);
	if (got == 0) {
		forget_empty_lines(c);
		return false;
	}
	struct http_request *hr = http_request_new(c->server, c);
	c->reading = hr;
	if (http_head_parse(hr, &c->scan, data, &f) < 0 || limit_body(hr, &f) < 0)
		return refuse(c, &f);
	c->head_bytes += hr->head_bytes;
	evbuffer_drain(in, c->scan.at);
	memset(&c->scan, 0, sizeof(c->scan));
	return true;
}

/* The client waits for our word before it sends the body. */
static void
say_continue(struct http_conn *c, struct http_request *hr)
{
	if (!hr->expects || hr != TAILQ_FIRST(&c->queue))
		return;
	hr->expects = false;
	evbuffer_add(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static bool
take_body(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct http_request *hr = c->reading;
	struct evbuffer_iovec v;
	struct http_fault f;

	if (evbuffer_peek(in, -1, NULL, &v, 1) < 1) {
		say_continue(c, hr);
		return false;
	}
	hr->expects = false;
	ssize_t used = http_body_take(hr, v.iov_base, v.iov_len, &f);
	if (used == 0 && v.iov_len < evbuffer_get_length(in)) {
		/* a line in pieces; what is looked at never exceeds its limit by much */
		v.iov_base = evbuffer_pullup(in, -1);
		v.iov_len = evbuffer_get_length(in);
		used = http_body_take(hr, v.iov_base, v.iov_len, &f);
	}
	if (used < 0)
		return refuse(c, &f);
	evbuffer_drain(in, (size_t)used);
	return used > 0;
}

/* A complete request goes to the handler when nothing before it forbids. */
static bool
dispatch(struct http_conn *c)
{
	struct http_request *hr = c->reading;
	struct http_server *s = c->server;

	if (!hr->safe && hr != TAILQ_FIRST(&c->queue))
		return false;
	c->reading = NULL;
	c->moved = true;
	c->unsafe = !hr->safe;
	c->closing = !hr->keep_alive;
	hr->dispatched = true;
	s->stats.busy++;
	s->stats.requests++;
	s->handler(hr, s->arg);
	return true;
}

static bool
take_step(struct http_conn *c)
{
	if (c->reading)
		return c->reading->complete ? dispatch(c) : take_body(c);
	return may_begin(c) && take_head(c);
}

/* Nothing more will come: what is incomplete stays so. */
static void
take_eof(struct http_conn *c)
{
	static const struct http_fault cut = { 400, "the request ended too early" };
	bool partial = c->reading ? !c->reading->complete
				  : evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;

	if (partial && (c->reading || may_begin(c)))
		http_conn_refuse(c, &cut);
}

static void
take(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	while (!c->closing && take_step(c))
		;
	if (c->eof && !c->closing)
		take_eof(c);
	if (c->closing)
		evbuffer_drain(in, evbuffer_get_length(in));
}

/* ---- letting out ---- */

struct evbuffer *
http_conn_output(struct http_request *hr)
{
	if (hr == TAILQ_FIRST(&hr->conn->queue))
		return bufferevent_get_output(hr->conn->bev);
	if (!hr->out && !(hr->out = evbuffer_new()))
		abort();	/* out of memory */
	return hr->out;
}

static void
release(struct http_conn *c, struct http_request *hr)
{
	if (!hr->out)
		return;
	c->held -= evbuffer_get_length(hr->out);
	evbuffer_add_buffer(bufferevent_get_output(c->bev), hr->out);
	evbuffer_free(hr->out);
	hr->out = NULL;
}

void
http_conn_advance(struct http_conn *c)
{
	struct http_request *hr;

	while ((hr = TAILQ_FIRST(&c->queue))) {
		release(c, hr);
		if (!hr->done)
			return;
		TAILQ_REMOVE(&c->queue, hr, link);
		c->queued--;
		c->head_bytes -= hr->head_bytes;
		http_request_free(hr);
	}
}

/*
 * Sends directly; only what the socket does not take is left to the bufferevent. Writing is
 * disabled there otherwise, which saves three system calls for each answer.
 */
static void
flush(struct http_conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->writing || evbuffer_get_length(out) == 0)
		return;
	evbuffer_unfreeze(out, 1);
	int n = evbuffer_write(out, bufferevent_getfd(c->bev));
	evbuffer_freeze(out, 1);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->dead = true;
	else if (evbuffer_get_length(out) > 0) {
		c->writing = true;
		bufferevent_enable(c->bev, EV_WRITE);
	}
}

/* A stream that waits for room is told on a later turn: one fast client shall not hold the loop. */
static void
note_drained(struct http_conn *c)
{
	static const struct timeval now = { 0, 0 };
	struct http_request *hr = TAILQ_FIRST(&c->queue);

	if (!hr || !hr->drain_cb || c->drained || unsent(c) > HTTP_LOW_WATER)
		return;
	c->drained = true;
	TAILQ_INSERT_TAIL(&c->server->drained, c, in_drained);
	evtimer_add(c->server->drained_event, &now);
}

/* ---- what to wait for ---- */

static enum http_phase
choose_phase(const struct http_conn *c)
{
	bool first = TAILQ_EMPTY(&c->queue);

	if (c->shut)
		return PHASE_LINGER;
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return PHASE_WRITE;
	if (c->reading && c->reading == TAILQ_FIRST(&c->queue) && !c->reading->complete)
		return PHASE_BODY;
	if (!first)
		return PHASE_BUSY;
	return evbuffer_get_length(bufferevent_get_input(c->bev)) > 0 ? PHASE_HEAD : PHASE_IDLE;
}

/* Reading goes on while a request waits, to see the client leave, but only as far as one piece. */
static void
choose_reading(struct http_conn *c)
{
	bool full = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0 &&
	    ((c->reading && c->reading->complete) || (!c->reading && !may_begin(c)));
	bool on = bufferevent_get_enabled(c->bev) & EV_READ;

	if (full == on && !c->eof) {
		if (full)
			bufferevent_disable(c->bev, EV_READ);
		else
			bufferevent_enable(c->bev, EV_READ);
	}
}

/* The last answer is out: no more from us, and the client may close in peace. */
static void
finish(struct http_conn *c)
{
	bool over = (c->closing || c->eof) && TAILQ_EMPTY(&c->queue) &&
	    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
	struct http_request *first = TAILQ_FIRST(&c->queue);

	if (c->eof && (over || (first && first->streaming)))
		c->dead = true;
	else if (over && !c->shut) {
		c->shut = true;
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	}
}

static void
settle(struct http_conn *c)
{
	if (!c->dead)
		finish(c);
	if (c->dead) {
		http_conn_free(c);
		return;
	}
	c->unread = evbuffer_get_length(bufferevent_get_input(c->bev));
	choose_reading(c);
	http_server_phase(c, choose_phase(c));
	c->moved = false;
}

void
http_conn_run(struct http_conn *c)
{
	if (c->due)
		TAILQ_REMOVE(&c->server->due, c, in_due);
	c->due = false;
	c->running = true;
	take(c);
	flush(c);
	note_drained(c);
	c->running = false;
	settle(c);
}

void
http_conn_due(struct http_conn *c)
{
	if (c->due || c->running)
		return;
	c->due = true;
	TAILQ_INSERT_TAIL(&c->server->due, c, in_due);
	event_active(c->server->due_event, EV_TIMEOUT, 0);
}

/* ---- refusing, and deadlines ---- */

void
http_conn_refuse(struct http_conn *c, const struct http_fault *f)
{
	struct http_request *hr = c->reading ? c->reading : http_request_new(c->server, c);

	c->reading = NULL;
	c->closing = true;
	hr->keep_alive = false;
	http_reply_error(hr, f);
}

/* The connection is beyond rescue: the kernel shall not go on sending what it has. */
static void
abort_connection(struct http_conn *c)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	http_conn_free(c);
}

void
http_conn_expire(struct http_conn *c)
{
	static const struct http_fault late = { 408, "the request did not arrive in time" };

	switch (c->phase) {
	case PHASE_HEAD:
	case PHASE_BODY:
		c->server->stats.timeouts++;
		http_conn_refuse(c, &late);
		http_conn_run(c);
		break;
	case PHASE_WRITE:
		c->server->stats.timeouts++;
		abort_connection(c);
		break;
	default:
		http_conn_free(c);
	}
}

/* ---- events of the bufferevent ---- */

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	c->server->stats.bytes_in += evbuffer_get_length(bufferevent_get_input(bev)) - c->unread;
	http_conn_run(c);
}

/* Called after each piece the socket took. */
static void
on_write(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	c->moved = true;
	if (evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
		c->writing = false;
		bufferevent_disable(bev, EV_WRITE);
	}
	http_conn_run(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF)
		c->eof = true;
	else
		c->dead = true;
	http_conn_run(c);
}

/* ---- life ---- */

void
http_conn_new(struct http_server *s, evutil_socket_t fd, const struct sockaddr *peer,
    bool refuse_it)
{
	static const struct http_fault full = { 503, "too many connections" };
	struct http_conn *c = xcalloc(1, sizeof(*c));
	size_t len = peer->sa_family == AF_INET6 ? sizeof(c->peer.in6) : sizeof(c->peer.in);

	c->server = s;
	memcpy(&c->peer, peer, peer->sa_family == AF_UNIX ? sizeof(peer->sa_family) : len);
	TAILQ_INIT(&c->queue);
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev)
		abort();	/* out of memory */
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_WRITE, SIZE_MAX, 0);
	bufferevent_disable(c->bev, EV_WRITE);
	bufferevent_enable(c->bev, EV_READ);
	c->phase = PHASE_IDLE;
	TAILQ_INSERT_TAIL(&s->phases[c->phase], c, in_phase);
	c->moved = true;
	s->stats.connections++;
	if (refuse_it)
		http_conn_refuse(c, &full);
	settle(c);
}

/* The handler still owes an answer that nobody will get. */
static void
orphan(struct http_server *s, struct http_request *hr)
{
	http_callback *cb = hr->close_cb;

	http_peer(hr);	/* while it is known: the log may ask */
	hr->conn = NULL;
	hr->close_cb = hr->drain_cb = NULL;
	TAILQ_INSERT_TAIL(&s->orphans, hr, link);
	s->stats.abandoned++;
	if (cb)
		cb(hr, hr->close_arg);
}

void
http_conn_free(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_request *hr;

	TAILQ_REMOVE(&s->phases[c->phase], c, in_phase);
	if (c->due)
		TAILQ_REMOVE(&s->due, c, in_due);
	if (c->drained)
		TAILQ_REMOVE(&s->drained, c, in_drained);
	bufferevent_free(c->bev);
	s->stats.connections--;
	while ((hr = TAILQ_FIRST(&c->queue))) {
		TAILQ_REMOVE(&c->queue, hr, link);
		if (hr->dispatched && !hr->done)
			orphan(s, hr);
		else
			http_request_free(hr);
	}
	free(c);
}
