/* What an example of an answer says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "example_schema.h"

static void
each_kind(void **state)
{
	static const struct {
		const char *example, *schema;
	} cases[] = {
		{ "{}", "{\"type\":\"object\"}" },
		{ "{\"a\":\"…\"}", "{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
		    "\"type\":\"object\"}" },
		{ "{\"a?\":\"0192…\"}", "{\"properties\":{\"a\":{\"format\":\"uuid\",\"type\":[\"string\",\"null\"]}},"
		    "\"type\":\"object\"}" },
		{ "[\"2026-…\"]", "{\"items\":{\"format\":\"date-time\",\"type\":\"string\"},\"type\":\"array\"}" },
		{ "[1]", "{\"items\":{\"type\":\"integer\"},\"type\":\"array\"}" },
		{ "[1.5]", "{\"items\":{\"type\":\"number\"},\"type\":\"array\"}" },
		{ "[false]", "{\"items\":{\"type\":\"boolean\"},\"type\":\"array\"}" },
		{ "{\"a?\":null}", "{\"properties\":{\"a\":{\"description\":\"JSON of any kind.\"}},"
		    "\"type\":\"object\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *s = example_schema(cases[i].example);
		char *text = json_dumps(s, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, cases[i].schema);
		free(text);
		json_decref(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
