/* libcurl's multi interface on libevent; see curl_loop.h. */
#include "curl_loop.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

#include "error.h"
#include "fiber.h"

/* One running transfer; lives on the waiting fiber's stack, reached by CURLOPT_PRIVATE. */
struct transfer {
	struct fiber *fiber;
	CURL *easy;
	CURLcode code;
	bool done;
	struct transfer *next;
};

static struct {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct transfer *running;
} loop;

static void
finish(struct transfer *t, CURLcode code)
{
	t->code = code;
	t->done = true;
	fiber_wake(t->fiber);
}

static void
collect_finished(void)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(loop.multi, &left)) != NULL) {
		struct transfer *t = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		finish(t, m->data.result);
	}
}

static void
act(curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(loop.multi, fd, events, &running);
	collect_finished();
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	act(CURL_SOCKET_TIMEOUT, 0);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	(void)arg;
	act(fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

/* libcurl asks to be called after so many ms; -1: no more. */
static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	(void)multi;
	(void)arg;
	if (ms < 0)
		evtimer_del(loop.timer);
	else
		evtimer_add(loop.timer, &tv);
	return 0;
}

static void
drop_watch(curl_socket_t fd, struct event *watch)
{
	if (watch == NULL)
		return;
	curl_multi_assign(loop.multi, fd, NULL);
	event_free(watch);
}

/* libcurl asks to watch a socket; `old` is our event of it. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *old)
{
	struct event *watch;
	short events = EV_PERSIST;

	(void)easy;
	(void)arg;
	drop_watch(fd, old);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	watch = event_new(loop.base, fd, events, on_socket, NULL);
	event_add(watch, NULL);
	curl_multi_assign(loop.multi, fd, watch);
	return 0;
}

void
curl_loop_init(struct event_base *base)
{
	loop.base = base;
}

static void
start(void)
{
	if (loop.multi != NULL)
		return;
	if (loop.base == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (loop.multi = curl_multi_init()) == NULL)
		abort();
	loop.timer = evtimer_new(loop.base, on_timer, NULL);
	curl_multi_setopt(loop.multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(loop.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(loop.multi, CURLMOPT_MAXCONNECTS, 8L);
}

void
curl_loop_shutdown(void)
{
	for (struct transfer *t = loop.running; t != NULL; t = t->next)
		if (!t->done)
			finish(t, CURLE_ABORTED_BY_CALLBACK);
	if (loop.multi == NULL || loop.running != NULL)
		return;
	curl_multi_cleanup(loop.multi);
	event_free(loop.timer);
	curl_global_cleanup();
	loop.multi = NULL;
}

static void
forget(struct transfer *t)
{
	for (struct transfer **p = &loop.running; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			return;
		}
}

CURLcode
curl_run(CURL *easy, int timeout_ms)
{
	struct transfer t = { .fiber = fiber_self(), .easy = easy, .code = CURLE_OK };

	start();
	t.next = loop.running;
	loop.running = &t;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	if (curl_multi_add_handle(loop.multi, easy) != CURLM_OK) {
		t.code = CURLE_FAILED_INIT;
		t.done = true;
	}
	/* One wake means done; the rest are the deadline and cancellation. */
	while (!t.done) {
		enum fiber_wake w = fiber_park("outgoing transfer", timeout_ms);
		if (t.done || w == FIBER_DONE)
			continue;
		t.code = w == FIBER_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_ABORTED_BY_CALLBACK;
		t.done = true;
	}
	curl_multi_remove_handle(loop.multi, easy);
	forget(&t);
	return t.code;
}

int
curl_fetch(CURL *easy, int timeout_ms, struct error *e)
{
	CURLcode code = curl_run(easy, timeout_ms);

	if (code == CURLE_OK)
		return 0;
	return error_set(e, ERR_UNAVAILABLE, "%s", curl_easy_strerror(code));
}
