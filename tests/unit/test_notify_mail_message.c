/* Headers of mails: what strangers named must not become a header of its own. */
#include <string.h>

/* before cmocka, which makes a macro of fail */
#include "mail_message.h"
#include "notify.h"

#include "arena_test.h"

char *
unsubscribe_url(struct arena *arena, const char *email, const char *topic)
{
	return arena_printf(arena, "https://example.org/u?%s/%s", topic, email);
}

static void
test_header_text(void **state)
{
	(void)state;
	assert_string_equal(mail_header_text(a, "Plain words"), "Plain words");
	assert_string_equal(mail_header_text(a, "a\r\nBcc: b@c"), "a  Bcc: b@c");
	assert_string_equal(mail_header_text(a, "Gr\xc3\xbc\xc3\x9f"), "=?UTF-8?B?R3LDvMOf?=");
	assert_string_equal(mail_header_text(a, "=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
}

/* Folded between characters; no word longer than 75 (RFC 2047, section 2). */
static void
test_long_header_text(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, a, 1024);
	for (int i = 0; i < 100; i++)
		buf_add_str(&b, "\xe0\xa4\x95");
	for (const char *p = mail_header_text(a, b.text); *p != '\0'; ) {
		size_t n = strcspn(p, "\r");
		assert_true(n <= 76);
		assert_int_equal(strncmp(p + (*p == ' '), "=?UTF-8?B?4KSV", 14), 0);
		p += n;
		p += strspn(p, "\r\n");
	}
}

static void
test_addresses(void **state)
{
	(void)state;
	assert_true(mail_address_is_safe("asha@example.org"));
	assert_false(mail_address_is_safe(""));
	assert_false(mail_address_is_safe("asha"));
	assert_false(mail_address_is_safe("@example.org"));
	assert_false(mail_address_is_safe("asha@"));
	assert_false(mail_address_is_safe("a b@example.org"));
	assert_false(mail_address_is_safe("a>\r\nRCPT TO:<b@example.org"));
}

static void
test_token(void **state)
{
	(void)state;
	assert_string_equal(mail_put_token(a, "x?" TOKEN_MASK "\n" TOKEN_MASK, "T"), "x?token=T\ntoken=T");
	assert_string_equal(mail_put_token(a, "nothing", "T"), "nothing");
	assert_null(mail_put_token(a, NULL, "T"));
}

static bool
has(const struct curl_slist *list, const char *line)
{
	for (; list != NULL; list = list->next)
		if (strncmp(list->data, line, strlen(line)) == 0)
			return true;
	return false;
}

static void
test_headers(void **state)
{
	struct smtp_server s = { .from_name = "Nxt \"gauge\"", .from_email = "no-reply@nxtgauge.example" };
	struct mail m = { .id = "mail", .event_id = "event", .to = "asha@example.org", .subject = "Hi",
		.topic = "jobs", .traceparent = "00-1-2-01" };
	struct curl_slist *list = mail_headers(a, &s, &m, mail_message_id(a, &s, &m));

	(void)state;
	assert_true(has(list, "From: \"Nxt \\\"gauge\\\"\" <no-reply@nxtgauge.example>"));
	assert_true(has(list, "Message-ID: <event.mail@nxtgauge.example>"));
	assert_true(has(list, "traceparent: 00-1-2-01"));
	assert_true(has(list, "List-Unsubscribe: <https://example.org/u?jobs/asha@example.org>"));
	curl_slist_free_all(list);
	m.is_critical = true;
	list = mail_headers(a, &s, &m, "<x>");
	assert_false(has(list, "List-Unsubscribe"));
	curl_slist_free_all(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_header_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_header_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
