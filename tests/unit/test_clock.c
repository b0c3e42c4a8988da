/* RFC 3339 and PostgreSQL's ISO form, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"

#define S INT64_C(1000000)

static void
formatting(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	clock_format(INT64_C(1793611800000001), text);
	assert_string_equal(text, "2026-11-02T09:30:00.000001Z");
	clock_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	clock_format(INT64_C(951782400) * S, text);
	assert_string_equal(text, "2000-02-29T00:00:00.000000Z");
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
	clock_format(INT64_MIN, text);
	assert_string_equal(text, "0001-01-01T00:00:00.000000Z");
}

static void
reading(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{ "2026-11-02T09:30:00Z", 1793611800 * S },
		{ "2026-11-02t09:30:00z", 1793611800 * S },
		{ "2026-11-02T15:00:00+05:30", 1793611800 * S },
		{ "2026-11-02T04:30:00-05:00", 1793611800 * S },
		{ "2026-11-02 09:30:00+00", 1793611800 * S },
		{ "2026-11-02 09:30:00.5+00", 1793611800 * S + 500000 },
		{ "2026-11-02T09:30:00.123456789Z", 1793611800 * S + 123456 },
		{ "2026-11-02T09:29:60Z", 1793611800 * S },
		{ "1969-12-31T23:59:58Z", -2 * S },
		{ "2000-02-29T00:00:00Z", 951782400 * S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(clock_parse(good[i].text) == good[i].us);
}

static void
refusing(void **state)
{
	static const char *const bad[] = {
		"", "x", "2026-11-02", "2026-11-02T09:30:00", "2026-11-02T09:30Z", "2026-13-02T09:30:00Z",
		"2026-00-02T09:30:00Z", "2026-02-29T09:30:00Z", "1900-02-29T09:30:00Z",
		"2026-04-31T09:30:00Z", "2026-11-02T24:00:00Z", "2026-11-02T09:60:00Z",
		"2026-11-02T09:30:61Z", "2026-11-02T09:30:00.Z", "2026-11-02T09:30:00Z ",
		"2026-11-02T09:30:00+5:30", "2026-11-02T09:30:00+24:00", "2026-11-02T09:30:00+05:60",
		"0000-01-01T00:00:00Z", "+2026-11-02T09:30:00Z", "2026-1-02T09:30:00Z", "infinity",
		"2026-11-02_09:30:00Z", "2026-11-02T-9:30:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(clock_parse(bad[i]) == -1);
	assert_true(clock_parse(NULL) == -1);
}

static void
round_trip(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	/* a step of about 13 days and a prime number of µs, from year 1 to 9999 */
	for (int64_t us = INT64_C(-62135596800) * S; us < INT64_C(253402300799) * S;
	    us += INT64_C(1123456789013)) {
		clock_format(us, text);
		assert_true(clock_parse(text) == us);
	}
}

static void
monotonic(void **state)
{
	int64_t a = clock_mono_us(), b = clock_mono_us();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_mono_ms() >= a / 1000);
}

/* What a stranger may write and PostgreSQL would refuse. */
static void
normalising(void **state)
{
	static const char *const refused[] = { "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+05:30", "9999-12-31T23:59:60Z",
		"9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "infinity", "now", "" };
	char text[CLOCK_TEXT];

	(void)state;
	assert_true(clock_normal("2030-01-01T00:00:00+23:59", text));
	assert_string_equal(text, "2029-12-31T00:01:00.000000Z");
	assert_true(clock_normal("2026-06-30T23:59:60.5Z", text));
	assert_string_equal(text, "2026-07-01T00:00:00.500000Z");
	assert_true(clock_normal("9999-12-31T23:59:59.9999999Z", text));
	assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
	assert_true(clock_normal("1970-01-01T00:00:00Z", text));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(clock_normal(refused[i], text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formatting),
		cmocka_unit_test(reading),
		cmocka_unit_test(refusing),
		cmocka_unit_test(normalising),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
