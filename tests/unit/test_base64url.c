/* base64url: RFC 4648's vectors without their padding, and whatever is not exactly one text of some bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "base64url.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
vectors(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *bytes = pairs[i][0], *text = pairs[i][1];
		size_t n = 99;
		const unsigned char *got = base64url_bytes(*state, text, strlen(text), &n);

		assert_string_equal(base64url_text(*state, bytes, strlen(bytes)), text);
		assert_non_null(got);
		assert_int_equal(n, strlen(bytes));
		assert_memory_equal(got, bytes, n);
		assert_int_equal(BASE64URL_LEN(n), strlen(text));
	}
}

static void
every_byte(void **state)
{
	unsigned char all[256];
	const unsigned char *got;
	const char *text;
	size_t n;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	text = base64url_text(*state, all, sizeof(all));
	got = base64url_bytes(*state, text, strlen(text), &n);
	assert_int_equal(n, sizeof(all));
	assert_memory_equal(got, all, n);
}

static void
nothing_else(void **state)
{
	static const char *const bad[] = {
		"Zg==", "Zm8=", "Zg=", "=",			/* padding */
		"Z", "Zm9vY",					/* no bytes have such a length */
		"Zh", "Zm9", "Zm9vYh",				/* bits of no byte */
		"+//+", "Zm9v.", "Zm 9v", " Zm9v", "Zm9v\n", "Zm9\xc3\xa9",	/* other characters */
	};
	size_t n = 99;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(base64url_bytes(*state, bad[i], strlen(bad[i]), &n));
	assert_null(base64url_bytes(*state, "Zm9v\0Zg", 7, &n));
	assert_int_equal(n, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vectors, setup, teardown),
		cmocka_unit_test_setup_teardown(every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_else, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
