/* The mustache subset of notify's templates: what is rendered, and what is refused in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "error.h"
#include "mustache.h"

struct rendered {
	const char *name, *text, *data, *want;
	enum mustache_escape escape;
};

static const struct rendered rendered[] = {
	{ "text stays", "Hello from {Mustache}!\n", "{}", "Hello from {Mustache}!\n" },
	{ "value", "Hello, {{subject}}!", "{\"subject\":\"world\"}", "Hello, world!" },
	{ "spaces in the tag", "|{{ string }}|", "{\"string\":\"-\"}", "|-|" },
	{ "html", "{{x}}", "{\"x\":\"& \\\" < > '\"}", "&amp; &quot; &lt; &gt; &#39;", MUSTACHE_HTML },
	{ "raw", "{{{x}}} {{&x}}", "{\"x\":\"<b>\"}", "<b> <b>", MUSTACHE_HTML },
	{ "plain is not escaped", "{{x}}", "{\"x\":\"<b>\"}", "<b>" },
	{ "line", "{{x}}", "{\"x\":\"a\\r\\nBcc: b\\tc\"}", "a Bcc: b c", MUSTACHE_LINE },
	{ "integer", "{{n}} coins", "{\"n\":85}", "85 coins" },
	{ "decimal", "{{n}}", "{\"n\":1.21}", "1.21" },
	{ "null is nothing", "I ({{x}}) be", "{\"x\":null}", "I () be" },
	{ "missing is nothing", "I ({{y}}) be", "{}", "I () be" },
	{ "dotted", "{{a.b.c}}", "{\"a\":{\"b\":{\"c\":\"deep\"}}}", "deep" },
	{ "broken chain", "({{a.b.c}})", "{\"a\":{},\"c\":\"x\"}", "()" },
	{ "first part decides", "{{#a}}{{b.name}}{{/a}}", "{\"a\":{\"b\":{}},\"b\":{\"name\":\"x\"}}", "" },
	{ "truthy", "{{#b}}yes{{/b}}", "{\"b\":true}", "yes" },
	{ "falsy", "{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":false}", "no" },
	{ "empty text is falsy", "{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":\"\"}", "no" },
	{ "zero is falsy", "{{^b}}no{{/b}}", "{\"b\":0}", "no" },
	{ "missing section", "[{{#x}}a{{/x}}{{^x}}b{{/x}}]", "{}", "[b]" },
	{ "list", "{{#l}}{{n}},{{/l}}", "{\"l\":[{\"n\":1},{\"n\":2}]}", "1,2," },
	{ "empty list", "[{{#l}}x{{/l}}{{^l}}none{{/l}}]", "{\"l\":[]}", "[none]" },
	{ "implicit", "{{#l}}({{.}}){{/l}}", "{\"l\":[\"a\",2]}", "(a)(2)" },
	{ "outer names", "{{#a}}{{x}}{{y}}{{/a}}", "{\"a\":{\"x\":1},\"x\":0,\"y\":2}", "12" },
	{ "nested same", "{{#a}}A{{#b}}B{{/b}}{{/a}}{{#b}}C{{/b}}", "{\"a\":true,\"b\":true}", "ABC" },
	{ "comment", "12{{! out }}34", "{}", "1234" },
	{ "comment line goes", "a\n{{! out }}\nb\n", "{}", "a\nb\n" },
	{ "section lines go", "a\n{{#t}}\nb\n{{/t}}\nc\n", "{\"t\":true}", "a\nb\nc\n" },
	{ "indented section lines go", "|\n  {{#t}}\n|\n  {{/t}}\n|", "{\"t\":true}", "|\n|\n|" },
	{ "inline section stays", " | {{#t}}\t|\t{{/t}} | \n", "{\"t\":true}", " | \t|\t | \n" },
	{ "line ends by CRLF", "|\r\n{{#t}}\r\n{{/t}}\r\n|", "{\"t\":true}", "|\r\n|" },
	{ "alone at the end", "#{{#t}}\n/\n  {{/t}}", "{\"t\":true}", "#\n/\n" },
	{ "values are not templates", "{{x}}", "{\"x\":\"{{y}}\",\"y\":\"no\"}", "{{y}}" },
};

static const struct {
	const char *name, *text, *data, *want;
	unsigned flags;
} refused[] = {
	{ "unclosed tag", "a\nb {{x", "{}", "line 2: a tag that is not closed", 0 },
	{ "unclosed section", "{{#x}}a", "{\"x\":true}", "line 1: the text ends inside {{x}}", 0 },
	{ "crossed", "{{#x}}{{#y}}{{/x}}{{/y}}", "{}", "line 1: this section was not opened last: {{x}}", 0 },
	{ "end without begin", "{{/x}}", "{}", "line 1: this section was not opened last: {{x}}", 0 },
	{ "no name", "{{ }}", "{}", "line 1: a tag without a name", 0 },
	{ "partial", "{{> x}}", "{}", "line 1: partials and other delimiters are not known here", 0 },
	{ "delimiters", "{{=<% %>=}}", "{}", "line 1: partials and other delimiters are not known here", 0 },
	{ "strict", "{{x}}", "{}", "line 1: there is nothing called {{x}}", MUSTACHE_STRICT },
	{ "strict section", "{{#x}}{{/x}}", "{}", "line 1: there is nothing called {{x}}", MUSTACHE_STRICT },
	{ "no raw", "{{{x}}}", "{\"x\":1}", "line 1: nothing is put in unescaped here: {{x}}", MUSTACHE_NO_RAW },
};

static void
test_rendered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rendered); i++) {
		struct arena *a = arena_new();
		json_t *data = json_loads(rendered[i].data, 0, NULL);
		struct error e = { 0 };
		char *got = mustache_render(a, rendered[i].text, data, rendered[i].escape, 0, &e);
		if (got == NULL || strcmp(got, rendered[i].want) != 0)
			fail_msg("%s: %s", rendered[i].name, got != NULL ? got : e.text);
		json_decref(data);
		arena_free(a);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct arena *a = arena_new();
		json_t *data = json_loads(refused[i].data, 0, NULL);
		struct error e = { 0 };
		if (mustache_render(a, refused[i].text, data, MUSTACHE_PLAIN, refused[i].flags, &e) != NULL ||
		    strcmp(e.text, refused[i].want) != 0)
			fail_msg("%s: %s", refused[i].name, e.text);
		json_decref(data);
		arena_free(a);
	}
}

/* Both branches are judged, whatever the sample says. */
static void
test_check(void **state)
{
	struct arena *a = arena_new();
	json_t *sample = json_loads("{\"flag\":false,\"items\":[{\"name\":\"x\"}]}", 0, NULL);
	struct error e = { 0 };

	(void)state;
	assert_int_equal(mustache_check(a, "{{#flag}}{{#items}}{{name}}{{/items}}{{/flag}}", sample,
	    MUSTACHE_STRICT, &e), 0);
	assert_int_equal(mustache_check(a, "{{#flag}}{{lost}}{{/flag}}", sample, MUSTACHE_STRICT, &e), -1);
	assert_string_equal(e.text, "line 1: there is nothing called {{lost}}");
	assert_int_equal(mustache_check(a, "{{^items}}{{lost}}{{/items}}", sample, MUSTACHE_STRICT, &e), -1);
	assert_int_equal(mustache_check(a, "{{#items}}{{lost}}{{/items}}", sample, MUSTACHE_STRICT, &e), -1);
	assert_int_equal(mustache_check(a, "{{#items}}{{#flag}}{{#items}}x{{/items}}{{/flag}}{{/items}}", sample,
	    MUSTACHE_STRICT, &e), -1);
	assert_string_equal(e.text, "line 1: a section inside itself: {{items}}");
	assert_int_equal(mustache_check(a, "{{#items}}x{{/items}}{{^items}}{{#items}}{{/items}}{{/items}}", sample,
	    MUSTACHE_STRICT, &e), 0);
	json_decref(sample);
	arena_free(a);
}

/* Lists inside lists, nothing put out: 20^8 passes would take years. */
static void
test_work_is_bounded(void **state)
{
	static const char *const lists[] = { "{{#l}}", "{{#l}}{{^l}}long{{/l}}" };
	struct arena *a = arena_new();
	json_t *data = json_object(), *list = json_array();

	(void)state;
	for (int i = 0; i < 20; i++)
		json_array_append_new(list, json_string("x"));
	json_object_set_new(data, "l", list);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		struct error e = { 0 };
		struct buf b;

		buf_init(&b, a, 256);
		for (int n = 0; n < 8; n++)
			buf_add_str(&b, lists[i]);
		for (int n = 0; n < 8; n++)
			buf_add_str(&b, "{{/l}}");
		assert_null(mustache_render(a, b.text, data, MUSTACHE_PLAIN, MUSTACHE_STRICT, &e));
		assert_string_equal(e.text, "line 1: the sections around this are gone through too often");
	}
	json_decref(data);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rendered),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_work_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
