/* See mail_message.h. */
#include "mail_message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "clock.h"
#include "notify.h"

#define ENCODED_BYTES 45	/* of text in one encoded word: 60 of base64, 72 with its frame (at most 75) */

char *
mail_domain(struct arena *a, const char *email)
{
	const char *at = strrchr(email, '@');

	return arena_strdup(a, at != NULL && at[1] != '\0' ? at + 1 : "localhost");
}

char *
mail_message_id(struct arena *a, const struct smtp_server *s, const struct mail *m)
{
	return arena_printf(a, "<%s.%s@%s>", m->event_id, m->id, mail_domain(a, s->from_email));
}

bool
mail_address_is_safe(const char *email)
{
	const char *at = strrchr(email, '@');

	if (at == NULL || at == email || at[1] == '\0')
		return false;
	for (const char *p = email; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '<' || *p == '>')
			return false;
	return true;
}

/* ---- texts ---- */

static char *
one_line(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return copy;
}

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static void
add_base64(struct buf *b, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16;
		v |= i + 1 < n ? (unsigned)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? p[i + 2] : 0;
		buf_add_char(b, digits[v >> 18]);
		buf_add_char(b, digits[v >> 12 & 63]);
		buf_add_char(b, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_add_char(b, i + 2 < n ? digits[v & 63] : '=');
	}
}

/* As many bytes as fit into one encoded word without cutting a character. */
static size_t
word_length(const char *s)
{
	size_t n = strlen(s);

	if (n <= ENCODED_BYTES)
		return n;
	n = ENCODED_BYTES;
	while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n > 0 ? n : ENCODED_BYTES;
}

char *
mail_header_text(struct arena *a, const char *text)
{
	const char *line = one_line(a, text);
	struct buf b;

	/* "=?" in plain text would be taken for an encoded word */
	if (is_ascii(line) && strstr(line, "=?") == NULL && strlen(line) < 200)
		return arena_strdup(a, line);
	buf_init(&b, a, strlen(line) * 2 + 64);
	while (*line != '\0') {
		size_t n = word_length(line);
		if (b.len > 0)
			buf_add_str(&b, "\r\n ");
		buf_add_str(&b, "=?UTF-8?B?");
		add_base64(&b, (const unsigned char *)line, n);
		buf_add_str(&b, "?=");
		line += n;
	}
	return b.text;
}

static char *
address(struct arena *a, const char *name, const char *email)
{
	struct buf b;

	if (name == NULL || name[0] == '\0')
		return arena_printf(a, "<%s>", email);
	if (!is_ascii(name))
		return arena_printf(a, "%s <%s>", mail_header_text(a, name), email);
	buf_init(&b, a, 128);
	buf_add_char(&b, '"');
	for (const char *p = one_line(a, name); *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, *p);
	}
	buf_printf(&b, "\" <%s>", email);
	return b.text;
}

static char *
date_now(struct arena *a)
{
	time_t t = (time_t)(clock_wall_us() / 1000000);
	char text[48];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);	/* the C locale's names */
	return arena_strdup(a, text);
}

char *
mail_put_token(struct arena *a, const char *text, const char *token)
{
	const char *at;
	struct buf b;

	if (text == NULL)
		return NULL;
	buf_init(&b, a, strlen(text) + 256);
	while ((at = strstr(text, TOKEN_MASK)) != NULL) {
		buf_add(&b, text, (size_t)(at - text));
		buf_printf(&b, "token=%s", token);
		text = at + strlen(TOKEN_MASK);
	}
	buf_add_str(&b, text);
	return b.text;
}

/* ---- headers ---- */

static void
add(struct arena *a, struct curl_slist **list, const char *name, const char *value)
{
	*list = curl_slist_append(*list, arena_printf(a, "%s: %s", name, value));
}

struct curl_slist *
mail_headers(struct arena *a, const struct smtp_server *s, const struct mail *m,
    const char *message_id)
{
	struct curl_slist *list = NULL;

	add(a, &list, "Date", date_now(a));
	add(a, &list, "From", address(a, s->from_name, s->from_email));
	add(a, &list, "To", address(a, NULL, m->to));
	add(a, &list, "Subject", mail_header_text(a, m->subject));
	add(a, &list, "Message-ID", message_id);
	add(a, &list, "Auto-Submitted", "auto-generated");
	if (m->traceparent != NULL)
		add(a, &list, "traceparent", m->traceparent);
	if (!m->is_critical && m->topic != NULL) {
		add(a, &list, "List-Unsubscribe", arena_printf(a, "<%s>", unsubscribe_url(a, m->to, m->topic)));
		add(a, &list, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
	}
	return list;
}
