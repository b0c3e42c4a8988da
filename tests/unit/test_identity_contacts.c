/* Phone numbers have one form, or none. */
#include <string.h>

#include "arena_test.h"
#include "contacts.h"

static void
test_phone_has_one_form(void **state)
{
	(void)state;
	assert_string_equal(phone_normalise(a, "98765 43210"), "+919876543210");
	assert_string_equal(phone_normalise(a, "+91 (98765) 43-210 "), "+919876543210");
	assert_string_equal(phone_normalise(a, "919876543210"), "+919876543210");
	assert_string_equal(phone_normalise(a, "+4930123456"), "+4930123456");
}

static void
test_what_is_no_phone(void **state)
{
	static const char *const wrong[] = { "", "+", "1234567", "+1234567", "+0123456789",
		"1234567890123456", "98765x43210", "++919876543210", "call me" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_null(phone_normalise(a, wrong[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_phone_has_one_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_phone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
