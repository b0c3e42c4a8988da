/* Every refusal is a valid problem document; the catalogue holds together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "json.h"
#include "problem.h"
#include "request.h"

static json_t *
rendered(struct request *rq)
{
	struct buf b;
	struct error e;
	json_t *doc;

	buf_init(&b, rq->arena, 64);
	problem_render(&b, rq);
	doc = json_parse_strict(rq->arena, b.text, b.len, false, &e);
	assert_non_null(doc);
	return doc;
}

static const char *
member(const json_t *doc, const char *name)
{
	return json_string_value(json_object_get(doc, name));
}

static void
whole_document(void **state)
{
	static const char *const legal[] = { "approve", "withdraw", NULL };
	struct request *rq = request_new(NULL);
	json_t *doc, *first;

	(void)state;
	rq->request_id = "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
	fail_field(rq, "email", "required", "is \"required\"");
	fail_field(rq, "items/0/quantity", "too_small", "at least %d", 1);
	fail_field(rq, "/items/1", "unknown", "a pointer as it is");
	rq->problem.legal = legal;
	doc = rendered(rq);
	assert_string_equal(member(doc, "type"), "/errors#validation_failed");
	assert_string_equal(member(doc, "title"), "Validation failed");
	assert_int_equal(json_integer_value(json_object_get(doc, "status")), 422);
	assert_string_equal(member(doc, "code"), "validation_failed");
	assert_string_equal(member(doc, "request_id"), rq->request_id);
	assert_int_equal(json_array_size(json_object_get(doc, "errors")), 3);
	assert_string_equal(member(json_array_get(json_object_get(doc, "errors"), 2), "pointer"), "/items/1");
	first = json_array_get(json_object_get(doc, "errors"), 0);
	assert_string_equal(member(first, "pointer"), "/email");
	assert_string_equal(member(first, "code"), "required");
	assert_string_equal(member(first, "detail"), "is \"required\"");
	assert_int_equal(json_array_size(json_object_get(doc, "legal")), 2);
	request_free(rq);
}

static void
never_without_a_reason(void **state)
{
	struct request *rq = request_new(NULL);
	json_t *doc;

	(void)state;
	rq->problem.internal = "SELECT secret";
	doc = rendered(rq);
	assert_string_equal(member(doc, "code"), "internal");
	assert_null(strstr(json_text(rq->arena, doc), "SELECT"));
	fail(rq, ERR_NOT_FOUND, "bytes \xff\xfe that are no text");
	doc = rendered(rq);
	assert_string_equal(member(doc, "detail"), error_info(ERR_NOT_FOUND)->doc);
	request_free(rq);
}

static void
bare(void **state)
{
	struct arena *a = arena_new();
	struct error e;
	struct buf b;
	json_t *doc;

	(void)state;
	buf_init(&b, a, 64);
	problem_render_bare(&b, ERR_TOO_LARGE, NULL, "/v1/\xffjobs\"\\", NULL);
	doc = json_parse_strict(a, b.text, b.len, false, &e);
	assert_non_null(doc);
	assert_string_equal(member(doc, "instance"), "/v1/%FFjobs%22%5C");
	assert_string_equal(member(doc, "detail"), error_info(ERR_TOO_LARGE)->doc);
	assert_null(json_object_get(doc, "request_id"));
	arena_free(a);
}

static void
catalogue(void **state)
{
	(void)state;
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		const struct error_info *info = error_info((enum error_code)i);
		assert_in_range(info->status, 400, 505);
		assert_true(strlen(info->doc) > 10);
		assert_int_equal(strspn(info->code, "abcdefghijklmnopqrstuvwxyz_"), strlen(info->code));
		for (int j = i + 1; j < ERROR_COUNT; j++)
			if (strcmp(info->code, error_info((enum error_code)j)->code) == 0)
				assert_true(info->status != error_info((enum error_code)j)->status);
	}
	assert_int_equal(error_for_status(400), ERR_BAD_REQUEST);
	assert_int_equal(error_for_status(408), ERR_TIMEOUT);
	assert_int_equal(error_for_status(413), ERR_TOO_LARGE);
	assert_int_equal(error_for_status(503), ERR_OVERLOADED);
	assert_int_equal(error_for_status(505), ERR_VERSION_NOT_SUPPORTED);
	assert_int_equal(error_for_status(418), ERR_BAD_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_document),
		cmocka_unit_test(never_without_a_reason),
		cmocka_unit_test(bare),
		cmocka_unit_test(catalogue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
