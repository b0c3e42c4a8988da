/* Secrets are random, stored as a hash, and open only what was sealed under them. */
#include <string.h>

#include "arena_test.h"
#include "secrets.h"

static void
test_new_ones_differ(void **state)
{
	const char *one = secret_new(a), *two = secret_new(a);

	(void)state;
	assert_int_equal(strlen(one), 43);
	assert_string_not_equal(one, two);
	assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
}

static void
test_hash_is_sha256(void **state)
{
	(void)state;
	assert_string_equal(secret_hash(a, "abc"),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_only_the_holder_opens(void **state)
{
	const char *parent = secret_new(a), *sealed = secret_seal(a, parent, "successor");
	char *touched = arena_strdup(a, sealed);

	(void)state;
	assert_memory_equal(sealed, "\\x", 2);
	assert_string_equal(secret_open(a, parent, sealed), "successor");
	assert_null(secret_open(a, secret_new(a), sealed));
	assert_null(secret_open(a, secret_hash(a, parent), sealed));
	touched[strlen(touched) - 1] = touched[strlen(touched) - 1] == '0' ? '1' : '0';
	assert_null(secret_open(a, parent, touched));
	assert_null(secret_open(a, parent, ""));
	assert_null(secret_open(a, parent, "\\x00"));
	assert_null(secret_open(a, parent, "\\xzz"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_ones_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_is_sha256, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_holder_opens, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
