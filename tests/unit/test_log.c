/* Each line is one JSON object, whatever it speaks of, and tells no secret. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */
#include <jansson.h>

#include "clock.h"
#include "log.h"
#include "redact.h"
#include "request.h"

static int real_stderr;
static FILE *captured;

static int
capture(void **state)
{
	(void)state;
	captured = tmpfile();
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
	log_init("marketplace", LOG_L_INFO);
	return 0;
}

static int
release(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	fclose(captured);
	return 0;
}

/* The line written last, as an object; all that was written so far is consumed. */
static json_t *
last_line(void)
{
	static char text[65536];
	size_t n;
	json_t *line;

	rewind(captured);
	n = fread(text, 1, sizeof(text) - 1, captured);
	text[n] = '\0';
	if (ftruncate(fileno(captured), 0) < 0)
		abort();
	lseek(STDERR_FILENO, 0, SEEK_SET);
	if (n == 0)
		return NULL;
	assert_int_equal(text[n - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
	line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	return line;
}

static const char *
member(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static void
members(void **state)
{
	struct request *rq = request_new(NULL);
	json_t *line;

	(void)state;
	rq->request_id = "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
	rq->correlation_id = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
	log_line(LOG_L_WARN, rq, "job %d is \"late\"\n", 7);
	line = last_line();
	assert_string_equal(member(line, "level"), "warn");
	assert_string_equal(member(line, "service"), "marketplace");
	assert_string_equal(member(line, "msg"), "job 7 is \"late\"\n");
	assert_string_equal(member(line, "request_id"), rq->request_id);
	assert_string_equal(member(line, "correlation_id"), rq->correlation_id);
	assert_true(clock_parse(member(line, "time")) > 0);
	json_decref(line);
	request_free(rq);
}

static void
levels(void **state)
{
	(void)state;
	log_debug("quiet");
	assert_null(last_line());
	log_set_level(LOG_L_ERROR);
	log_warn("quiet");
	assert_null(last_line());
	assert_false(log_enabled(LOG_L_WARN));
	assert_true(log_enabled(LOG_L_ERROR));
	log_set_level(LOG_L_INFO);
}

static void
any_bytes(void **state)
{
	char *big = malloc(100001);
	json_t *line;

	(void)state;
	memset(big, '\x01', 100000);
	big[100000] = '\0';
	log_info("%s", big);
	json_decref(last_line());
	memset(big, '\xe2', 100000);
	log_info("%s", big);
	json_decref(last_line());
	for (int i = 0; i < 3000; i += 3)
		memcpy(big + i, "\xe2\x82\xb9", 3);
	big[3000] = '\0';
	log_info("%s", big);
	line = last_line();
	assert_null(strchr(member(line, "msg"), '?'));	/* cut between characters */
	json_decref(line);
	free(big);
}

static void
redaction(void **state)
{
	static const struct {
		const char *text, *masked;
	} samples[] = {
		{ "password=hunter22 ok", "password=*** ok" },
		{ "{\"password\":\"hun\\\"ter22\",\"a\":1}", "{\"password\":\"***\",\"a\":1}" },
		{ "Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***" },
		{ "authorization: basic YTpi", "authorization: basic ***" },
		{ "refresh_token=abcdef&x=1", "refresh_token=***&x=1" },
		{ "client_secret: abcdef", "client_secret: ***" },
		{ "password_hash = '$argon2id$v=19$x'", "password_hash = '***'" },
		{ "postgresql://nxt:s3cr3t@127.0.0.1:5432/nxt_audit", "postgresql://nxt:***@127.0.0.1:5432/nxt_audit" },
		{ "smtp://u:p@ss@host/", "smtp://u:***@host/" },
		{ "http://host:8101/a@b", "http://host:8101/a@b" },
		{ "got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln twice", "got *** twice" },
		{ "sent Bearer abcdefgh", "sent Bearer ***" },
		{ "token_stale for user 7", "token_stale for user 7" },
		{ "the token has expired", "the token has expired" },
		{ "password=", "password=" },
		{ "token=a", "token=*" },
		{ "", "" },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		snprintf(text, sizeof(text), "%s", samples[i].text);
		redact(text);
		assert_string_equal(text, samples[i].masked);
	}
}

static void
lines_are_redacted(void **state)
{
	json_t *line;

	(void)state;
	log_error("cannot connect to postgresql://a:topsecret@db/x: token=%s", "abcdefghij");
	line = last_line();
	assert_null(strstr(member(line, "msg"), "topsecret"));
	assert_null(strstr(member(line, "msg"), "abcdefghij"));
	json_decref(line);
}

#ifndef __SANITIZE_ADDRESS__	/* which tells of a crash by itself */
/* A daemon that dies says so, also where the stack is what it died of. */
static void
overflow(volatile int *depth)
{
	volatile char page[4096];

	page[0] = (char)++*depth;
	if (*depth > 0)
		overflow(depth);
	page[1] = page[0];
}

static void
a_crash_is_told(void **state)
{
	volatile int depth = 0;
	int status;
	json_t *line;

	(void)state;
	if (fork() == 0) {
		log_crashes();
		overflow(&depth);
	}
	assert_true(wait(&status) > 0 && WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	line = last_line();
	assert_string_equal(member(line, "msg"), "ended by signal 11, Segmentation fault");
	json_decref(line);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members, capture, release),
		cmocka_unit_test_setup_teardown(levels, capture, release),
		cmocka_unit_test_setup_teardown(any_bytes, capture, release),
		cmocka_unit_test(redaction),
		cmocka_unit_test_setup_teardown(lines_are_redacted, capture, release),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test_setup_teardown(a_crash_is_told, capture, release),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
