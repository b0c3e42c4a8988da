/* One GET; see http_get.h. */
#include "http_get.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <llhttp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "curl_loop.h"
#include "error.h"
#include "fiber.h"
#include "request.h"
#include "work.h"

static struct event_base *event_base;

void
http_get_init(struct event_base *base)
{
	event_base = base;
}

struct target {
	char *host, *port;
	const char *authority;	/* as written, for the Host header */
	const char *path;	/* with query; begins with '/' */
};

/* http://host[:port][/path]; an IPv6 address stands in brackets. No user:password@. */
static int
parse_url(struct arena *a, const char *url, struct target *ret)
{
	const char *at = url + strlen("http://"), *path = at + strcspn(at, "/?#");
	char *authority = arena_strndup(a, at, (size_t)(path - at)), *colon, *close;

	if (authority[0] == '\0' || strpbrk(authority, "@ \t\r\n") != NULL || *path == '?' ||
	    strpbrk(path, "# \t\r\n") != NULL)
		return -1;
	ret->authority = authority;
	ret->path = *path == '\0' ? "/" : path;
	ret->host = arena_strdup(a, authority);
	close = ret->host[0] == '[' ? strchr(ret->host, ']') : NULL;
	colon = strchr(close != NULL ? close : ret->host, ':');
	ret->port = colon != NULL ? colon + 1 : arena_strdup(a, "80");
	if (colon != NULL)
		*colon = '\0';
	if (close != NULL) {
		*close = '\0';
		ret->host++;
	}
	return ret->host[0] != '\0' && ret->port[0] != '\0' &&
	    ret->port[strspn(ret->port, "0123456789")] == '\0' ? 0 : -1;
}

/* ---- the name, on the work pool: getaddrinfo may block for seconds ---- */

/* Of its own memory alone: it may go on when the daemon has ended. */
struct lookup {
	char *host, *port;
	struct addrinfo *found;
	int flags, result;
};

static void
look_up(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = l->flags };

	l->result = getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void
free_addresses(void *found)
{
	freeaddrinfo(found);
}

/* 0, or what getaddrinfo() gave; *ret_found is then untouched. */
static int
look_up_name(const struct target *t, struct addrinfo **ret_found)
{
	struct request *rq = request_new(NULL);
	struct lookup *l = xcalloc(1, sizeof(*l));
	int result;

	*l = (struct lookup){ .host = xstrdup(t->host), .port = xstrdup(t->port),
		.flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	result = work_run_blocking(rq, look_up, l) < 0 ? EAI_AGAIN : l->result;
	request_free(rq);
	if (result == 0)
		*ret_found = l->found;
	free(l->host);
	free(l->port);
	free(l);
	return result;
}

/* A numeric address needs no thread. */
static struct addrinfo *
resolve(struct arena *a, const struct target *t, struct error *e)
{
	struct lookup numeric = { .host = t->host, .port = t->port, .flags = AI_NUMERICHOST | AI_NUMERICSERV };
	int result;

	look_up(&numeric);
	result = numeric.result == 0 ? 0 : look_up_name(t, &numeric.found);
	if (result != 0) {
		error_set(e, ERR_UNAVAILABLE, "its host name is not known (%s)", gai_strerror(result));
		return NULL;
	}
	arena_own(a, numeric.found, free_addresses);
	return numeric.found;
}

/* ---- the exchange ---- */

struct exchange {
	struct fiber *fiber;
	llhttp_t parser;
	struct buf body;
	size_t max;
	bool done;
	const char *failure;	/* NULL once a whole answer arrived */
};

static void
finish(struct exchange *x, const char *failure)
{
	if (x->done)
		return;
	x->done = true;
	x->failure = failure;
	fiber_wake(x->fiber);
}

static int
on_body(llhttp_t *parser, const char *data, size_t len)
{
	struct exchange *x = parser->data;

	if (len > x->max - x->body.len) {
		finish(x, "its answer is too long");
		return HPE_USER;
	}
	buf_add(&x->body, data, len);
	return 0;
}

static int
on_complete(llhttp_t *parser)
{
	finish(parser->data, NULL);
	return HPE_PAUSED;
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	struct exchange *x = arg;
	enum llhttp_errno result;

	if (x->done)
		return;
	result = llhttp_execute(&x->parser, (const char *)evbuffer_pullup(in, -1), n);
	evbuffer_drain(in, n);
	if (result != HPE_OK && !x->done)
		finish(x, "its answer is no HTTP");
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct exchange *x = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) && llhttp_finish(&x->parser) == HPE_OK && !x->done)
		finish(x, "it closed the connection early");
	else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		finish(x, "it cannot be reached");
}

static void
send_request(struct bufferevent *bev, const struct target *t)
{
	evbuffer_add_printf(bufferevent_get_output(bev),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\nUser-Agent: nxtgauge\r\n"
	    "Connection: close\r\n\r\n", t->path, t->authority);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* Tries one address; the answer's status, or -1 with x->failure. */
static int
exchange(struct exchange *x, const struct addrinfo *address, const struct target *t,
    int64_t deadline_ms)
{
	llhttp_settings_t settings;
	struct bufferevent *bev = bufferevent_socket_new(event_base, -1, BEV_OPT_CLOSE_ON_FREE);

	llhttp_settings_init(&settings);
	settings.on_body = on_body;
	settings.on_message_complete = on_complete;
	llhttp_init(&x->parser, HTTP_RESPONSE, &settings);
	x->parser.data = x;
	x->fiber = fiber_self();
	x->done = false;
	bufferevent_setcb(bev, on_readable, NULL, on_event, x);
	if (bufferevent_socket_connect(bev, address->ai_addr, (int)address->ai_addrlen) < 0)
		finish(x, "it cannot be reached");
	else
		send_request(bev, t);
	while (!x->done) {
		int64_t left = deadline_ms - clock_mono_ms();
		enum fiber_wake w = fiber_park("GET", left > 0 ? (int)left : 0);
		if (w == FIBER_TIMEOUT)
			finish(x, "it does not answer in time");
		else if (w == FIBER_CANCELLED)
			finish(x, "the process stops");
	}
	bufferevent_free(bev);
	return x->failure == NULL ? x->parser.status_code : -1;
}

static char *
get_plain(struct arena *a, const char *url, size_t max, int timeout_ms, struct error *e)
{
	int64_t deadline_ms = clock_mono_ms() + timeout_ms;
	struct exchange x = { .max = max, .failure = "it has no address" };
	struct target target;
	struct addrinfo *address;
	int status = -1;

	if (parse_url(a, url, &target) < 0) {
		error_set(e, ERR_BAD_REQUEST, "the URL is malformed");
		return NULL;
	}
	address = resolve(a, &target, e);
	if (address == NULL)
		return NULL;
	for (; address != NULL && status < 0 && clock_mono_ms() < deadline_ms; address = address->ai_next) {
		buf_init(&x.body, a, 1024);
		status = exchange(&x, address, &target, deadline_ms);
	}
	if (status == 200)
		return x.body.text;
	if (status < 0)
		error_set(e, ERR_UNAVAILABLE, "%s", x.failure);
	else
		error_set(e, ERR_UNAVAILABLE, "it answered with status %d", status);
	return NULL;
}

/* ---- https ---- */

static size_t
take_bytes(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (size * n > x->max - x->body.len)
		return 0;	/* ends the transfer with CURLE_WRITE_ERROR */
	buf_add(&x->body, data, size * n);
	return size * n;
}

static char *
get_by_curl(struct arena *a, const char *url, size_t max, int timeout_ms, struct error *e)
{
	CURL *easy = curl_easy_init();
	struct exchange x = { .max = max };
	long status = 0;

	if (easy == NULL)
		abort();
	arena_own(a, easy, curl_easy_cleanup);
	buf_init(&x.body, a, 1024);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &x);
	if (curl_fetch(easy, timeout_ms, e) < 0)
		return NULL;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return x.body.text;
	error_set(e, ERR_UNAVAILABLE, "it answered with status %ld", status);
	return NULL;
}

char *
http_get(struct arena *a, const char *url, size_t max, int timeout_ms, struct error *e)
{
	if (strncmp(url, "http://", 7) == 0)
		return get_plain(a, url, max, timeout_ms, e);
	if (strncmp(url, "https://", 8) == 0)
		return get_by_curl(a, url, max, timeout_ms, e);
	error_set(e, ERR_BAD_REQUEST, "the URL must begin with http:// or https://");
	return NULL;
}
