/* Host names of a database's URL become addresses beside them, on the work pool; what needs none is left to libpq. */
#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "db_host.h"
#include "fiber.h"
#include "work.h"

static struct event_base *base;
static unsigned told;

/* ---- a resolver and a clock of our own, in the place of the C library's ---- */

static struct {
	const char *name, *address;	/* NULL: not found */
} resolver[] = { { "pg-a", NULL }, { "pg-b", NULL } };
static unsigned asked;		/* by look-ups of names */
static time_t skipped_s;

typedef int getaddrinfo_fn(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret);
typedef int clock_gettime_fn(clockid_t id, struct timespec *t);

int
getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
	union { void *p; getaddrinfo_fn *fn; } real = { dlsym(RTLD_NEXT, "getaddrinfo") };
	struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

	if (hints->ai_flags & AI_NUMERICHOST)
		return real.fn(name, port, hints, ret);
	asked++;
	for (size_t i = 0; i < sizeof(resolver) / sizeof(resolver[0]); i++)
		if (strcmp(name, resolver[i].name) == 0)
			return resolver[i].address == NULL ? EAI_AGAIN :
			    real.fn(resolver[i].address, port, &numeric, ret);
	return real.fn(name, port, hints, ret);
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	union { void *p; clock_gettime_fn *fn; } real = { dlsym(RTLD_NEXT, "clock_gettime") };
	int result = real.fn(id, t);

	t->tv_sec += skipped_s;
	return result;
}

/* ---- helpers ---- */

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
on_done(const struct db_host *h)
{
	(void)h;
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
	struct db_place place = { "", "", "", 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct db_host *h = db_host_take(urls[i], on_done);
		assert_true(db_host_find(h, &place));
		assert_null(place.host);
		assert_null(place.hostaddr);
		db_host_give_back(h);
	}
}

static void
a_name_is_known_after_its_look_up(void **state)
{
	struct db_host *h = db_host_take("postgresql://u@localhost:5433,127.0.0.9:5434/d", on_done);
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
	db_host_give_back(h);
}

static void
an_unknown_name_stays_unknown_and_says_so(void **state)
{
	struct db_host *h = db_host_take("postgresql://u@name.invalid/d", on_done);
	struct db_place place;

	(void)state;
	told = 0;
	assert_false(db_host_find(h, &place));
	run_until_told(1);
	assert_false(db_host_is_known(h));
	db_host_give_back(h);
}

static void
one_may_be_given_up_during_its_look_up(void **state)
{
	struct db_host *gone = db_host_take("postgresql://gone@localhost/d", on_done);
	struct db_host *h = db_host_take("postgresql://u@localhost/d", on_done);
	struct db_place place;

	(void)state;
	told = 0;
	assert_false(db_host_find(gone, &place));
	assert_false(db_host_find(h, &place));
	db_host_give_back(gone);
	run_until_told(1);
	fiber_run_ready();
	assert_int_equal(told, 1);
	db_host_give_back(h);
}

/* Looks again, as when what is known has grown old, and gives what is known then. */
static struct db_place
after_next_look_up(struct db_host *h)
{
	struct db_place place = { 0 };

	skipped_s += 10;
	told = 0;
	db_host_find(h, &place);
	run_until_told(1);
	assert_true(db_host_find(h, &place));
	return place;
}

static void
a_name_that_is_not_found_once_stays_where_it_was(void **state)
{
	struct db_host *h = db_host_take("postgresql://pg-a:1,pg-b:2/d", on_done);

	(void)state;
	resolver[0].address = "10.0.0.1";
	resolver[1].address = "10.0.0.2";
	assert_string_equal(after_next_look_up(h).hostaddr, "10.0.0.1,10.0.0.2");
	resolver[0].address = NULL;
	resolver[1].address = "10.0.0.3";
	assert_string_equal(after_next_look_up(h).hostaddr, "10.0.0.1,10.0.0.3");
	assert_string_equal(after_next_look_up(h).port, "1,2");
	resolver[0].address = "10.0.0.4";
	assert_string_equal(after_next_look_up(h).hostaddr, "10.0.0.4,10.0.0.3");
	db_host_give_back(h);
}

static void
pools_of_one_url_look_up_once(void **state)
{
	struct db_host *one = db_host_take("postgresql://pg-a/d", on_done);
	struct db_host *two = db_host_take("postgresql://pg-a/d", on_done);
	struct db_host *other = db_host_take("postgresql://pg-b/d", on_done);
	struct db_place place;

	(void)state;
	resolver[0].address = "10.0.0.1";
	asked = 0;
	told = 0;
	assert_ptr_equal(one, two);
	assert_ptr_not_equal(one, other);
	assert_false(db_host_find(one, &place));
	assert_false(db_host_find(two, &place));
	db_host_give_back(one);
	run_until_told(1);
	assert_int_equal(asked, 1);
	assert_true(db_host_find(two, &place));
	db_host_give_back(two);
	db_host_give_back(other);
}

/* Connections that began under one turn move it on once. */
static void
one_that_does_not_answer_is_tried_last(void **state)
{
	struct db_host *h = db_host_take("postgresql://u@127.0.0.1:1,127.0.0.2:2/d", on_done);
	struct db_host *single = db_host_take("postgresql://u@127.0.0.1:1/d", on_done);
	struct db_place place;

	(void)state;
	assert_true(db_host_find(h, &place));
	assert_string_equal(place.hostaddr, "127.0.0.1,127.0.0.2");
	db_host_move_on(h, place.turn);
	db_host_move_on(h, place.turn);
	assert_true(db_host_moved_on(h, place.turn));
	assert_true(db_host_find(h, &place));
	assert_string_equal(place.hostaddr, "127.0.0.2,127.0.0.1");
	assert_string_equal(place.port, "2,1");
	assert_false(db_host_moved_on(h, place.turn));
	db_host_move_on(single, 0);
	assert_false(db_host_moved_on(single, 0));
	db_host_give_back(h);
	db_host_give_back(single);
}

static void
a_turn_outlives_the_next_look_up(void **state)
{
	struct db_host *h = db_host_take("postgresql://pg-a:1,pg-b:2/d", on_done);

	(void)state;
	resolver[0].address = "10.0.0.1";
	resolver[1].address = "10.0.0.2";
	db_host_move_on(h, after_next_look_up(h).turn);
	assert_string_equal(after_next_look_up(h).hostaddr, "10.0.0.2,10.0.0.1");
	db_host_give_back(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_address_already_is_left_to_libpq),
		cmocka_unit_test(a_name_is_known_after_its_look_up),
		cmocka_unit_test(an_unknown_name_stays_unknown_and_says_so),
		cmocka_unit_test(one_may_be_given_up_during_its_look_up),
		cmocka_unit_test(a_name_that_is_not_found_once_stays_where_it_was),
		cmocka_unit_test(pools_of_one_url_look_up_once),
		cmocka_unit_test(one_that_does_not_answer_is_tried_last),
		cmocka_unit_test(a_turn_outlives_the_next_look_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
