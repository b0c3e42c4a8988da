/* A cursor serves the list it came from and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "cursor.h"
#include "error.h"

static const char *const keys[] = { "2026-11-02T09:30:00.000001Z", "\xe2\x82\xb9 \"x\"", NULL };

static int
setup(void **state)
{
	*state = arena_new();
	cursor_init("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static int
read3(struct arena *a, const char *scope, const char *cursor, const char **out)
{
	struct error e = { .code = ERR_NONE };
	int result = cursor_read(a, scope, cursor, out, 3, &e);

	if (result < 0)
		assert_int_equal(e.code, ERR_BAD_CURSOR);
	return result;
}

static void
round_trip(void **state)
{
	const char *got[3] = { "untouched", "untouched", "untouched" };
	char *text = cursor_make(*state, "GET /v1/jobs", keys, 3);

	assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."),
	    strlen(text));
	assert_int_equal(read3(*state, "GET /v1/jobs", text, got), 0);
	assert_string_equal(got[0], keys[0]);
	assert_string_equal(got[1], keys[1]);
	assert_null(got[2]);
}

static void
another_scope_or_count(void **state)
{
	const char *got[3] = { "untouched" };
	struct error e;
	char *text = cursor_make(*state, "GET /v1/jobs", keys, 3);

	assert_int_equal(read3(*state, "GET /v1/jobs?q=x", text, got), -1);
	assert_int_equal(read3(*state, "", text, got), -1);
	assert_int_equal(cursor_read(*state, "GET /v1/jobs", text, got, 2, &e), -1);
	assert_string_equal(got[0], "untouched");
}

static void
every_changed_character(void **state)
{
	const char *got[3];
	char *text = cursor_make(*state, "s", keys, 3);

	for (size_t i = 0; text[i] != '\0'; i++) {
		char was = text[i];
		for (const char *c = "AZaz09-_.=+/ "; *c != '\0'; c++) {
			if (*c == was)
				continue;
			text[i] = *c;
			assert_int_equal(read3(*state, "s", text, got), -1);
		}
		text[i] = was;
	}
	assert_int_equal(read3(*state, "s", text, got), 0);
}

static void
nonsense(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a", "a.b", "W10.", ".W10", "W10.W10", "\xff\xff.\xff" };
	const char *got[3];
	char *text = cursor_make(*state, "s", keys, 3), *longer;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(read3(*state, "s", bad[i], got), -1);
	assert_int_equal(read3(*state, "s", arena_printf(*state, "%sA", text), got), -1);
	assert_int_equal(read3(*state, "s", arena_printf(*state, "%s.%s", text, text), got), -1);
	for (size_t n = strlen(text); n > 0; n--)
		assert_int_equal(read3(*state, "s", arena_strndup(*state, text, n - 1), got), -1);
	longer = arena_alloc(*state, 100001);
	memset(longer, 'A', 100000);
	assert_int_equal(read3(*state, "s", longer, got), -1);
}

static void
another_key(void **state)
{
	const char *got[3];
	char *text = cursor_make(*state, "s", keys, 3);

	cursor_init("another");
	assert_int_equal(read3(*state, "s", text, got), -1);
	cursor_init("");
	text = cursor_make(*state, "s", keys, 3);
	assert_int_equal(read3(*state, "s", text, got), 0);
	cursor_init("");
	assert_int_equal(read3(*state, "s", text, got), -1);
}

static void
too_long_a_key(void **state)
{
	char *big = arena_alloc(*state, 3001);
	const char *one[] = { big };

	memset(big, 'x', 3000);
	assert_null(cursor_make(*state, "s", one, 1));
	big[1300] = '\0';
	assert_non_null(cursor_make(*state, "s", one, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(another_scope_or_count, setup, teardown),
		cmocka_unit_test_setup_teardown(every_changed_character, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(another_key, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_a_key, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
