/* The published vectors of RFC 4226 and RFC 6238, drift and replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "totp.h"

static const char secret[] = "12345678901234567890";
#define SECRET secret, sizeof(secret) - 1

/* RFC 4226, appendix D. */
static void
counter_vectors(void **state)
{
	static const char *const wanted[] = { "755224", "287082", "359152", "969429", "338314",
	    "254676", "287922", "162583", "399871", "520489" };
	char code[10];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		totp_code(SECRET, (int64_t)i, 6, code);
		assert_string_equal(code, wanted[i]);
	}
}

/* RFC 6238, appendix B, the column of SHA-1. */
static void
time_vectors(void **state)
{
	static const struct {
		int64_t time_s;
		const char *code;
	} wanted[] = {
		{ 59, "94287082" }, { 1111111109, "07081804" }, { 1111111111, "14050471" },
		{ 1234567890, "89005924" }, { 2000000000, "69279037" }, { 20000000000, "65353130" },
	};
	char code[10];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		totp_code(SECRET, wanted[i].time_s / TOTP_PERIOD_S, 8, code);
		assert_string_equal(code, wanted[i].code);
		/* and as a sign-in meets them: the last six digits */
		assert_int_equal(totp_match(SECRET, code + 2, wanted[i].time_s, 0),
		    wanted[i].time_s / TOTP_PERIOD_S);
	}
}

static void
drift_and_replay(void **state)
{
	const int64_t now_s = 1234567890, now = now_s / TOTP_PERIOD_S;
	char code[10];

	(void)state;
	for (int64_t off = -3; off <= 3; off++) {
		totp_code(SECRET, now + off, TOTP_DIGITS, code);
		bool is_near = off >= -TOTP_DRIFT_STEPS && off <= TOTP_DRIFT_STEPS;
		assert_int_equal(totp_match(SECRET, code, now_s, 0), is_near ? now + off : 0);
		/* a step that was taken, or an earlier one, is not taken again */
		assert_int_equal(totp_match(SECRET, code, now_s, now + off), 0);
		assert_int_equal(totp_match(SECRET, code, now_s, now + off - 1), is_near ? now + off : 0);
	}
}

static void
no_codes(void **state)
{
	static const char *const bad[] = { "", "0", "00592", "0059240", "005925", "89005924", "abcdef",
	    " 05924", "٠٠٥٩٢٤" };

	(void)state;
	assert_int_not_equal(totp_match(SECRET, "005924", 1234567890, 0), 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(totp_match(SECRET, bad[i], 1234567890, 0), 0);
}

/* RFC 4648, section 10. */
static void
base32_vectors(void **state)
{
	static const char *const wanted[][2] = { { "", "" }, { "f", "MY" }, { "fo", "MZXQ" },
	    { "foo", "MZXW6" }, { "foob", "MZXW6YQ" }, { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" } };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		assert_string_equal(base32_text(a, wanted[i][0], strlen(wanted[i][0])), wanted[i][1]);
	arena_free(a);
}

static void
uris(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(totp_uri(a, "Nxt gauge", "josé+1@example.com", "MZXW6"),
	    "otpauth://totp/Nxt%20gauge:jos%C3%A9%2B1%40example.com?secret=MZXW6&issuer=Nxt%20gauge"
	    "&algorithm=SHA1&digits=6&period=30");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counter_vectors), cmocka_unit_test(time_vectors),
		cmocka_unit_test(drift_and_replay), cmocka_unit_test(no_codes),
		cmocka_unit_test(base32_vectors), cmocka_unit_test(uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
