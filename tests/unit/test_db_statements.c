/* Which statements are prepared: lists of many forms never take the room of those the program is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "db_conn.h"

static unsigned
interned(const char *form, unsigned n, bool varied)
{
	unsigned found = 0;
	char text[100];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "SELECT %s %u", form, i);
		found += db_sql_intern(text, varied) != NULL;
	}
	return found;
}

static void
lists_leave_room_for_fixed_statements(void **state)
{
	const struct db_sql *first;

	(void)state;
	assert_int_equal(interned("a list", 5000, true), 500);
	assert_int_equal(interned("fixed", 1000, false), 1000);
	first = db_sql_intern("SELECT a list 0", true);
	assert_non_null(first);
	assert_ptr_equal(first, db_sql_intern("SELECT a list 0", true));
	assert_null(db_sql_intern("SELECT a list 4999", true));
	assert_ptr_not_equal(first, db_sql_intern("SELECT fixed 0", false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_leave_room_for_fixed_statements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
