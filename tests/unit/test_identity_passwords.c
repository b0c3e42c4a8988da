/* argon2id: what matches, what is refused, what costs the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "clock.h"
#include "passwords.h"
#include "request.h"

static struct request *rq;

static int
setup(void **state)
{
	(void)state;
	passwords_init(2, 1024);
	rq = request_new(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	request_free(rq);
	return 0;
}

static bool
matches(const char *hash, const char *password)
{
	bool result = true;

	assert_int_equal(password_verify(rq, hash, password, &result), 0);
	return result;
}

static void
hash_and_verify(void **state)
{
	const char *one, *other;

	(void)state;
	assert_int_equal(password_hash(rq, "blue kettle 77", &one), 0);
	assert_int_equal(password_hash(rq, "blue kettle 77", &other), 0);
	assert_string_not_equal(one, other);
	assert_memory_equal(one, "$argon2id$v=19$m=1024,t=2,p=1$", 30);
	assert_true(matches(one, "blue kettle 77"));
	assert_false(matches(one, "blue kettle 78"));
	assert_false(matches(one, "Blue kettle 77"));
	assert_false(matches(one, ""));
	assert_false(matches(NULL, "blue kettle 77"));
	assert_false(matches("", "blue kettle 77"));
	assert_false(matches(PASSWORD_NONE, "blue kettle 77"));
	assert_false(matches(PASSWORD_NONE, PASSWORD_NONE));
}

static void
normalised(void **state)
{
	const char *hash;

	(void)state;
	assert_int_equal(password_hash(rq, "caf\xc3\xa9 noir", &hash), 0);	/* é as one character */
	assert_true(matches(hash, "cafe\xcc\x81 noir"));			/* and as two */
	assert_true(matches(hash, "cafe\xcc\x81\xc2\xa0noir"));		/* with a space that breaks no line */
	assert_false(matches(hash, "cafe noir"));
	assert_int_equal(password_hash(rq, "kettle \xc2\xb2 \xef\xbc\x91", &hash), 0);	/* "²", full-width "1" */
	assert_true(matches(hash, "kettle \xc2\xb2 \xef\xbc\x91"));
	assert_false(matches(hash, "kettle 2 1"));
}

static bool
refused(const char *password, const char *email, const char *code)
{
	struct request *asked = request_new(NULL);
	bool result = password_check(asked, "password", password, email) < 0;

	if (result) {
		assert_int_equal(asked->problem.code, ERR_VALIDATION);
		assert_string_equal(asked->problem.fields->pointer, "/password");
		assert_string_equal(asked->problem.fields->code, code);
	}
	request_free(asked);
	return result;
}

static void
rules(void **state)
{
	char big[2001];

	(void)state;
	assert_true(refused("", NULL, "too_short"));
	assert_true(refused("kettle7", NULL, "too_short"));
	assert_true(refused("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL, "too_short"));
	assert_false(refused("kettle78", NULL, ""));
	assert_false(refused("only lower case words", NULL, ""));
	assert_true(refused("password", NULL, "too_common"));
	assert_true(refused("PassWord1", NULL, "too_common"));
	assert_true(refused("qwertyuiop", NULL, "too_common"));
	assert_true(refused("1234567890", NULL, "too_common"));
	assert_true(refused("iloveyou", NULL, "too_common"));
	assert_false(refused("sword\npass", NULL, ""));
	assert_true(refused("asha@example.org", "Asha@Example.org", "too_common"));
	assert_true(refused("asha.menon", "asha.menon@example.org", "too_common"));
	assert_false(refused("asha.menon7", "asha.menon@example.org", ""));
	memset(big, 'x', 2000);
	big[2000] = '\0';
	assert_true(refused(big, NULL, "too_long"));
	assert_true(refused(big + 2000 - 257, NULL, "too_long"));
	assert_false(refused(big + 2000 - 256, NULL, ""));
	assert_false(refused(big + 2000 - 64, NULL, ""));
}

/* Counted in code points of the one form, not as typed and not in bytes. */
static void
length(void **state)
{
	char typed[3 * 257 + 1];

	(void)state;
	assert_true(refused("cafe\xcc\x81 no", NULL, "too_short"));	/* eight as typed, seven composed */
	assert_false(refused("cafe\xcc\x81 noi", NULL, ""));
	for (int i = 0; i < 257; i++)
		memcpy(typed + (size_t)3 * i, "e\xcc\x81", 3);
	typed[sizeof(typed) - 1] = '\0';
	assert_true(refused(typed, NULL, "too_long"));
	assert_false(refused(typed + 3, NULL, ""));	/* 512 as typed */
}

static void
rehash(void **state)
{
	const char *hash;

	(void)state;
	assert_int_equal(password_hash(rq, "blue kettle 77", &hash), 0);
	assert_false(password_needs_rehash(hash));
	passwords_init(3, 1024);
	assert_true(password_needs_rehash(hash));
	assert_true(password_needs_rehash("no hash"));
	assert_true(matches(hash, "blue kettle 77"));
}

/* A known account, an unknown one and an absurd password take the same work. */
static void
unknown_costs_the_same(void **state)
{
	const char *hash;
	char big[20000];
	int64_t known, unknown, absurd, cheaper, t;

	(void)state;
	passwords_init(2, 19456);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(password_hash(rq, "blue kettle 77", &hash), 0);
	t = clock_mono_us();
	for (int i = 0; i < 5; i++)
		matches(hash, "blue kettle 78");
	known = clock_mono_us() - t;
	for (int i = 0; i < 5; i++)
		matches(NULL, "blue kettle 78");
	unknown = clock_mono_us() - t - known;
	for (int i = 0; i < 5; i++)
		matches(hash, big);
	absurd = clock_mono_us() - t - known - unknown;
	assert_in_range(unknown, known / 3, known * 3);	/* wide: other work shares the machine */
	assert_in_range(absurd, known / 3, known * 3);
	passwords_init(20, 19456);	/* the cost has risen since the hash was made */
	t = clock_mono_us();
	matches(hash, "blue kettle 78");
	cheaper = clock_mono_us() - t;
	matches(NULL, "blue kettle 78");
	unknown = clock_mono_us() - t - cheaper;
	assert_in_range(cheaper, unknown / 3, unknown * 3);
	t = clock_mono_us();
	matches(PASSWORD_NONE, "blue kettle 78");
	cheaper = clock_mono_us() - t;
	assert_in_range(cheaper, unknown / 3, unknown * 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hash_and_verify, setup, teardown),
		cmocka_unit_test_setup_teardown(normalised, setup, teardown),
		cmocka_unit_test_setup_teardown(rules, setup, teardown),
		cmocka_unit_test_setup_teardown(length, setup, teardown),
		cmocka_unit_test_setup_teardown(rehash, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_costs_the_same, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
