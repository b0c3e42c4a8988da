/* What the scan of free text must find, and what it must leave alone. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arena.h"
#include "contact_scan.h"
#include "gst.h"

static const char *const contacts[] = {
	"see https://example.org/me", "find me at www.example.org", "my site: studio-nova.in",
	"example.com", "Example.CO.IN today", "mail: asha@example.org", "asha at gmail dot com",
	"asha[at]example[dot]com", "asha (at) studio (dot) in", "write asha@gmail", "studio dot com",
	"studio . com", "studio [.] com", "asha at gmail", "ex\xef\xbd\x81mple\xef\xbc\x8e\x63om",
	"call 9876543210", "call +91 98765 43210", "98765-43210", "9 8 7 6 5 4 3 2 1 0",
	"9,8,7,6,5,4,3,2,1,0", "(987) 654-3210 now", "09876543210", "080 2345 6789",
	"nine eight seven six five four three two one zero", "nine8seven6five4three2one0",
	"double nine eight seven triple six five four three",
	"\xe0\xa5\xaf\xe0\xa5\xae\xe0\xa5\xad\xe0\xa5\xac\xe0\xa5\xab\xe0\xa5\xaa\xe0\xa5\xa9\xe0\xa5\xa8\xe0\xa5\xa7\xe0\xa5\xa6",
	"98765\xe2\x80\x8b" "43210", "9876o4321o", "+44 20 7946 0958", "wa.me/91",
};
static const char *const prose[] = {
	"", "Senior C developer, 5 years", "Salary 60000-75000 a month", "65,000 - 80,000 INR",
	"Rs 2,00,00,000 turnover", "B.Com or M.Com preferred", "ASP.NET, Node.js, Vue.js, Socket.IO",
	"From 2015 to 2019, then 2020-2024", "Pincode 560001, ward 12", "Work in Pune. In Delhi too.",
	"We meet at 10.30 in the morning", "24/7 support, 1920x1080", "GST 29ABCDE1234F1ZW",
	"I look at outlooks and at yards", "connect the dots", "one or two or three",
	"2019 2020 2021 2022", "Budget: 50000 to 100000", "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5\x87",
	"12 weddings, 300 guests, 5 cities", "C++20, C#, .NET Core", "e.g. a to z", "at the org level",
};

static void
finds_contacts(void **state)
{
	const char *what = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(contacts); i++)
		if (!contact_scan(contacts[i], &what))
			fail_msg("not found: %s", contacts[i]);
}

static void
leaves_prose(void **state)
{
	const char *what = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(prose); i++)
		if (contact_scan(prose[i], &what))
			fail_msg("taken for %s: %s", what, prose[i]);
}

static void
says_what(void **state)
{
	const char *what = NULL;

	(void)state;
	assert_true(contact_scan("x@example.org", &what));
	assert_string_equal(what, "an e-mail address");
	assert_true(contact_scan("example.org", &what));
	assert_string_equal(what, "a web address");
	assert_true(contact_scan("98765 43210", &what));
	assert_string_equal(what, "a phone number");
}

static void
masks_aadhaar(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	/* 2341 2341 2346 is the example whose check digit holds */
	assert_string_equal(aadhaar_mask(a, "card 2341 2341 2346.pdf"), "card XXXX XXXX 2346.pdf");
	assert_string_equal(aadhaar_mask(a, "234123412346"), "XXXXXXXX2346");
	assert_string_equal(aadhaar_mask(a, "2341-2341-2346"), "XXXX-XXXX-2346");
	assert_string_equal(aadhaar_mask(a, "2341 2341 2347"), "2341 2341 2347");
	assert_string_equal(aadhaar_mask(a, "2341_2341.2346.pdf"), "XXXX_XXXX.2346.pdf");
	assert_string_equal(aadhaar_mask(a, "23412341\xe2\x80\x8b" "2346"), "XXXXXXXX\xe2\x80\x8b" "2346");	/* U+200B */
	assert_string_equal(aadhaar_mask(a, "\xe0\xa5\xa8\xe0\xa5\xa9\xe0\xa5\xaa\xe0\xa5\xa7" "23412346"),
	    "XXXXXXXX2346");	/* Devanagari */
	assert_string_equal(aadhaar_mask(a, "2341\xef\xbc\x92" "3412346"), "XXXXXXXX2346");	/* full width */
	assert_string_equal(aadhaar_mask(a, ""), "");
	/* the last four digits begin another number */
	assert_string_equal(aadhaar_mask(a, "2341 2341 2346 5678 0004"), "XXXX XXXX XXXX XXXX 0004");
	assert_string_equal(aadhaar_mask(a, "123412341234"), "123412341234");
	assert_null(aadhaar_mask(a, NULL));
	arena_free(a);
}

static void
test_state_codes_are_documented_as_they_are(void **state)
{
	regex_t pattern;
	char code[12];

	(void)state;
	assert_int_equal(regcomp(&pattern, GST_STATE_PATTERN, REG_EXTENDED | REG_NOSUB), 0);
	for (int i = 0; i <= 100; i++) {
		snprintf(code, sizeof(code), "%02d", i);
		assert_int_equal(regexec(&pattern, code, 0, NULL, 0) == 0, gst_state_is_valid(code));
	}
	regfree(&pattern);
}

static void
checks_gstin(void **state)
{
	(void)state;
	assert_true(gstin_is_valid("29ABCDE1234F1ZW"));
	assert_true(gstin_is_valid("33ABCDE1234F1Z7"));
	assert_false(gstin_is_valid("29ABCDE1234F1ZX"));
	assert_false(gstin_is_valid("29ABCDE1234F1Z"));
	assert_false(gstin_is_valid("00ABCDE1234F1ZW"));
	assert_true(gst_state_is_valid("29"));
	assert_false(gst_state_is_valid("00"));
	assert_false(gst_state_is_valid("2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_contacts),
		cmocka_unit_test(leaves_prose),
		cmocka_unit_test(says_what),
		cmocka_unit_test(masks_aadhaar),
		cmocka_unit_test(checks_gstin),
		cmocka_unit_test(test_state_codes_are_documented_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
