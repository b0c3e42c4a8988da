/* Whose calls are counted together, and that nobody's count is lost or borrowed in a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail

#include "arena.h"
#include "config.h"
#include "error.h"
#include "rate_limit.h"
#include "request.h"
#include "resource.h"

#define BURST 20
#define STRANGERS 50000	/* many times what the table holds */

static const struct option own[] = { { 0 } };
static const struct route route = { .method = "POST", .path = "/v1/limited" };

static bool
may_call(const char *ip)
{
	struct request *rq = request_new(NULL);
	bool may;

	rq->route = &route;
	rq->ip_address = ip;
	may = rate_limit_take(rq) == 0;
	assert_string_equal(rq->reply.extra_name, "RateLimit");
	if (!may)
		assert_int_equal(rq->problem.code, ERR_TOO_MANY_REQUESTS);
	request_free(rq);
	return may;
}

/* One more may be refilled while the test runs, never a whole burst. */
static int
calls_left(const char *ip)
{
	int n = 0;

	while (n < 2 * BURST && may_call(ip))
		n++;
	return n;
}

static int
setup(void **state)
{
	static char *argv[] = { (char *)"nxt-test", NULL };
	int argc = 1;
	struct error e = { .code = ERR_NONE };

	(void)state;
	setenv("NXT_RATE_LIMIT_BURST", "20", 1);
	setenv("NXT_RATE_LIMIT_PER_S", "1", 1);
	setenv("NXT_DATABASE_URL", "postgresql://h/d", 1);
	return config_load(own, &argc, argv, &e);
}

static void
test_network(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.7", "192.0.2.7" }, { "::ffff:192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" }, { "2001:db8:1:2::1", "2001:db8:1:2::/64" },
		{ "2001:db8:1:3::1", "2001:db8:1:3::/64" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct request *rq = request_new(NULL);
		rq->ip_address = pairs[i][0];
		assert_string_equal(rate_limit_network(rq), pairs[i][1]);
		request_free(rq);
	}
}

static void
test_ipv6_neighbours_share(void **state)
{
	(void)state;
	assert_in_range(calls_left("2001:db8::1"), BURST, BURST + 1);
	assert_in_range(calls_left("2001:db8::ffff:2"), 0, 1);
	assert_in_range(calls_left("2001:db8:0:1::1"), BURST, BURST + 1);
}

static void
test_full_table(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_in_range(calls_left("198.51.100.1"), BURST, BURST + 1);
	for (int i = 0; i < STRANGERS; i++)
		assert_true(may_call(arena_printf(a, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255)));
	/* the empty bucket was not washed out: a few tokens of the time gone by, no burst */
	assert_in_range(calls_left("198.51.100.1"), 0, BURST / 2);
	/* and a newcomer finds a full one */
	assert_in_range(calls_left("198.51.100.2"), BURST, BURST + 1);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_ipv6_neighbours_share),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
