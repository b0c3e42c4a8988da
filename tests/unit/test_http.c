/* The HTTP server as its clients see it: order, connections that end, limits, deadlines. */
#include "http_test.h"

#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path, body_len, body) \
	"POST " path " HTTP/1.1\r\n" HOST "Content-Length: " body_len "\r\n\r\n" body

static struct http_limits
hasty(void)
{
	struct http_limits l = http_limits_default;

	l.idle_ms = l.header_ms = l.body_ms = l.write_ms = l.linger_ms = l.drain_ms = 60;
	return l;
}

static void
assert_in_order(const struct client *c, const char *const *parts, size_t n)
{
	assert_soon(strstr(c->got, parts[n - 1]));
	const char *at = c->got;
	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(at, parts[i]);
		if (!found)
			fail_msg("%s is missing or out of order in: %s", parts[i], c->got);
		at = found + strlen(parts[i]);
	}
}

/* ---- segmentation ---- */

static const char *const streams[] = {
	GET("/a?x=1") GET("/b"),
	POST("/a", "5", "hello") GET("/b"),
	"\r\n" POST("/a", "0", "") "\r\n" GET("/b"),
	"POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	"5;x=\"y\"\r\nhello\r\n0006\r\n world\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n" GET("/b"),
	"HEAD /a HTTP/1.1\r\n" HOST "\r\n" GET("/b"),
	"GET http://example.org:80/a?b HTTP/1.1\r\n" HOST "\r\nDELETE /c HTTP/1.0\r\n\r\n",
	GET("/a") "GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/c"),
	POST("/a", "2", "{}") "POST /b HTTP/1.1\r\n" HOST
	"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n" GET("/c"),
	"POST /b HTTP/1.1\r\n" HOST "X-A: b\r\n Content-Length: 2\r\n\r\n{}" GET("/c"),
	"BREW /pot HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET("/c"),
};

static void
deliver(const char *text, size_t at, size_t expected, char *ret_got)
{
	struct client *c = dial(0);

	say(c, text, at);
	say_text(c, text + at);
	assert_soon(c->len >= expected);
	pump();
	normalise(c->got);
	strcpy(ret_got, c->got);
}

static void
pieces_do_not_matter(void **state)
{
	static char whole[1 << 16], pieces[1 << 16];

	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(streams); i++) {
		deliver(streams[i], strlen(streams[i]), 1, whole);
		usleep(20000);
		pump();
		size_t expected = clients[0].len;
		deliver(streams[i], strlen(streams[i]), expected, whole);
		for (size_t at = 1; at < strlen(streams[i]); at++) {
			deliver(streams[i], at, expected, pieces);
			assert_string_equal(pieces, whole);
		}
		struct client *c = dial(0);
		for (const char *p = streams[i]; *p; p++)
			say(c, p, 1);
		assert_soon(c->len >= expected);
		normalise(c->got);
		assert_string_equal(c->got, whole);
	}
	stop();
}

/* ---- order ---- */

static void
answers_keep_the_order_of_requests(void **state)
{
	static const char *const expected[] = { "/hold1", "/hold2", "/c", "/d" };

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/hold1") GET("/hold2") GET("/c") "HEAD /x HTTP/1.1\r\n" HOST "\r\n"
		    GET("/d"));
	assert_soon(nhandled == 5);	/* GET and HEAD overlap */
	assert_int_equal(c->len, 0);
	echo(held[1]);
	pump();
	assert_int_equal(c->len, 0);
	echo(held[0]);
	pump();
	assert_soon(answers(c) == 5);
	assert_in_order(c, expected, 4);
	stop();
}

static void
a_post_runs_alone(void **state)
{
	static const char *const expected[] = { "/hold1", "/hold2", "/c" };

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/hold1") POST("/hold2", "2", "{}") GET("/c"));
	assert_soon(nhandled == 1);
	echo(held[0]);
	pump();
	assert_soon(nhandled == 2);
	echo(held[1]);
	pump();
	assert_soon(nhandled == 3);
	assert_in_order(c, expected, 3);
	stop();
}

static void
the_pipeline_is_bounded(void **state)
{
	struct http_limits limits = http_limits_default;

	(void)state;
	limits.pipeline = 4;
	start(&limits);
	struct client *c = dial(0);
	for (int i = 0; i < 10; i++)
		say_text(c, GET("/hold"));
	assert_soon(nhandled == 4);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(i < nheld);
		echo(held[i]);
		pump();
	}
	assert_soon(answers(c) == 10);
	assert_soon(http_server_stats(server)->busy == 0);
	stop();
}

static void
an_error_waits_for_what_is_owed(void **state)
{
	static const char *const expected[] = { " 200 ", "/hold", " 400 ", "Connection: close" };

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/hold") "GET x HTTP/1.1\r\n" HOST "\r\n" GET("/c"));
	assert_int_equal(c->len, 0);
	echo(held[0]);
	pump();
	assert_in_order(c, expected, 4);
	assert_soon(answers(c) == 2);
	assert_soon(c->closed);
	stop();
}

/* ---- clients that leave ---- */

static void
reset_connection(struct client *c)
{
	struct linger none = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(c->fd);
	c->fd = -1;
	pump();
}

static void
a_client_that_resets_is_noticed(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/hold") GET("/hold"));
	reset_connection(c);
	assert_soon(nclosed == 2);
	assert_true(http_client_gone(held[0]));
	assert_string_equal(http_peer(held[0]), "127.0.0.1");
	assert_soon(http_server_stats(server)->busy == 2);
	echo(held[1]);
	echo(held[0]);
	assert_soon(http_server_stats(server)->busy == 0);
	assert_soon(http_server_stats(server)->connections == 0);
	assert_soon(http_server_stats(server)->abandoned == 2);
	stop();
}

static void
leaving_anywhere_harms_nobody(void **state)
{
	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(streams); i++)
		for (size_t at = 0; at < strlen(streams[i]); at++) {
			struct client *c = dial(0);
			say(c, streams[i], at);
			if (at % 2)
				reset_connection(c);
		}
	close(clients[0].fd);
	clients[0].fd = -1;
	pump();
	assert_soon(http_server_stats(server)->connections == 0);
	assert_soon(http_server_stats(server)->busy == 0);
	stop();
}

static void
a_half_closed_client_is_answered(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/a") GET("/hold"));
	shutdown(c->fd, SHUT_WR);
	pump();
	assert_false(c->closed);
	echo(held[0]);
	pump();
	assert_soon(answers(c) == 2);
	assert_soon(c->closed);

	c = dial(0);
	say_text(c, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel");
	shutdown(c->fd, SHUT_WR);
	pump();
	assert_soon(first_status(c) == 400);
	assert_soon(c->closed);
	stop();
}

static void
requests_outlive_the_server(void **state)
{
	(void)state;
	start(NULL);
	say_text(dial(0), GET("/hold"));
	struct http_request *hr = held[0];
	stop();
	assert_soon(nclosed == 1);
	echo(hr);
}

/* ---- limits and deadlines ---- */

static void
connections_are_capped(void **state)
{
	struct http_limits limits = http_limits_default;

	(void)state;
	limits.connections = 1;
	start(&limits);
	struct client *a = dial(0), *b;
	say_text(a, GET("/a"));
	b = dial(1);
	say_text(b, GET("/b"));
	assert_soon(first_status(b) == 503);
	assert_non_null(strstr(b->got, "Retry-After: "));
	assert_soon(b->closed);
	assert_soon(http_server_stats(server)->overload == 1);
	say_text(a, GET("/c"));
	assert_soon(answers(a) == 2);
	stop();
}

static size_t
little(struct http_request *hr, void *arg)
{
	(void)arg;
	return strcmp(http_path(hr), "/large") == 0 ? 2000000 : 10;
}

static void
body_of(struct client *c, const char *path, size_t n, bool chunked)
{
	char *text = test_malloc(n + 512), *p = text;

	p += sprintf(p, "POST %s HTTP/1.1\r\n" HOST, path);
	p += chunked ? sprintf(p, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n)
		     : sprintf(p, "Content-Length: %zu\r\n\r\n", n);
	memset(p, 'x', n);
	p += n;
	p += chunked ? sprintf(p, "\r\n0\r\n\r\n") : 0;
	say(c, text, (size_t)(p - text));
	test_free(text);
}

static void
bodies_are_limited(void **state)
{
	(void)state;
	start(NULL);
	for (int chunked = 0; chunked < 2; chunked++) {
		body_of(dial(0), "/a", 1 << 20, chunked);
		assert_soon(first_status(&clients[0]) == 200);
		assert_non_null(strstr(clients[0].got, "1048576:xxx"));
		body_of(dial(0), "/a", (1 << 20) + 1, chunked);
		assert_soon(first_status(&clients[0]) == 413);
		assert_soon(clients[0].closed);
	}
	http_server_body_limit(server, little);
	body_of(dial(0), "/large", (1 << 20) + 1, true);
	assert_soon(first_status(&clients[0]) == 200);
	body_of(dial(0), "/small", 11, false);
	assert_soon(first_status(&clients[0]) == 413);
	body_of(dial(0), "/small", 10, true);
	assert_soon(first_status(&clients[0]) == 200);
	stop();
}

static void
bodies_together_are_limited(void **state)
{
	struct http_limits limits = http_limits_default;

	(void)state;
	limits.bodies_bytes = 100000;
	start(&limits);
	body_of(dial(0), "/hold", 60000, false);
	assert_soon(nheld == 1);
	body_of(dial(1), "/b", 60000, true);
	assert_soon(first_status(&clients[1]) == 503);
	assert_non_null(strstr(clients[1].got, "Retry-After: "));
	echo(held[0]);
	body_of(dial(1), "/b", 60000, true);
	assert_soon(first_status(&clients[1]) == 200);
	assert_soon(http_server_stats(server)->bodies_bytes == 0);
	stop();
}

static void
slow_requests_are_dropped(void **state)
{
	struct http_limits limits = hasty();

	(void)state;
	start(&limits);
	struct client *c = dial(0);
	assert_soon(c->closed);
	assert_int_equal(c->len, 0);	/* said nothing: told nothing */

	c = dial(0);
	say_text(c, "GET / HTTP/1.1\r\n");
	assert_soon(c->closed);
	assert_soon(first_status(c) == 408);

	c = dial(0);
	say_text(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
	assert_soon(c->closed);
	assert_soon(first_status(c) == 408);

	c = dial(0);
	say_text(c, GET("/a"));
	assert_false(c->closed);
	assert_soon(c->closed);
	assert_soon(answers(c) == 1);
	stop();
}

static void
a_drip_does_not_earn_time(void **state)
{
	struct http_limits limits = hasty();

	(void)state;
	start(&limits);
	struct client *c = dial(0);
	say_text(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n\r\n");
	for (int i = 0; i < 1000 && !c->closed; i++) {
		say_text(c, "x");
		usleep(5000);
	}
	assert_soon(first_status(c) == 408);
	stop();
}

static void
answers_that_are_not_taken_are_dropped(void **state)
{
	struct http_limits limits = hasty();
	static char large[1 << 24];

	(void)state;
	start(&limits);
	struct client *c = dial(0);
	say_text(c, GET("/hold"));
	http_reply(held[0], 200, NULL, 0, large, sizeof(large));
	for (int i = 0; i < 1000 && http_server_stats(server)->connections > 0; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(5000);
	}
	assert_soon(http_server_stats(server)->connections == 0);
	assert_soon(http_server_stats(server)->timeouts == 1);
	stop();
}

/* ---- winding down ---- */

static void
drain_lets_everyone_finish(void **state)
{
	struct http_limits limits = http_limits_default;
	struct client *idle, *busy;

	(void)state;
	limits.drain_ms = 20;
	start(&limits);
	idle = dial(0);
	busy = dial(1);
	say_text(idle, GET("/a"));
	say_text(busy, GET("/hold"));
	http_server_drain(server);
	assert_soon(idle->closed);
	assert_false(busy->closed);
	echo(held[0]);
	assert_soon(busy->closed);
	assert_non_null(strstr(busy->got, "Connection: close"));
	assert_soon(http_server_stats(server)->busy == 0);
	stop();
}

static void
waiting_connections_survive_drain(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);	/* in the backlog: the loop has not turned */
	http_server_drain(server);
	say_text(c, GET("/a"));
	assert_soon(first_status(c) == 200);
	assert_soon(c->closed);
	stop();
}

static void
retired_connections_end_with_their_answer(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, GET("/a"));
	assert_false(c->closed);
	http_server_retire(server);
	say_text(c, GET("/hold") GET("/b"));
	echo(held[0]);
	pump();
	assert_soon(answers(c) == 3);
	assert_soon(c->closed);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(answers_keep_the_order_of_requests),
		cmocka_unit_test(a_post_runs_alone),
		cmocka_unit_test(the_pipeline_is_bounded),
		cmocka_unit_test(an_error_waits_for_what_is_owed),
		cmocka_unit_test(a_client_that_resets_is_noticed),
		cmocka_unit_test(leaving_anywhere_harms_nobody),
		cmocka_unit_test(a_half_closed_client_is_answered),
		cmocka_unit_test(requests_outlive_the_server),
		cmocka_unit_test(connections_are_capped),
		cmocka_unit_test(bodies_are_limited),
		cmocka_unit_test(bodies_together_are_limited),
		cmocka_unit_test(slow_requests_are_dropped),
		cmocka_unit_test(a_drip_does_not_earn_time),
		cmocka_unit_test(answers_that_are_not_taken_are_dropped),
		cmocka_unit_test(drain_lets_everyone_finish),
		cmocka_unit_test(waiting_connections_survive_drain),
		cmocka_unit_test(retired_connections_end_with_their_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
