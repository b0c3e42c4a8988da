/* What fibers ask for in one turn goes together; a lone one at once; lanes keep their order. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "fiber.h"

#define FIBERS 300

struct job {
	struct batch_item item;
	unsigned number, lane;
	unsigned outcomes;
};

static unsigned sizes[FIBERS], runs, done[FIBERS], ndone;
static struct fiber *held[BATCH_LANES];	/* runs that wait to be let go */
static bool hold;

static void
run(struct batch_item *const *items, unsigned n)
{
	sizes[runs++] = n;
	if (hold) {
		unsigned at = held[0] != NULL;
		held[at] = fiber_self();
		fiber_wait("the test");
	}
	for (unsigned i = 0; i < n; i++) {
		struct job *job = (struct job *)(void *)items[i];
		job->outcomes++;
		done[ndone++] = job->number;
	}
}

static struct batch batch;

static void
ask(void *arg)
{
	struct job *job = arg;

	batch_do(&batch, job->lane, &job->item);
	assert_int_equal(job->outcomes, 1);
}

static void
start(struct job *jobs, unsigned n, unsigned lane)
{
	for (unsigned i = 0; i < n; i++) {
		jobs[i] = (struct job){ .number = i, .lane = lane };
		fiber_start("ask", ask, &jobs[i]);
	}
}

static int
fresh(void **state)
{
	(void)state;
	runs = ndone = 0;
	hold = false;
	memset(held, 0, sizeof(held));
	batch = (struct batch){ .name = "test", .run = run };
	return 0;
}

static void
one_turn_goes_together(void **state)
{
	struct job jobs[20];

	(void)state;
	start(jobs, 20, BATCH_ANY_LANE);
	fiber_run_ready();
	assert_int_equal(runs, 1);
	assert_int_equal(sizes[0], 20);
	assert_int_equal(fiber_count(), 0);
}

static void
a_lone_one_goes_at_once(void **state)
{
	struct job job;

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		start(&job, 1, BATCH_ANY_LANE);
		fiber_run_ready();
		assert_int_equal(runs, i);
		assert_int_equal(sizes[i - 1], 1);
	}
}

static void
what_is_too_much_for_one_goes_in_order(void **state)
{
	static struct job jobs[FIBERS];

	(void)state;
	start(jobs, FIBERS, 7);
	fiber_run_ready();
	assert_int_equal(runs, (FIBERS + BATCH_MAX - 1) / BATCH_MAX);
	assert_int_equal(ndone, FIBERS);
	for (unsigned i = 0; i < FIBERS; i++)
		assert_int_equal(done[i], i);
}

static void
what_comes_while_all_are_at_work_gathers(void **state)
{
	struct job first, second, rest[10];

	(void)state;
	hold = true;
	start(&first, 1, BATCH_ANY_LANE);
	fiber_run_ready();
	start(&second, 1, BATCH_ANY_LANE);
	fiber_run_ready();
	assert_int_equal(runs, 2);	/* the second lane was free */
	start(rest, 10, BATCH_ANY_LANE);
	fiber_run_ready();
	assert_int_equal(runs, 2);
	hold = false;
	fiber_wake(held[0]);
	fiber_run_ready();
	fiber_wake(held[1]);
	fiber_run_ready();
	assert_int_equal(ndone, 12);
	assert_int_equal(fiber_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_turn_goes_together, fresh),
		cmocka_unit_test_setup(a_lone_one_goes_at_once, fresh),
		cmocka_unit_test_setup(what_is_too_much_for_one_goes_in_order, fresh),
		cmocka_unit_test_setup(what_comes_while_all_are_at_work_gathers, fresh),
	};

	struct event_base *base = event_base_new();

	fiber_init(base);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
