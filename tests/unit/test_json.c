/* Strict parsing, each refusal with its reason; RFC 8785 with the RFC's own examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "error.h"
#include "json.h"

static json_t *
parse(struct arena *a, const char *text, struct error *e)
{
	return json_parse_strict(a, text, strlen(text), false, e);
}

static void
accepted(void **state)
{
	static const char *const good[] = {
		"{}", " {\"a\":[1,2,{\"b\":null}]}\n", "{\"a\":-0}", "{\"a\":9223372036854775807}",
		"{\"a\":-9223372036854775808}", "{\"a\":1e308}", "{\"a\":\"\\ud83d\\ude00\"}",
		"{\"a\":\"]}[{\\\"\"}", "{\"\":\"\"}", "{\"a\":\"\xe2\x82\xb9\"}",
	};
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_non_null(parse(a, good[i], &e));
	assert_non_null(json_parse_strict(a, "[1]", 3, true, &e));
	assert_non_null(json_parse_strict(a, "\"x\"", 3, true, &e));
	arena_free(a);
}

static void
refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "", "ends too early" },
		{ "{", "ends too early" },
		{ "{\"a\":\"x", "ends too early" },
		{ "[]", "one JSON object" },
		{ "null", "one JSON object" },
		{ "{} {}", "follows after" },
		{ "{}x", "follows after" },
		{ "{\"a\":1,}", "syntax" },
		{ "{'a':1}", "syntax" },
		{ "{\"a\":01}", "syntax" },
		{ "{\"a\":+1}", "syntax" },
		{ "{\"a\":.5}", "syntax" },
		{ "{\"a\":NaN}", "syntax" },
		{ "{\"a\":1e999}", "too large" },
		{ "{\"a\":-1e999}", "too large" },
		{ "{\"a\":9223372036854775808}", "beyond 64 bits" },
		{ "{\"a\":-9223372036854775809}", "beyond 64 bits" },
		{ "{\"a\":\"\\u0000\"}", "U+0000" },
		{ "{\"\\u0000\":1}", "U+0000" },
		{ "{\"a\":\"\\ud800\"}", "surrogate" },
		{ "{\"a\":\"\\udc00x\"}", "surrogate" },
		{ "{\"a\":\"\\ud800\\ud800\"}", "surrogate" },
		{ "{\"a\":\"\xff\"}", "UTF-8" },
		{ "{\"a\":\"\xc0\x80\"}", "UTF-8" },
		{ "{\"a\":\"\xed\xa0\x80\"}", "UTF-8" },
		{ "{\"a\":\"\xf4\x90\x80\x80\"}", "UTF-8" },
		{ "{\"a\":\"\xe2\x82\"}", "UTF-8" },
		{ "{\"a\":\"x\ny\"}", "control character" },
		{ "{\"a\":1,\"a\":2}", "twice" },
		{ "{\"a\":1,\"\\u0061\":2}", "twice" },
		{ "\xef\xbb\xbf{}", "syntax" },
		{ "{\"a\":1 /* no */}", "syntax" },
	};
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		e = (struct error){ .code = ERR_NONE };
		if (parse(a, bad[i].text, &e) != NULL)
			fail_msg("accepted: %s", bad[i].text);
		assert_int_equal(e.code, ERR_BAD_JSON);
		if (strstr(e.text, bad[i].reason) == NULL)
			fail_msg("%s: %s", bad[i].text, e.text);
	}
	assert_null(json_parse_strict(a, "{}\0", 3, false, &e));
	assert_null(json_parse_strict(a, "{}\0 ", 4, false, &e));	/* jansson alone would take this */
	assert_null(json_parse_strict(a, "{\"a\":\0\0 1}", 10, false, &e));
	assert_non_null(strstr(e.text, "U+0000"));
	assert_null(json_parse_strict(a, "{\"a\":\"\0\"}", 9, false, &e));
	arena_free(a);
}

/* `count` times `open`, then `close` as often. */
static char *
nested(struct arena *a, int count, const char *open, const char *close)
{
	struct buf b;

	buf_init(&b, a, 64);
	for (int i = 0; i < count; i++)
		buf_add_str(&b, open);
	buf_add_str(&b, "0");
	for (int i = 0; i < count; i++)
		buf_add_str(&b, close);
	return b.text;
}

static void
bounds(void **state)
{
	struct arena *a = arena_new();
	struct error e;
	char *text;

	(void)state;
	assert_non_null(parse(a, nested(a, 32, "{\"a\":", "}"), &e));
	assert_null(parse(a, nested(a, 33, "{\"a\":", "}"), &e));
	assert_non_null(strstr(e.text, "32 levels"));
	assert_null(parse(a, nested(a, 10000, "{\"a\":", "}"), &e));
	assert_null(json_parse_strict(a, nested(a, 100000, "[", ""), 100000, true, &e));
	text = arena_printf(a, "{\"a\":[%s]}", nested(a, 30000, "[],", ""));
	assert_null(parse(a, text, &e));
	assert_non_null(strstr(e.text, "values"));
	arena_free(a);
}

/* What json_text writes is read again: by a later request, from a column, from a kept answer. */
static void
text_is_read_again(void **state)
{
	static const char *const texts[] = { "[1e+20]", "[-1e+19]", "[123456789012345680,1e-7,0.5]",
		"[9223372036854775807,-9223372036854775808]" };
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		json_t *v = json_parse_strict(a, texts[i], strlen(texts[i]), true, &e);
		const char *text = json_text(a, v);
		assert_string_equal(text, texts[i]);
		assert_non_null(json_parse_strict(a, text, strlen(text), true, &e));
	}
	arena_free(a);
}

static void
never_repeats_the_input(void **state)
{
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	assert_null(parse(a, "{\"password\":hunter22", &e));
	assert_null(strstr(e.text, "hunter22"));
	assert_null(parse(a, "{\"hunter22\":1,\"hunter22\":1}", &e));
	assert_null(strstr(e.text, "hunter22"));
	assert_null(parse(a, "{\n  \"a\": 1,\n  \"b\": }", &e));
	assert_non_null(strstr(e.text, "line 3"));
	arena_free(a);
}

static void
canonical_is(const char *input, const char *expected)
{
	struct arena *a = arena_new();
	struct error e;
	json_t *value = json_parse_strict(a, input, strlen(input), true, &e);

	assert_non_null(value);
	assert_string_equal(json_canonical(a, value), expected);
	arena_free(a);
}

static void
canonical_examples(void **state)
{
	(void)state;
	/* RFC 8785 §3.2.2 and §3.2.3 */
	canonical_is("{\"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],"
	    "\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
	    "\"literals\": [null, true, false]}",
	    "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
	    "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
	canonical_is("{\"\\u20ac\": \"Euro Sign\",\"\\r\": \"Carriage Return\","
	    "\"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\",\"1\": \"One\","
	    "\"\\ud83d\\ude00\": \"Emoji: Grinning Face\",\"\\u0080\": \"Control\","
	    "\"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
	    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
	    "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
	    "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
	canonical_is("{\"b\":1,\"a\":{\"d\":[],\"c\":{}},\"aa\":2}",
	    "{\"a\":{\"c\":{},\"d\":[]},\"aa\":2,\"b\":1}");
	canonical_is("[1e20, -1e20]", "[100000000000000000000,-100000000000000000000]");
	canonical_is("[-0, -0.0, 1.0, 100, -5, 9007199254740993]", "[0,0,1,100,-5,9007199254740992]");
}

static double
from_bits(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* RFC 8785, appendix B. */
static void
canonical_numbers(void **state)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} samples[] = {
		{ 0x0000000000000000, "0" }, { 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" }, { 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" }, { 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" }, { 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" }, { 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" }, { 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" }, { 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" }, { 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" }, { 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		json_t *v = json_real(from_bits(samples[i].bits));
		assert_string_equal(json_canonical(a, v), samples[i].text);
		json_decref(v);
	}
	arena_free(a);
}

static void
numbers_read_back(void **state)
{
	struct arena *a = arena_new();
	uint64_t bits = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		json_t *v;
		double d;
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		d = from_bits(bits);
		if (d != d || d - d != 0)
			continue;	/* NaN, infinity */
		v = json_real(d);
		assert_true(strtod(json_canonical(a, v), NULL) == d);
		json_decref(v);
		if (i % 100 == 0)
			arena_reset(a);
	}
	arena_free(a);
}

static void
text_keeps_order_and_integers(void **state)
{
	static const char text[] = "{\"b\":9223372036854775807,\"a\":0.1,\"c\":\"\\u0001\xc3\xa4\"}";
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	assert_string_equal(json_text(a, parse(a, text, &e)), text);
	arena_free(a);
}

/* RFC 7396, appendix A, and what it says of neither changing. */
static void
merge_patch(void **state)
{
	static const struct {
		const char *target, *patch, *result;
	} examples[] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
		{ "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
		{ "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
		{ "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
		{ "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
		{ "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
		{ "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
		{ "{\"a\":\"foo\"}", "null", "null" },
		{ "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
		{ "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
		{ "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
		{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
	};
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		const char *texts[] = { examples[i].target, examples[i].patch };
		json_t *target = json_parse_strict(a, texts[0], strlen(texts[0]), true, &e);
		json_t *patch = json_parse_strict(a, texts[1], strlen(texts[1]), true, &e);
		assert_string_equal(json_text(a, json_merge_patch(a, target, patch)), examples[i].result);
		assert_string_equal(json_text(a, target), texts[0]);
		assert_string_equal(json_text(a, patch), texts[1]);
	}
	assert_string_equal(json_text(a, json_merge_patch(a, NULL, parse(a, "{\"a\":null,\"b\":1}", &e))), "{\"b\":1}");
	arena_free(a);
}

static void
utf8(void **state)
{
	(void)state;
	assert_true(utf8_is_valid("", 0));
	assert_true(utf8_is_valid("a\xc3\xa4\xe2\x82\xb9\xf0\x9f\x98\x80", 10));
	assert_false(utf8_is_valid("a\0b", 3));
	assert_false(utf8_is_valid("\x80", 1));
	assert_false(utf8_is_valid("\xc1\xbf", 2));
	assert_false(utf8_is_valid("\xe0\x9f\xbf", 3));
	assert_false(utf8_is_valid("\xed\xbf\xbf", 3));
	assert_false(utf8_is_valid("\xf0\x8f\xbf\xbf", 4));
	assert_false(utf8_is_valid("\xf5\x80\x80\x80", 4));
	assert_false(utf8_is_valid("\xf0\x9f\x98", 3));
	assert_int_equal(utf8_length("a\xc3\xa4\xe2\x82\xb9\xf0\x9f\x98\x80"), 4);
}

static void
digests(void **state)
{
	char hex[65];

	(void)state;
	sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
whole_numbers(void **state)
{
	struct arena *a = arena_new();
	json_t *v = json_with_integers(json_loads("{\"b\":4.0,\"a\":[1.5,-2.0,{\"x\":0.0}],\"c\":1e16,\"d\":\"4.0\"}",
	    0, NULL));
	json_t *alone = json_with_integers(json_loads("7.0", JSON_DECODE_ANY, NULL));

	(void)state;
	assert_true(json_is_integer(json_object_get(v, "b")));
	assert_string_equal(json_text(a, v), "{\"b\":4,\"a\":[1.5,-2,{\"x\":0}],\"c\":10000000000000000,\"d\":\"4.0\"}");
	assert_true(json_is_real(json_object_get(v, "c")));	/* beyond what a double counts in ones */
	assert_true(json_is_integer(alone));
	assert_null(json_with_integers(NULL));
	json_decref(v);
	json_decref(alone);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounds),
		cmocka_unit_test(never_repeats_the_input),
		cmocka_unit_test(text_is_read_again),
		cmocka_unit_test(canonical_examples),
		cmocka_unit_test(canonical_numbers),
		cmocka_unit_test(numbers_read_back),
		cmocka_unit_test(text_keeps_order_and_integers),
		cmocka_unit_test(merge_patch),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(utf8),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
