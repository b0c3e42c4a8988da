/* Addresses have one form, or none. */
#include <string.h>

#include "arena_test.h"
#include "email_address.h"

static void
test_email_has_one_form(void **state)
{
	static const char *const pairs[][2] = {
		{ "a@example.com", "a@example.com" },
		{ "  A.b+c@EXAMPLE.Com\t", "A.b+c@example.com" },
		{ "e\xcc\x81@example.com", "\xc3\xa9@example.com" },	/* NFC */
		{ "x@B\xc3\x9c" "CHER.example", "x@b\xc3\xbc" "cher.example" },
		{ "x@xn--bcher-kva.example", "x@xn--bcher-kva.example" },
		/* Devanagari, with a joiner after its virama */
		{ "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d@example.in", "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d@example.in" },
		{ "o'neil!#$%&*/=?^_`{|}~-@a-b.c1.org", "o'neil!#$%&*/=?^_`{|}~-@a-b.c1.org" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		assert_string_equal(email_normalise(a, pairs[i][0]), pairs[i][1]);
}

static void
test_a_domain_has_one_readable_form(void **state)
{
	static const char *const pairs[][2] = {
		{ "a@example.com", "a@example.com" },
		{ "a@xn--80ak6aa92e.com", "a@\xd0\xb0\xd1\x80\xd1\x80\xd3\x8f\xd0\xb5.com" },
		{ "a@\xd0\xb0\xd1\x80\xd1\x80\xd3\x8f\xd0\xb5.com", "a@\xd0\xb0\xd1\x80\xd1\x80\xd3\x8f\xd0\xb5.com" },
		{ "a@\xef\xbd\x85xample.com", "a@example.com" },		/* a full-width e */
		{ "a@b.xn--bcher-kva.example", "a@b.b\xc3\xbc" "cher.example" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		const char *email = email_normalise(a, pairs[i][0]);
		assert_non_null(email);
		assert_string_equal(email_readable(a, email), pairs[i][1]);
	}
}

static void
test_what_is_no_email(void **state)
{
	static const char *const wrong[] = { "", "@", "a", "a@", "@b.org", "a@b", "a@b.", "a@.org",
		"a@b..org", "a b@c.org", "a@b@c.org", ".a@b.org", "a.@b.org", "a..b@c.org", "a@-b.org",
		"a@b_c.org", "<a@b.org>", "a@b.org\n.c", "\"a\"@b.org", "a@[127.0.0.1]", "a\x7f@b.org",
		"a@.b.org", "a\xe2\x80\x8b@b.org" /* U+200B */, "a\xe2\x80\x8d@b.org" /* a joiner that joins nothing */,
		"a\xc2\xa0" "b@c.org" /* U+00A0 */, "a\xe2\x80\xae@b.org" /* U+202E */, "a\xee\x80\x80@b.org" /* U+E000 */,
		"a\xc2\x85@b.org" /* U+0085 */, "a@b.org\xe2\x80\x8b" /* U+200B */, "a@exa\xc2\xadmple.org" /* U+00AD */ };
	char too_long[400];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_null(email_normalise(a, wrong[i]));
	memset(too_long, 'a', sizeof(too_long));
	strcpy(too_long + 65, "@b.org");
	assert_null(email_normalise(a, too_long));
	memset(too_long, 'a', sizeof(too_long));
	memcpy(too_long, "a@", 2);
	strcpy(too_long + 300, ".org");
	assert_null(email_normalise(a, too_long));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_email_has_one_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_domain_has_one_readable_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_email, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
