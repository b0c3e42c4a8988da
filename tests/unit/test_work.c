/* The work pool and outgoing GETs on the loop: fibers wait, the loop goes on, cancellation is safe. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#undef fail	/* ours refuses a request */

#include "clock.h"
#include "curl_loop.h"
#include "fiber.h"
#include "http_get.h"
#include "request.h"
#include "work.h"

static struct event_base *base;
static unsigned running;

static void
run_until_idle(void)
{
	fiber_run_ready();
	while (running > 0) {
		event_base_loop(base, EVLOOP_ONCE);
		fiber_run_ready();
	}
}

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	fiber_init(base);
	curl_loop_init(base);
	http_get_init(base);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	curl_loop_shutdown();
	work_shutdown();
	fiber_shutdown();
	event_base_free(base);
	return 0;
}

struct task {
	int in, out, result;
	int sleep_ms;
	enum error_code code;
};

static void
square(void *arg)
{
	struct task *t = arg;

	if (t->sleep_ms > 0)
		usleep((useconds_t)t->sleep_ms * 1000);
	t->out = t->in * t->in;
}

static void
worker(void *arg)
{
	struct task *t = arg, mine = *t;	/* on this fiber's stack, as callers do */
	struct request *rq = request_new(NULL);

	t->result = work_run(rq, square, &mine);
	t->out = mine.out;
	t->code = rq->problem.code;
	request_free(rq);
	running--;
}

static void
many_jobs(void **state)
{
	struct task tasks[200] = { 0 };

	(void)state;
	work_init(base, 3, 1000);
	for (int i = 0; i < 200; i++) {
		tasks[i].in = i;
		running++;
		fiber_start("test", worker, &tasks[i]);
	}
	run_until_idle();
	for (int i = 0; i < 200; i++) {
		assert_int_equal(tasks[i].result, 0);
		assert_int_equal(tasks[i].out, i * i);
	}
	assert_int_equal(work_queued(), 0);
}

/* A thread may run for the first time when the pool it was made for is over: it must not wait in the next one. */
static void
shutdown_ends_threads_that_have_hardly_begun(void **state)
{
	struct task tasks[3];

	(void)state;
	for (int round = 0; round < 300; round++) {
		memset(tasks, 0, sizeof(tasks));
		work_init(base, 3, 10);
		for (size_t i = 0; i < 3; i++) {
			running++;
			fiber_start("test", worker, &tasks[i]);
		}
		run_until_idle();
		work_shutdown();
	}
}

static void
full_queue(void **state)
{
	struct task tasks[10] = { 0 };
	int refused = 0;

	(void)state;
	work_init(base, 1, 4);
	for (int i = 0; i < 10; i++) {
		tasks[i].sleep_ms = 5;
		running++;
		fiber_start("test", worker, &tasks[i]);
	}
	run_until_idle();
	for (int i = 0; i < 10; i++)
		if (tasks[i].result < 0) {
			assert_int_equal(tasks[i].code, ERR_OVERLOADED);
			refused++;
		}
	assert_int_equal(refused, 5);	/* one works, four wait */
}

static struct fiber *victim;

static void
cancelled_worker(void *arg)
{
	struct task *t = arg;

	victim = fiber_self();
	running++;
	worker(t);
	t->code = fiber_park("after", 10000) == FIBER_CANCELLED ? ERR_TIMEOUT : ERR_NONE;
	running--;
}

static void
canceller(void *arg)
{
	(void)arg;
	fiber_sleep(5);
	fiber_cancel(victim);
	running--;
}

static void
cancellation_waits_for_the_job(void **state)
{
	struct task t = { .in = 7, .sleep_ms = 50 };

	(void)state;
	work_init(base, 1, 4);
	running += 2;
	fiber_start("victim", cancelled_worker, &t);
	fiber_start("canceller", canceller, NULL);
	run_until_idle();
	assert_int_equal(t.out, 49);
	assert_int_equal(t.code, ERR_TIMEOUT);	/* and took effect at the next park */
}

static void
without_fibers(void **state)
{
	struct task t = { .in = 3 };
	struct request *rq = request_new(NULL);

	(void)state;
	work_init(base, 1, 4);
	assert_int_equal(work_run(rq, square, &t), 0);
	assert_int_equal(t.out, 9);
	request_free(rq);
}

/* ---- what waits for something outside ---- */

#define HANGS 8	/* more than there are threads for such */

struct hang {
	int pipe[2];
	volatile bool began, ended;
};
static struct hang hangs[HANGS];	/* as a silent name server: until told */

static void
hang(void *arg)
{
	struct hang *h = arg;
	char byte;

	h->began = true;
	h->ended = read(h->pipe[0], &byte, 1) >= 0;
}

static void
hanging_worker(void *arg)
{
	work_run_blocking(NULL, hang, arg);
	running--;
}

static void
start_hanging(void)
{
	for (int i = 0; i < HANGS; i++) {
		hangs[i].began = hangs[i].ended = false;
		assert_int_equal(pipe(hangs[i].pipe), 0);
		fiber_start("hangs", hanging_worker, &hangs[i]);
	}
	fiber_run_ready();
}

static void
await(const volatile bool *flag)
{
	for (int i = 0; i < 5000 && !*flag; i++)
		usleep(1000);
	assert_true(*flag);
}

static void
let_go(void)
{
	for (int i = 0; i < HANGS; i++)
		close(hangs[i].pipe[1]);
}

static void
hashes_do_not_wait_behind_what_hangs(void **state)
{
	struct task t = { .in = 6 };

	(void)state;
	work_init(base, 1, 4);
	start_hanging();
	assert_int_equal(work_queued(), 0);
	running = 1;
	fiber_start("test", worker, &t);
	run_until_idle();
	assert_int_equal(t.result, 0);
	assert_int_equal(t.out, 36);
	running = HANGS;
	let_go();
	run_until_idle();
	for (int i = 0; i < HANGS; i++) {
		assert_true(hangs[i].ended);
		close(hangs[i].pipe[0]);
	}
}

static void
shutdown_does_not_wait_for_what_hangs(void **state)
{
	(void)state;
	work_init(base, 1, 4);
	start_hanging();
	await(&hangs[0].began);
	work_shutdown();
	assert_false(hangs[0].ended);
	let_go();
	await(&hangs[0].ended);	/* nobody hears of it, and nothing breaks */
	usleep(10000);
}

/* ---- outgoing GET ---- */

static int listener;
static const char *answer;	/* NULL: never answers */
static int connections[8], connection_count;

static void
on_data(evutil_socket_t fd, short what, void *arg)
{
	char request[4096];

	(void)what;
	(void)arg;
	if (read(fd, request, sizeof(request)) > 0 && answer != NULL &&
	    write(fd, answer, strlen(answer)) < 0)
		return;
	if (answer != NULL)
		shutdown(fd, SHUT_RDWR);
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	int client = accept(fd, NULL, NULL);

	(void)what;
	(void)arg;
	connections[connection_count++ % 8] = client;
	event_base_once(base, client, EV_READ, on_data, NULL, NULL);
}

static struct event *
serve(const char *text, char url[64])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	struct event *ev;

	answer = text;
	connection_count = 0;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	listen(listener, 8);
	getsockname(listener, (struct sockaddr *)&addr, &len);
	snprintf(url, 64, "http://127.0.0.1:%d/x", ntohs(addr.sin_port));
	ev = event_new(base, listener, EV_READ | EV_PERSIST, on_connection, NULL);
	event_add(ev, NULL);
	return ev;
}

static void
stop_serving(struct event *ev)
{
	event_free(ev);
	close(listener);
	for (int i = 0; i < connection_count; i++)
		close(connections[i]);
}

static bool by_curl;

struct fetching {
	const char *url;
	int timeout_ms;
	char got[256];
	struct error e;
	int64_t took_ms;
};

static size_t
take_bytes(char *data, size_t size, size_t n, void *arg)
{
	strncat(arg, data, size * n);
	return size * n;
}

/* What notify does with SMTP and finance with gateways: a handle of its own, run on the loop. */
static char *
get_by_curl(struct arena *a, struct fetching *f)
{
	CURL *easy = curl_easy_init();
	char *text = arena_alloc(a, 300);
	int result;

	curl_easy_setopt(easy, CURLOPT_URL, f->url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, text);
	result = curl_fetch(easy, f->timeout_ms, &f->e);
	curl_easy_cleanup(easy);
	return result < 0 ? NULL : text;
}

static void
fetcher(void *arg)
{
	struct fetching *f = arg;
	struct arena *a = arena_new();
	int64_t began = clock_mono_ms();
	char *text;

	victim = fiber_self();
	text = by_curl ? get_by_curl(a, f) : http_get(a, f->url, 200, f->timeout_ms, &f->e);
	f->took_ms = clock_mono_ms() - began;
	snprintf(f->got, sizeof(f->got), "%s", text != NULL ? text : "");
	arena_free(a);
	running--;
}

static struct fetching
fetch(const char *text, int timeout_ms, bool cancel)
{
	struct fetching f = { .timeout_ms = timeout_ms };
	char url[64];
	struct event *ev = serve(text, url);

	f.url = url;
	running++;
	fiber_start("fetch", fetcher, &f);
	if (cancel) {
		running++;
		fiber_start("canceller", canceller, NULL);
	}
	run_until_idle();
	stop_serving(ev);
	return f;
}

static void
outgoing(void **state)
{
	struct fetching f;

	(void)state;
	f = fetch("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5000, false);
	assert_string_equal(f.got, "hello");
	f = fetch("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", 5000, false);
	assert_string_equal(f.got, "");
	assert_non_null(strstr(f.e.text, "404"));
	f = fetch("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 5000, false);
	assert_non_null(strstr(f.e.text, "302"));
	f = fetch("HTTP/1.1 200 OK\r\n\r\n"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "x", 5000, false);
	assert_string_equal(f.got, "");	/* beyond `max` */
	f = fetch(NULL, 50, false);
	assert_int_equal(f.e.code, ERR_UNAVAILABLE);
	assert_in_range(f.took_ms, 45, 2000);
	f = fetch(NULL, 5000, true);
	assert_int_equal(f.e.code, ERR_UNAVAILABLE);
	assert_in_range(f.took_ms, 0, 2000);
}

static void
by_libcurl(void **state)
{
	struct fetching f;

	(void)state;
	by_curl = true;
	f = fetch("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5000, false);
	assert_string_equal(f.got, "hello");
	f = fetch("nonsense", 5000, false);
	assert_int_equal(f.e.code, ERR_UNAVAILABLE);
	f = fetch(NULL, 50, false);
	assert_in_range(f.took_ms, 45, 2000);
	f = fetch(NULL, 5000, true);
	assert_int_equal(f.e.code, ERR_UNAVAILABLE);
	assert_in_range(f.took_ms, 0, 2000);
	by_curl = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_jobs, setup, teardown),
		cmocka_unit_test_setup_teardown(shutdown_ends_threads_that_have_hardly_begun, setup, teardown),
		cmocka_unit_test_setup_teardown(full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(cancellation_waits_for_the_job, setup, teardown),
		cmocka_unit_test_setup_teardown(without_fibers, setup, teardown),
		cmocka_unit_test_setup_teardown(hashes_do_not_wait_behind_what_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(shutdown_does_not_wait_for_what_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(outgoing, setup, teardown),
		cmocka_unit_test_setup_teardown(by_libcurl, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
