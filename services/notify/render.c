/* See render.h. Both parts of a mail say the same: the HTML is made from the text unless staff wrote their own. */
#include "render.h"

#include <string.h>

#include "arena.h"
#include "error.h"
#include "mustache.h"

static const char footer_critical[] =
    "This mail is part of having an account and cannot be switched off.";
static const char footer_other[] =
    "Which of these mails you get is up to the settings of your account.";

/* Sections that were not taken leave empty lines; one between paragraphs is enough. */
static char *
tidy(struct arena *a, const char *text)
{
	struct buf b;
	unsigned newlines = 2;	/* none at the beginning */

	buf_init(&b, a, strlen(text) + 1);
	for (; *text != '\0'; text++) {
		if (*text == '\r')
			continue;
		newlines = *text == '\n' ? newlines + 1 : 0;
		if (newlines <= 2)
			buf_add_char(&b, *text);
	}
	while (b.len > 0 && b.text[b.len - 1] == '\n')
		b.text[--b.len] = '\0';
	buf_add_char(&b, '\n');
	return b.text;
}

/* ---- HTML ---- */

static void
add_escaped(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		switch (s[i]) {
		case '&': buf_add_str(b, "&amp;"); break;
		case '<': buf_add_str(b, "&lt;"); break;
		case '>': buf_add_str(b, "&gt;"); break;
		case '"': buf_add_str(b, "&quot;"); break;
		default: buf_add_char(b, s[i]);
		}
}

static bool
is_link(const char *line, size_t n)
{
	if (strncmp(line, "https://", 8) != 0 && strncmp(line, "http://", 7) != 0)
		return false;
	return memchr(line, ' ', n) == NULL;
}

static void
add_line(struct buf *b, const char *line, size_t n)
{
	if (!is_link(line, n)) {
		add_escaped(b, line, n);
		return;
	}
	buf_add_str(b, "<a href=\"");
	add_escaped(b, line, n);
	buf_add_str(b, "\" style=\"color:#1a56b0\">");
	add_escaped(b, line, n);
	buf_add_str(b, "</a>");
}

static void
add_paragraphs(struct buf *b, const char *text)
{
	bool open = false;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		if (n > 0) {
			buf_add_str(b, open ? "<br>\n" : "<p>");
			add_line(b, text, n);
			open = true;
		} else if (open) {
			buf_add_str(b, "</p>\n");
			open = false;
		}
		text += n + (text[n] == '\n');
	}
	if (open)
		buf_add_str(b, "</p>\n");
}

static const char page_begin[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"></head>\n"
    "<body style=\"margin:0;padding:24px;font:16px/1.5 sans-serif;color:#222\">"
    "<div style=\"max-width:36em;margin:0 auto\">\n";
static const char page_end[] = "</div></body></html>\n";

char *
html_from_text(struct arena *a, const char *text)
{
	struct buf b;

	buf_init(&b, a, strlen(text) * 2 + 512);
	buf_add_str(&b, page_begin);
	add_paragraphs(&b, text);
	buf_add_str(&b, page_end);
	return b.text;
}

static char *
html_page(struct arena *a, const char *inside, const char *footer)
{
	struct buf b;

	buf_init(&b, a, strlen(inside) + 1024);
	buf_add_str(&b, page_begin);
	buf_add_str(&b, inside);
	buf_printf(&b, "<p style=\"color:#777;font-size:13px\">%s</p>\n%s", footer, page_end);
	return b.text;
}

/* ---- channels ---- */

static int
render_title(struct arena *a, const struct template *t, const json_t *data,
    struct rendered *ret_r, struct error *e)
{
	ret_r->title = mustache_render(a, t->title != NULL ? t->title : "", data, MUSTACHE_LINE,
	    MUSTACHE_STRICT, e);
	return ret_r->title == NULL ? -1 : 0;
}

int
render_push(struct arena *a, const struct template *t, const json_t *data, struct rendered *ret_r,
    struct error *e)
{
	if (render_title(a, t, data, ret_r, e) < 0)
		return -1;
	ret_r->text = mustache_render(a, t->body, data, MUSTACHE_PLAIN, MUSTACHE_STRICT, e);
	ret_r->html = NULL;
	return ret_r->text == NULL ? -1 : 0;
}

int
render_email(struct arena *a, const struct template *t, const json_t *data, struct rendered *ret_r,
    struct error *e)
{
	const char *footer = t->is_critical ? footer_critical : footer_other, *text, *html;

	if (render_title(a, t, data, ret_r, e) < 0)
		return -1;
	text = mustache_render(a, t->body, data, MUSTACHE_PLAIN, MUSTACHE_STRICT, e);
	if (text == NULL)
		return -1;
	ret_r->text = arena_printf(a, "%s\n-- \nNxtgauge\n%s\n", tidy(a, text), footer);
	if (t->html == NULL) {
		struct buf b;
		buf_init(&b, a, strlen(text) * 2 + 64);
		add_paragraphs(&b, tidy(a, text));
		ret_r->html = html_page(a, b.text, footer);
		return 0;
	}
	html = mustache_render(a, t->html, data, MUSTACHE_HTML, MUSTACHE_STRICT | MUSTACHE_NO_RAW, e);
	if (html == NULL)
		return -1;
	ret_r->html = html_page(a, html, footer);
	return 0;
}
