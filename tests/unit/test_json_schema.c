/* Values against schemas: what fits, and every fault with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#undef fail	/* ours refuses a request */
#include "json_schema.h"
#include "validate.h"

static void
note(void *arg, const char *pointer, const char *code, const char *detail)
{
	struct buf *b = arg;

	assert_true(strlen(detail) > 0);
	buf_printf(b, "%s%s %s", b->len > 0 ? "; " : "", pointer, code);
}

/* The faults as "pointer code; pointer code". */
static const char *
faults(struct arena *a, const char *schema, const char *value)
{
	json_t *s = json_loads(schema, 0, NULL), *v = json_loads(value, JSON_DECODE_ANY, NULL);
	struct buf b;
	int result;

	assert_non_null(s);
	assert_non_null(v);
	buf_init(&b, a, 64);
	result = json_schema_check(a, s, v, note, &b);
	assert_int_equal(result, b.len > 0 ? -1 : 0);
	assert_int_equal(json_schema_check(a, s, v, NULL, NULL), result);
	json_decref(s);
	json_decref(v);
	return b.len > 0 ? b.text : "";
}

#define CARD "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9}}"
#define PARTY "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":2," \
	"\"maxLength\":4},\"a/b~\":{\"const\":1}},\"required\":[\"name\",\"state\"],\"additionalProperties\":false}"

static void
each_word(void **state)
{
	static const struct {
		const char *schema, *value, *faults;
	} cases[] = {
		{ "{}", "null", "" },
		{ "{\"type\":\"integer\"}", "5", "" },
		{ "{\"type\":\"integer\"}", "5.0", "" },
		{ "{\"type\":\"integer\",\"minimum\":6}", "5.0", " too_small" },
		{ "{\"type\":\"integer\"}", "5.5", " wrong_type" },
		{ "{\"type\":\"integer\"}", "1e16", " wrong_type" },	/* beyond what a double counts in ones */
		{ "{\"format\":\"uuid\"}", "\"0193a0c5-7b1e-7c3a-8f00-0123456789ab\"", "" },
		{ "{\"format\":\"uuid\"}", "\"0193a0c5\"", " bad_uuid" },
		{ "{\"format\":\"uuid\"}", "7", "" },
		{ "{\"type\":\"integer\"}", "\"5\"", " wrong_type" },
		{ "{\"type\":\"integer\"}", "true", " wrong_type" },
		{ "{\"type\":\"number\"}", "5.5", "" },
		{ "{\"type\":\"boolean\"}", "false", "" },
		{ "{\"type\":\"boolean\"}", "0", " wrong_type" },
		{ "{\"type\":[\"string\",\"null\"]}", "null", "" },
		{ "{\"type\":[\"string\",\"null\"]}", "{}", " wrong_type" },
		{ "{\"minimum\":0,\"maximum\":10}", "0", "" },
		{ "{\"minimum\":0,\"maximum\":10}", "-1", " too_small" },
		{ "{\"minimum\":0,\"maximum\":10}", "10.5", " too_large" },
		{ "{\"maximum\":9007199254740992}", "9007199254740993", " too_large" },
		{ "{\"minimum\":5}", "\"no number\"", "" },
		{ "{\"enum\":[\"A\",1]}", "1", "" },
		{ "{\"enum\":[\"A\",1]}", "\"B\"", " not_allowed" },
		{ "{\"pattern\":\"^[A-Z][A-Z0-9]{0,2}$\"}", "\"NX\"", "" },
		{ "{\"pattern\":\"^[A-Z][A-Z0-9]{0,2}$\"}", "\"nx\"", " bad_format" },
		{ "{\"maxLength\":2}", "\"\xe2\x82\xb9\xe2\x82\xb9\"", "" },
		{ "{\"items\":{\"type\":\"string\"},\"maxItems\":2,\"uniqueItems\":true}", "[\"a\",\"b\"]", "" },
		{ "{\"items\":{\"type\":\"string\"},\"maxItems\":2,\"uniqueItems\":true}", "[\"a\",1,\"a\"]",
		    "/1 wrong_type;  too_long; /2 duplicate" },
		{ "{\"minItems\":1}", "[]", " too_short" },
		{ CARD, "{\"*\":5,\"tutor\":0}", "" },
		{ CARD, "{\"*\":-5,\"tutor\":\"x\"}", "/* too_small; /tutor wrong_type" },
		{ PARTY, "{\"name\":\"Nx\",\"state\":1}", "/state unknown_field" },
		{ PARTY, "{\"name\":\"Nxtgauge\",\"a/b~\":2}",
		    "/name too_long; /a~1b~0 not_allowed; /state required" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(faults(a, cases[i].schema, cases[i].value), cases[i].faults);
	arena_free(a);
}

static void
what_would_be_ignored_is_named(void **state)
{
	static const struct {
		const char *schema, *word;
	} cases[] = {
		{ "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"}}}", NULL },
		{ "{\"oneOf\":[]}", "oneOf" },
		{ "{\"properties\":{\"x\":{\"format\":\"date\"}}}", "format" },
		{ "{\"items\":{\"multipleOf\":2}}", "multipleOf" },
		{ "{\"additionalProperties\":{\"$ref\":\"#\"}}", "$ref" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *schema = json_loads(cases[i].schema, 0, NULL);
		const char *word = json_schema_unknown(schema);
		assert_int_equal(word == NULL, cases[i].word == NULL);
		if (word != NULL)
			assert_string_equal(word, cases[i].word);
		json_decref(schema);
	}
}

static void
a_daemon_does_not_start_with_a_schema_it_cannot_check(void **state)
{
	static const struct column good[] = { { "x", COL_JSON, 0, .schema = "{\"type\":\"object\"}" }, { "y", COL_TEXT }, { 0 } },
		malformed[] = { { "x", COL_JSON, 0, .schema = "{\"type\":\"object\"" }, { 0 } },
		unknown[] = { { "x", COL_JSON, 0, .schema = "{\"items\":{\"oneOf\":[]}}" }, { 0 } };
	struct error e;

	(void)state;
	assert_int_equal(validate_declare(good, &e), 0);
	assert_int_equal(validate_declare(good, &e), 0);
	assert_int_equal(validate_declare(NULL, &e), 0);
	assert_int_equal(validate_declare(malformed, &e), -1);
	assert_non_null(strstr(e.text, "schema of x is no JSON"));
	assert_int_equal(validate_declare(unknown, &e), -1);
	assert_non_null(strstr(e.text, "\"oneOf\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word),
		cmocka_unit_test(what_would_be_ignored_is_named),
		cmocka_unit_test(a_daemon_does_not_start_with_a_schema_it_cannot_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
