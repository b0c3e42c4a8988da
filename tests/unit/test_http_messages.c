/* What the HTTP server takes, what it refuses and with which status, and what answers look like. */
#include "http_test.h"

#define START "POST /p HTTP/1.1\r\n" HOST
#define GET_START "GET /g HTTP/1.1\r\n" HOST
#define CODING "Transfer-Encoding: chunked\r\n"
#define CHUNKED START CODING "\r\n"
#define SMUGGLED "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X100 X50 X50
#define X1100 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

struct refusal {
	int status;
	const char *text;
	size_t len;	/* 0: to the first NUL */
};

/* Each is answered once with this status, then the connection ends: what follows is not read. */
static const struct refusal refusals[] = {
	/* two opinions of one length */
	{ 400, START "Content-Length: 2\r\nContent-Length: 44\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, START "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, START "Content-Length: 2, 2\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, START "Content-Length: 4\r\n" CODING "\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, START CODING "Content-Length: 4\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, START "X-A: b\r\n Content-Length: 2\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, START "X-A: b\r\n\tContent-Length: 2\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, START "Content-Length : 2\r\n\r\n{}" SMUGGLED, 0 },
	{ 400, "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	/* lengths that are none */
	{ 400, START "Content-Length: +2\r\n\r\n{}", 0 },
	{ 400, START "Content-Length: -1\r\n\r\n{}", 0 },
	{ 400, START "Content-Length: 0x2\r\n\r\n{}", 0 },
	{ 400, START "Content-Length: 2 2\r\n\r\n{}", 0 },
	{ 400, START "Content-Length:\r\n\r\n{}", 0 },
	{ 400, START "Content-Length: 99999999999999999999\r\n\r\n{}", 0 },
	{ 400, START "Content-Length: 18446744073709551618\r\n\r\n{}", 0 },
	{ 413, START "Content-Length: 1048577\r\n\r\n{}", 0 },
	{ 413, START "Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n", 0 },
	/* codings */
	{ 501, START "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 501, START "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 501, START "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 501, START "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 501, START "Transfer-Encoding: identity\r\n\r\n" SMUGGLED, 0 },
	{ 501, START "Transfer-Encoding:\r\n\r\n" SMUGGLED, 0 },
	{ 501, START CODING CODING "\r\n0\r\n\r\n", 0 },
	{ 400, START "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" SMUGGLED, 0 },
	/* chunks */
	{ 400, CHUNKED "0x2\r\n{}\r\n0\r\n\r\n", 0 },
	{ 400, CHUNKED "-2\r\n{}\r\n0\r\n\r\n", 0 },
	{ 400, CHUNKED " 2\r\n{}\r\n0\r\n\r\n", 0 },
	{ 400, CHUNKED "2 \r\n{}\r\n0\r\n\r\n", 0 },
	{ 400, CHUNKED "\r\n{}\r\n0\r\n\r\n", 0 },
	{ 400, CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n", 0 },
	{ 413, CHUNKED "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", 0 },
	{ 413, CHUNKED "2\r\n{}\r\n100000\r\n", 0 },
	{ 400, CHUNKED "2\r\n{}xx\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "5\r\n{}\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "2\n{}\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "2\r{}\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "2\r\n{}\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "2;a\nb\r\n{}\r\n0\r\n\r\n" SMUGGLED, 0 },
	{ 400, CHUNKED "2;" X1100, 0 },
	{ 400, CHUNKED "2\r\n{}\r\n0\r\nX Y: 1\r\n\r\n", 0 },
	{ 400, CHUNKED "2\r\n{}\r\n0\r\nX: 1\r\n y\r\n\r\n", 0 },
	{ 400, CHUNKED "2\r\n{}\r\n0\r\nX: 1\n\r\n", 0 },
	{ 400, CHUNKED "2\r\n{}\r\n0\r\nno colon\r\n\r\n", 0 },
	/* header lines */
	{ 400, GET_START "NoColon\r\n\r\n", 0 },
	{ 400, GET_START ": value\r\n\r\n", 0 },
	{ 400, GET_START "X(A): b\r\n\r\n", 0 },
	{ 400, GET_START "X A: b\r\n\r\n", 0 },
	{ 400, GET_START "X-A: a\rX-B: b\r\n\r\n", 0 },
	{ 400, GET_START "X-A: a\nX-B: b\r\n\r\n", 0 },
	{ 400, GET_START "X-A: a\x1b[0m\r\n\r\n", 0 },
	{ 400, GET_START "X-A: a\x7f\r\n\r\n", 0 },
	{ 400, GET_START "X-A: a\0b\r\n\r\n", sizeof(GET_START "X-A: a\0b\r\n\r\n") - 1 },
	{ 400, "GET /g HTTP/1.1\r\n " HOST "\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\nHost: localhost\n\n", 0 },
	{ 400, "GET /g HTTP/1.1\rHost: localhost\r\r", 0 },
	{ 417, START "Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 0 },
	/* Host */
	{ 400, "GET /g HTTP/1.1\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\n" HOST HOST "\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost:\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: a b\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: a, b\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: u@b\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: a/b\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: a:b\r\n\r\n", 0 },
	{ 400, "GET /g HTTP/1.1\r\nHost: [::1\r\n\r\n", 0 },
	{ 400, "GET http://localhost/g HTTP/1.1\r\n\r\n", 0 },
	/* request line */
	{ 505, "GET /g HTTP/2.0\r\n" HOST "\r\n", 0 },
	{ 505, "GET /g HTTP/1.2\r\n" HOST "\r\n", 0 },
	{ 505, "GET /g HTTP/0.9\r\n" HOST "\r\n", 0 },
	{ 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
	{ 400, "GET /g http/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g HTTP/1.10\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g\r\n", 0 },
	{ 400, "GET  /g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g  HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g HTTP/1.1 \r\n" HOST "\r\n", 0 },
	{ 400, "GET\t/g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GE(T /g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g\x7f HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g\xff HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /g#f HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET * HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET ftp://h/g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET http://u:p@h/g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET http:///g HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 501, "CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "\r\n\r\n\r\n\r\n\r\n" GET_START "\r\n", 0 },
	{ 400, "\x16\x03\x01\x02", 0 },
};

static void
each_refusal_has_its_status(void **state)
{
	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct client *c = dial(0);

		say(c, r->text, r->len ? r->len : strlen(r->text));
		assert_soon(c->closed);
		if (first_status(c) != r->status || answers(c) != 1)
			fail_msg("%d expected for: %s\n got %s", r->status, r->text, c->got);
		assert_non_null(strstr(c->got, "application/problem+json"));
		assert_non_null(strstr(c->got, "Connection: close"));
		assert_null(strstr(c->got, "/smuggled"));
	}
	assert_int_equal(nhandled, 0);
	assert_int_equal(http_server_stats(server)->refused, COUNT_OF(refusals));
	stop();
}

/* A repeated piece between two others. */
static void
say_many(struct client *c, const char *before, const char *piece, int times, const char *after)
{
	say_text(c, before);
	for (int i = 0; i < times && !c->closed; i++)
		say_text(c, piece);
	say_text(c, after);
	assert_soon(c->closed);
}

static void
what_never_ends_is_refused(void **state)
{
	static const struct {
		int status;
		const char *before, *piece;
		int times;
		const char *after;
	} endless[] = {
		{ 414, "GET /", X1100, 100, "" },
		{ 414, "G", X1100, 100, "" },
		{ 431, GET_START "X-A: ", X1100, 100, "" },
		{ 431, GET_START, X1100, 100, "" },
		{ 431, GET_START, "X: y\r\n", 100, "\r\n" },	/* Host is the first of 101 */
		{ 400, "", "\r\n", 100, "" },
		{ 400, CHUNKED "2;", X1100, 100, "" },
		{ 400, CHUNKED, "1;" X100 X100 X100 X100 X100 "\r\nx\r\n", 100, "0\r\n\r\n" },
		{ 431, CHUNKED "0\r\n", "X: " X100 "\r\n", 1000, "" },
		{ 431, CHUNKED "0\r\n", "X: y\r\n", 102, "" },
		{ 431, CHUNKED "0\r\nX:", X1100, 100, "" },
	};

	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(endless); i++) {
		struct client *c = dial(0);
		say_many(c, endless[i].before, endless[i].piece, endless[i].times,
		    endless[i].after);
		if (first_status(c) != endless[i].status || answers(c) != 1)
			fail_msg("%d expected for no. %zu, got %s", endless[i].status, i, c->got);
	}
	stop();
}

static void
requests_arrive_as_they_were_meant(void **state)
{
	static const struct {
		const char *text, *echo;
	} meant[] = {
		{ GET_START "\r\n", "[GET /g? 0:]" },
		{ "GET /a/../%2e?q=a%20b&c HTTP/1.1\r\n" HOST "\r\n",
		    "[GET /a/../%2e?q=a%20b&c 0:]" },
		{ "GET /a? HTTP/1.1\r\n" HOST "\r\n", "[GET /a? 0:]" },
		{ "GET HTTP://[::1]:80/a?b HTTP/1.1\r\n" HOST "\r\n", "[GET /a?b 0:]" },
		{ "GET https://h?b HTTP/1.1\r\n" HOST "\r\n", "[GET /?b 0:]" },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "[OPTIONS *? 0:]" },
		{ "OPTIONS http://h HTTP/1.1\r\n" HOST "\r\n", "[OPTIONS *? 0:]" },
		{ "BREW /pot HTTP/1.1\r\n" HOST "\r\n", "[BREW /pot? 0:]" },
		{ "get /g HTTP/1.1\r\n" HOST "\r\n", "[get /g? 0:]" },
		{ "GET /g HTTP/1.1\r\nhOST:\tlocalhost \t\r\n\r\n", "[GET /g? 0:]" },
		{ START "Content-Length: 002\r\n\r\n{}", "[POST /p? 2:{}]" },
		{ START "\r\n", "[POST /p? 0:]" },
		{ GET_START "Content-Length: 2\r\n\r\n{}", "[GET /g? 2:{}]" },
		{ START "Transfer-Encoding: CHUNKED\r\n\r\n0002\r\n{}\r\n00\r\n\r\n",
		    "[POST /p? 2:{}]" },
		{ CHUNKED "1;a=\"b\\\"\"\r\nx\r\n0\r\n\r\n", "[POST /p? 1:x]" },
		{ CHUNKED "1;a=b;c=\"d;e\"\r\n{\r\n1\r\n}\r\n0;f\r\nContent-MD5: x\r\n\r\n",
		    "[POST /p? 2:{}]" },
		{ GET_START "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "[GET /g? 0:]" },
		{ "GET /g HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "[GET /g? 0:]" },
	};

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	for (size_t i = 0; i < COUNT_OF(meant); i++) {
		c->len = 0;	/* one connection for all: each must leave it in step */
		say_text(c, meant[i].text);
		assert_soon(strstr(c->got, "\r\n\r\n["));
		if (strcmp(strstr(c->got, "\r\n\r\n[") + 4, meant[i].echo) != 0)
			fail_msg("%s gave %s", meant[i].text, c->got);
		assert_int_equal(first_status(c), 200);
	}
	stop();
}

static void
connections_end_when_asked(void **state)
{
	static const char *const last[] = {
		"GET /g HTTP/1.0\r\n\r\n",
		GET_START "Connection: close\r\n\r\n",
		GET_START "Connection: Upgrade, CLOSE\r\n\r\n",
		GET_START "Connection: keep-alive\r\nConnection: x,close\r\n\r\n",
		START "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
	};

	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(last); i++) {
		struct client *c = dial(0);
		say_text(c, last[i]);
		say_text(c, SMUGGLED);
		assert_soon(c->closed);
		assert_int_equal(answers(c), 1);
		assert_int_equal(first_status(c), 200);
		assert_non_null(strstr(c->got, "Connection: close\r\n"));
	}
	stop();
}

static void
headers_are_found(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, "GET /hold?x HTTP/1.1\r\n" HOST
		    "X-Empty:\r\nAUTHORIZATION:  Bearer a b \r\nX-Two: 1\r\nx-two: 2\r\n\r\n");
	struct http_request *hr = held[0];
	assert_string_equal(http_header(hr, "authorization"), "Bearer a b");
	assert_string_equal(http_header(hr, "x-empty"), "");
	assert_string_equal(http_header(hr, "x-two"), "1");
	assert_int_equal(http_header_count(hr, "x-two"), 2);
	assert_int_equal(http_header_count(hr, "authorization"), 1);
	assert_int_equal(http_header_count(hr, "x-three"), 0);
	assert_null(http_header(hr, "x-three"));
	assert_int_equal(http_method(hr), HTTP_M_GET);
	assert_string_equal(http_query(hr), "x");
	assert_string_equal(http_peer(hr), "127.0.0.1");
	echo(hr);
	stop();
}

static void
refusals_name_the_request(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, START "X-Request-Id: abc-1\r\nContent-Length: 3000000\r\n\r\n");
	assert_soon(first_status(c) == 413);
	assert_non_null(strstr(c->got, "X-Request-Id: abc-1\r\n"));
	assert_non_null(strstr(c->got, "\"request_id\":\"abc-1\""));
	c = dial(0);
	say_text(c, START "X-Request-Id: a\"b\r\nContent-Length: 3000000\r\n\r\n");
	assert_soon(first_status(c) == 413);
	assert_null(strstr(c->got, "a\"b"));
	stop();
}

static void
the_client_is_told_to_continue(void **state)
{
	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	say_text(c, START "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(c->len, 0);	/* not before the answer that is owed */
	echo(held[0]);
	assert_soon(strstr(c->got, "HTTP/1.1 100 Continue\r\n\r\n"));
	assert_int_equal(answers(c), 1);
	say_text(c, "{}");
	assert_soon(answers(c) == 2);
	assert_non_null(strstr(c->got, "[POST /p? 2:{}]"));

	c = dial(0);	/* no use in saying so when the body is there */
	say_text(c, START "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
	assert_soon(answers(c) == 1);
	assert_null(strstr(c->got, " 100 "));
	stop();
}

static void
some_answers_have_no_body(void **state)
{
	static const struct {
		const char *request;
		int status;
		const char *length;	/* the header expected, or NULL: none */
	} cases[] = {
		{ "HEAD /hold HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: 4\r\n" },
		{ "GET /hold HTTP/1.1\r\n" HOST "\r\n", 204, NULL },
		{ "GET /hold HTTP/1.1\r\n" HOST "\r\n", 304, NULL },
	};

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		c->len = 0;
		say_text(c, cases[i].request);
		http_reply(held[i], cases[i].status, NULL, 0, "body", 4);
		assert_soon(first_status(c) == cases[i].status);
		assert_string_equal(c->got + c->len - 4, "\r\n\r\n");
		const char *length = strstr(c->got, "Content-Length");
		assert_int_equal(length != NULL, cases[i].length != NULL);
		if (length)
			assert_memory_equal(length, cases[i].length, strlen(cases[i].length));
	}
	stop();
}

static void
a_header_stays_one_line(void **state)
{
	struct http_field evil = { "Location", "/a\r\nSet-Cookie: b\n\tc" };

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	http_reply(held[0], 201, &evil, 1, NULL, 0);
	assert_soon(strstr(c->got, "Location: /a  Set-Cookie: b \tc\r\n"));
	stop();
}

/* ---- streams ---- */

static unsigned drained;

static void
on_drain(struct http_request *hr, void *arg)
{
	(void)hr;
	(void)arg;
	drained++;
}

static void
streams_are_chunked(void **state)
{
	struct http_field field = { "Content-Type", "text/event-stream" };

	(void)state;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, "GET /hold HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
	http_reply_start(held[0], 200, &field, 1);
	assert_soon(strstr(c->got, "Transfer-Encoding: chunked\r\n"));
	assert_true(http_reply_chunk(held[0], "data: 1\n\n", 9) > 0);
	assert_soon(strstr(c->got, "\r\n\r\n9\r\ndata: 1\n\n\r\n"));
	http_reply_chunk(held[0], "", 0);	/* would end it: is nothing */
	http_reply_end(held[0]);
	assert_soon(strstr(c->got, "\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK"));

	c = dial(0);
	say_text(c, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	http_reply_start(held[1], 200, NULL, 0);
	http_reply_chunk(held[1], "abc", 3);
	http_reply_end(held[1]);
	assert_soon(c->closed);
	assert_string_equal(c->got + c->len - 7, "\r\n\r\nabc");

	c = dial(0);
	say_text(c, "HEAD /hold HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
	http_reply_start(held[2], 200, NULL, 0);
	http_reply_chunk(held[2], "abc", 3);
	http_reply_end(held[2]);
	assert_soon(answers(c) == 2);
	assert_null(strstr(c->got, "abc"));
	stop();
}

static void
streams_keep_step_with_the_client(void **state)
{
	static char block[1 << 16];
	int pending = 0, sent = 0;

	(void)state;
	drained = 0;
	start(NULL);
	struct client *c = dial(0);
	say_text(c, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	http_reply_start(held[0], 200, NULL, 0);
	http_on_drain(held[0], on_drain, NULL);
	for (; pending < 4 * HTTP_HIGH_WATER; sent++) {	/* c does not receive now */
		pending = http_reply_chunk(held[0], block, sizeof(block));
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	http_on_drain(held[0], on_drain, NULL);
	unsigned before = drained;
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(drained, before);
	for (int i = 0; i < 5000 && drained == before; i++) {
		receive(c);
		c->len = 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(drained, before + 1);
	shutdown(c->fd, SHUT_WR);	/* nobody reads a stream with half a connection */
	assert_soon(nclosed == 1);
	assert_int_equal(http_reply_chunk(held[0], "x", 1), -1);
	http_reply_end(held[0]);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_has_its_status),
		cmocka_unit_test(what_never_ends_is_refused),
		cmocka_unit_test(requests_arrive_as_they_were_meant),
		cmocka_unit_test(connections_end_when_asked),
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(refusals_name_the_request),
		cmocka_unit_test(the_client_is_told_to_continue),
		cmocka_unit_test(some_answers_have_no_body),
		cmocka_unit_test(a_header_stays_one_line),
		cmocka_unit_test(streams_are_chunked),
		cmocka_unit_test(streams_keep_step_with_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
