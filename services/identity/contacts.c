/* E-mail addresses and phone numbers in their stored form; see contacts.h. */
#include "contacts.h"

#include <ctype.h>
#include <string.h>

#include "arena.h"
#include "db.h"
#include "email_address.h"
#include "request.h"

int
email_take(struct request *rq, const char *field, const char **ret_email)
{
	const char *email = email_normalise(rq->arena, body_text(rq, field));

	if (email == NULL)
		return fail_field(rq, field, "bad_email", "an address like name@example.org");
	*ret_email = email;
	return 0;
}

int
email_take_new(struct request *rq, const char *field, const char **ret_email)
{
	const char *email = "", *readable;

	if (email_take(rq, field, &email) < 0)
		return -1;
	readable = email_readable(rq->arena, email);
	if (strcmp(readable, email) != 0)
		return fail_field(rq, field, "bad_email", "write its domain as it is read: %s", readable);
	*ret_email = email;
	return 0;
}

int
email_lock(struct request *rq, const char *email)
{
	return db_lock(rq, arena_printf(rq->arena, "email:%s", email));
}

const char *
phone_normalise(struct arena *a, const char *text)
{
	struct buf digits;
	bool plus;

	text = arena_trimmed(a, text);
	plus = *text == '+';
	buf_init(&digits, a, 24);
	for (text += plus; *text != '\0'; text++) {
		if (isdigit((unsigned char)*text))
			buf_add_char(&digits, *text);
		else if (strchr(" -()", *text) == NULL)
			return NULL;
	}
	if (!plus && digits.len == 10 && digits.text[0] >= '6')
		return arena_printf(a, "+91%s", digits.text);
	if (digits.len < 8 || digits.len > 15 || digits.text[0] == '0')
		return NULL;
	return arena_printf(a, "+%s", digits.text);
}

int
phone_take(struct request *rq, const char *field, const char **ret_phone)
{
	const char *text = body_text(rq, field), *phone;

	*ret_phone = NULL;
	if (text == NULL)
		return 0;
	if ((phone = phone_normalise(rq->arena, text)) == NULL)
		return fail_field(rq, field, "bad_phone",
		    "digits with the country code, like +919876543210");
	*ret_phone = phone;
	return 0;
}
