/* UUIDv7: order, form, time; UUIDv5: the RFC's vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "uuid.h"

static void
strictly_increasing(void **state)
{
	char last[UUID_TEXT], next[UUID_TEXT];

	(void)state;
	uuid_v7(last);
	for (int i = 0; i < 200000; i++) {	/* far more than one counter holds in a millisecond */
		uuid_v7(next);
		assert_true(strcmp(last, next) < 0);
		memcpy(last, next, sizeof(last));
	}
}

static void
version_variant_and_time(void **state)
{
	char text[UUID_TEXT];
	uint8_t raw[16];
	int64_t before = clock_wall_us() / 1000;

	(void)state;
	uuid_v7(text);
	assert_int_equal(strlen(text), 36);
	assert_int_equal(text[14], '7');
	assert_non_null(strchr("89ab", text[19]));
	assert_true(uuid_parse(text, raw));
	assert_in_range(uuid_v7_ms(raw), before, before + 60000);
}

static void
version_5(void **state)
{
	char text[UUID_TEXT];

	(void)state;
	/* RFC 9562, appendix A.4: www.example.com in the DNS namespace */
	uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", text);
	assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void
parsing(void **state)
{
	static const char *const bad[] = {
		"", "2ed6657d", "2ed6657d-e927-568b-95e1-2665a8aea6a", "2ed6657d-e927-568b-95e1-2665a8aea6a22",
		"2ed6657de927568b95e12665a8aea6a2", "{2ed6657d-e927-568b-95e1-2665a8aea6a2}",
		"2ed6657d-e927-568b-95e1-2665a8aea6ag", "2ed6657d-e927-568b-95e12-665a8aea6a2",
		" 2ed6657d-e927-568b-95e1-2665a8aea6a2", "2ed6657d-e927-568b-95e1-2665a8aea6a2\n",
	};
	uint8_t raw[16];
	char text[UUID_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(uuid_is_valid(bad[i]));
	assert_false(uuid_is_valid(NULL));
	assert_true(uuid_parse("2ED6657D-E927-568B-95E1-2665A8AEA6A2", raw));
	uuid_format(raw, text);
	assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	assert_int_equal(uuid_v7_ms(raw), -1);
	/* RFC 9562, appendix A.6 */
	assert_true(uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", raw));
	assert_true(uuid_v7_ms(raw) == 0x017F22E279B0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strictly_increasing),
		cmocka_unit_test(version_variant_and_time),
		cmocka_unit_test(version_5),
		cmocka_unit_test(parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
