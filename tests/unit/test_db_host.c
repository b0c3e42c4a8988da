/* Host names of a database's URL become addresses beside them, on the work pool; what needs none is left to libpq. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "db_host.h"
#include "fiber.h"
#include "work.h"

static struct event_base *base;
static unsigned told;

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	fiber_init(base);
	work_init(base, 1, 4);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	work_shutdown();
	fiber_shutdown();
	event_base_free(base);
	return 0;
}

static void
on_done(void *arg)
{
	(void)arg;
	told++;
}

static void
run_until_told(unsigned times)
{
	fiber_run_ready();
	while (told < times) {
		event_base_loop(base, EVLOOP_ONCE);
		fiber_run_ready();
	}
}

static unsigned
count(const char *list, char what)
{
	unsigned n = 0;

	for (; *list != '\0'; list++)
		n += *list == what;
	return n;
}

static void
what_is_an_address_already_is_left_to_libpq(void **state)
{
	static const char *const urls[] = { "postgresql://u:p@/d?host=%2Ftmp%2Fx&port=1", "postgresql://u@127.0.0.1:5/d",
		"postgresql://u@[::1]:5/d", "dbname=d", "postgresql://u@name.invalid/d?hostaddr=127.0.0.1", "no URL" };
	struct db_place place = { "", "", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct db_host *h = db_host_new(urls[i], on_done, NULL);
		assert_true(db_host_find(h, &place));
		assert_null(place.host);
		assert_null(place.hostaddr);
		db_host_free(h);
	}
}

static void
a_name_is_known_after_its_look_up(void **state)
{
	struct db_host *h = db_host_new("postgresql://u@localhost:5433,127.0.0.9:5434/d", on_done, NULL);
	struct db_place place;

	(void)state;
	told = 0;
	assert_false(db_host_find(h, &place));
	assert_false(db_host_is_known(h));
	run_until_told(1);
	assert_true(db_host_find(h, &place));
	assert_non_null(strstr(place.hostaddr, "127.0.0.1"));
	assert_non_null(strstr(place.hostaddr, ",127.0.0.9"));
	assert_non_null(strstr(place.host, "localhost"));
	assert_non_null(strstr(place.port, "5433,"));
	assert_int_equal(count(place.host, ','), count(place.hostaddr, ','));
	assert_int_equal(count(place.port, ','), count(place.hostaddr, ','));
	db_host_free(h);
}

static void
an_unknown_name_stays_unknown_and_says_so(void **state)
{
	struct db_host *h = db_host_new("postgresql://u@name.invalid/d", on_done, NULL);
	struct db_place place;

	(void)state;
	told = 0;
	assert_false(db_host_find(h, &place));
	run_until_told(1);
	assert_false(db_host_is_known(h));
	db_host_free(h);
}

static void
one_may_be_given_up_during_its_look_up(void **state)
{
	struct db_host *gone = db_host_new("postgresql://u@localhost/d", on_done, NULL);
	struct db_host *h = db_host_new("postgresql://u@localhost/d", on_done, NULL);
	struct db_place place;

	(void)state;
	told = 0;
	assert_false(db_host_find(gone, &place));
	assert_false(db_host_find(h, &place));
	db_host_free(gone);
	run_until_told(1);
	fiber_run_ready();
	assert_int_equal(told, 1);
	db_host_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_address_already_is_left_to_libpq),
		cmocka_unit_test(a_name_is_known_after_its_look_up),
		cmocka_unit_test(an_unknown_name_stays_unknown_and_says_so),
		cmocka_unit_test(one_may_be_given_up_during_its_look_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
