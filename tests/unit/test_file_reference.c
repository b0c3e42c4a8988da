/* Which addresses and keys of files are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "file_reference.h"

static void
taken(void **state)
{
	static const char *const fit[] = { "https://files.example.org/a.png", "http://example.org", "HTTPS://example.org?x=1",
		"https://example.org:8443/a%20b#top", "http://127.0.0.1/a", "http://[2001:db8::1]:80/a",
		"https://b\xc3\xbc""cher.example/\xc3\xa9", "https://example.org/mail@home", "uploads/a.png", "x", "a-b_c~1/d.e" };

	(void)state;
	for (size_t i = 0; i < sizeof(fit) / sizeof(fit[0]); i++)
		if (file_reference_fault(fit[i]) != NULL)
			fail_msg("%s: %s", fit[i], file_reference_fault(fit[i]));
}

static void
refused(void **state)
{
	static const char *const unfit[] = { "", "javascript:alert(1)", "data:text/html,x", "ftp://example.org/a", "//example.org/a",
		"/etc/passwd", "../a", "a/../b", "a//b", "https://", "https:///a", "http://?x", "http://:80/", "https:/example.org",
		"https://user@example.org/", "https://user:word@example.org/", "https://example.org@evil.example/",
		"https://example.org:port/", "https://example.org:123456/", "https://.example.org/", "https://[]/", "https://[::1/",
		"https://[::1]x/", "https://exa mple.org/", "https://example.org/a b", "https://example.org/\ta", " https://example.org",
		"https://example.org\n", "https://example.org\\@evil.example", "https://example.org/\x7f", "java\nscript:x" };

	(void)state;
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		if (file_reference_fault(unfit[i]) == NULL)
			fail_msg("%s is taken", unfit[i]);
}

static void
length(void **state)
{
	char address[2050] = "https://example.org/";

	(void)state;
	memset(address + strlen(address), 'a', sizeof(address) - 1 - strlen(address));
	assert_string_equal(file_reference_fault(address), "at most 2048 bytes");
	address[2048] = '\0';
	assert_null(file_reference_fault(address));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
