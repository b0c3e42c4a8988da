/* What identity seals notify opens, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "error.h"
#include "secretbox.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
sealing(void **state)
{
	struct arena *a = arena_new();
	struct secretbox_key own;
	struct error e;
	char *one, *other;

	(void)state;
	assert_int_equal(secretbox_init(KEY, &e), 0);
	one = secretbox_seal(a, "the token");
	other = secretbox_seal(a, "the token");
	assert_string_not_equal(one, other);
	assert_string_equal(secretbox_open(a, one), "the token");
	assert_string_equal(secretbox_open(a, secretbox_seal(a, "")), "");
	for (size_t i = 0; one[i] != '\0'; i++) {
		char was = one[i];
		one[i] = was == 'A' ? 'B' : 'A';
		assert_null(secretbox_open(a, one));
		one[i] = was;
	}
	assert_null(secretbox_open(a, ""));
	assert_null(secretbox_open(a, "AAAA"));
	assert_null(secretbox_open(a, "not base64!"));
	assert_int_equal(secretbox_key_init(&own, "OWN_KEY", KEY, &e), 0);
	assert_string_equal(secretbox_open_with(&own, a, one), "the token");
	own.bytes[0] ^= 1;
	assert_null(secretbox_open_with(&own, a, one));
	assert_string_equal(secretbox_open_with(&own, a, secretbox_seal_with(&own, a, "mine")), "mine");
	assert_int_equal(secretbox_init("ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", &e), 0);
	assert_null(secretbox_open(a, one));
	arena_free(a);
}

static void
keys(void **state)
{
	static const char *const bad[] = { "", "00", KEY "00", KEY "0", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" };
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(secretbox_init(bad[i], &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sealing), cmocka_unit_test(keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
