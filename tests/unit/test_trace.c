/* W3C trace context: what is valid, what a child keeps, and the ids of a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "request.h"
#include "trace.h"
#include "uuid.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void
validity(void **state)
{
	static const char *const good[] = {
		GOOD, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
	};
	static const char *const bad[] = {
		"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01", GOOD " ", " " GOOD,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(traceparent_is_valid(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(traceparent_is_valid(bad[i]));
	assert_false(traceparent_is_valid(NULL));
}

static void
children(void **state)
{
	char child[TRACEPARENT_TEXT], other[TRACEPARENT_TEXT];

	(void)state;
	traceparent_child(GOOD, child);
	assert_true(traceparent_is_valid(child));
	assert_memory_equal(child, GOOD, 36);
	assert_true(memcmp(child + 36, GOOD + 36, 16) != 0);
	assert_string_equal(child + 52, "-01");
	traceparent_child("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe-x", child);
	assert_memory_equal(child, GOOD, 36);
	assert_string_equal(child + 52, "-00");
	traceparent_child(NULL, child);
	traceparent_child("nonsense", other);
	assert_true(traceparent_is_valid(child) && traceparent_is_valid(other));
	assert_true(memcmp(child, other, 36) != 0);
}

static void
request_ids(void **state)
{
	struct request *rq = request_new(NULL);
	char longest[200];

	(void)state;
	trace_from_http(rq, "0192F3C4-5D6E-7F80-9A1B-2C3D4E5F6071", GOOD);
	assert_string_equal(rq->request_id, "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
	assert_null(rq->request_ref);
	assert_string_equal(rq->correlation_id, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
	trace_from_http(rq, "order 77/b", NULL);
	assert_true(uuid_is_valid(rq->request_id));
	assert_string_equal(rq->request_ref, "order 77/b");
	assert_true(uuid_is_valid(rq->correlation_id));
	assert_true(traceparent_is_valid(rq->traceparent));
	trace_from_http(rq, "caf\xc3\xa9", "bad");
	assert_null(rq->request_ref);
	trace_from_http(rq, "", NULL);
	assert_null(rq->request_ref);
	memset(longest, 'x', 129);
	longest[129] = '\0';
	trace_from_http(rq, longest, NULL);
	assert_null(rq->request_ref);
	trace_from_http(rq, longest + 1, NULL);
	assert_string_equal(rq->request_ref, longest + 1);
	request_free(rq);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validity),
		cmocka_unit_test(children),
		cmocka_unit_test(request_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
