/* Invoice numbers and financial years: money.md M8, T19. */
#include "numbers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"

static void
test_t19_valid_and_refused(void **state)
{
	static const char *const good[] = { "NX/2627/0000001", "NX/26-27/000001", "A", "1",
		"NX/2627/10000000" };
	static const char *const bad[] = { "NX/2026-27/000001", "0NX/1", "/NX/1", "nx/1", "NX_1", "",
		"-1", "NX 1", "NX/\xc3\x84" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(number_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(number_is_valid(bad[i]));
}

static void
test_financial_year_turns_in_india(void **state)
{
	char year[FINANCIAL_YEAR_TEXT];

	(void)state;
	financial_year(clock_parse("2027-03-31T18:29:59Z"), year);
	assert_string_equal(year, "2026-27");
	financial_year(clock_parse("2027-03-31T18:30:00Z"), year);
	assert_string_equal(year, "2027-28");
	financial_year(clock_parse("2026-01-01T00:00:00Z"), year);
	assert_string_equal(year, "2025-26");
	financial_year(clock_parse("2099-12-31T00:00:00Z"), year);
	assert_string_equal(year, "2099-00");
}

static void
test_format(void **state)
{
	char number[NUMBER_TEXT];

	(void)state;
	assert_int_equal(number_format("NX", "2026-27", 1, number), 0);
	assert_string_equal(number, "NX/2627/0000001");
	assert_int_equal(number_format("NX", "2026-27", 10000000, number), 0);
	assert_string_equal(number, "NX/2627/10000000");
	assert_int_equal(number_format("NX", "2026-27", 100000000, number), -1);
	assert_int_equal(number_format("nx", "2026-27", 1, number), -1);
	assert_int_equal(number_format("0NX", "2026-27", 1, number), -1);
	assert_int_equal(number_format("NX", "2026-27", 0, number), -1);
	assert_int_equal(number_format("TOOLONG", "2026-27", 1, number), -1);
	assert_string_equal(number, "NX/2627/10000000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_t19_valid_and_refused),
		cmocka_unit_test(test_financial_year_turns_in_india),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
