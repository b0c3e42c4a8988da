/* Giving memory back must not take away anything: neither relocated tables nor written data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_types.h"
#include "footprint.h"

static long
resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages;
}

static void
gives_back(void **state)
{
	long before = resident_pages();

	(void)state;
	footprint_trim();
	assert_true(resident_pages() < before);
}

/* The table of event types is constant data full of pointers: the loader wrote into its pages. */
static void
keeps_relocated_tables(void **state)
{
	const struct event_type *const *types;
	size_t n;

	(void)state;
	footprint_trim();
	types = event_type_all(&n);
	assert_true(n > 50);
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(event_type_find(types[i]->name), types[i]);
}

static void
keeps_written_data(void **state)
{
	static char written[100000] = "here";
	char *heap = malloc(100000);

	(void)state;
	assert_non_null(heap);
	memset(written, 'w', sizeof(written));
	memset(heap, 'h', 100000);
	footprint_trim();
	for (size_t i = 0; i < sizeof(written); i++)
		assert_true(written[i] == 'w' && heap[i] == 'h');
	free(heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back),
		cmocka_unit_test(keeps_relocated_tables),
		cmocka_unit_test(keeps_written_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
