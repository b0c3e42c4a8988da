/* See mustache.h. Renders while it parses; a section that is not taken is parsed all the same. */
#include "mustache.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "error.h"

#define DEPTH_MAX 16
#define NAME_MAX_BYTES 128
#define OUTPUT_MAX (256 * 1024)
/*
 * How much one rendering may read of its template, which sections of long lists read again and
 * again: bytes, and TAG_COST more for each tag. At the most some 30 ms.
 */
#define WORK_MAX (4 * 1024 * 1024)
#define TAG_COST 64

struct tag {
	char kind;		/* 'v' a value, 'r' a raw one, '#', '^', '/', '!' */
	char name[NAME_MAX_BYTES + 1];
	const char *begin;	/* of the tag, or of its line where it stands alone on it */
	const char *end;	/* the first byte after it, or after its line */
};

struct rendering {
	const char *text;	/* the whole template, for positions */
	const json_t *stack[DEPTH_MAX + 1];
	const char *taken[DEPTH_MAX + 1];	/* the name of each section on the stack; NULL: an inverted one */
	unsigned depth;
	size_t work;		/* see WORK_MAX */
	enum mustache_escape escape;
	unsigned flags;
	bool checking;		/* every branch once, nothing is kept */
	struct buf out;
	struct error *e;
};

static int
line_of(const struct rendering *r, const char *at)
{
	int line = 1;

	for (const char *p = r->text; p < at; p++)
		line += *p == '\n';
	return line;
}

static int
refuse(struct rendering *r, const char *at, const char *what, const char *name)
{
	return error_set(r->e, ERR_VALIDATION, "line %d: %s%s%s%s", line_of(r, at), what,
	    name[0] != '\0' ? " {{" : "", name, name[0] != '\0' ? "}}" : "");
}

/* ---- names and values ---- */

static const json_t *
member(const json_t *value, const char *name, size_t n)
{
	return json_is_object(value) ? json_object_getn(value, name, n) : NULL;
}

/* The first part is looked for from the innermost section outwards, the rest inside what it gave. */
static const json_t *
look_up(const struct rendering *r, const char *name)
{
	size_t n = strcspn(name, ".");
	const json_t *v = NULL;

	if (strcmp(name, ".") == 0)
		return r->stack[r->depth];
	for (int i = (int)r->depth; i >= 0 && v == NULL; i--)
		v = member(r->stack[i], name, n);
	while (v != NULL && name[n] == '.') {
		name += n + 1;
		n = strcspn(name, ".");
		v = member(v, name, n);
	}
	return v;
}

static bool
is_taken(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	default:
		return true;
	}
}

static void
add_html(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '&': buf_add(out, "&amp;", 5); break;
		case '<': buf_add(out, "&lt;", 4); break;
		case '>': buf_add(out, "&gt;", 4); break;
		case '"': buf_add(out, "&quot;", 6); break;
		case '\'': buf_add(out, "&#39;", 5); break;
		default: buf_add_char(out, *s);
		}
}

static void
add_line(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s > ' ' && *s != 0x7f)
			buf_add_char(out, *s);
		else if (out->len > 0 && out->text[out->len - 1] != ' ')
			buf_add_char(out, ' ');
	}
}

static void
add_value(struct rendering *r, const json_t *v, bool raw)
{
	char number[32] = "";
	const char *s = number;

	switch (json_typeof(v)) {
	case JSON_STRING: s = json_string_value(v); break;
	case JSON_INTEGER: snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
	case JSON_REAL: snprintf(number, sizeof(number), "%.15g", json_real_value(v)); break;
	case JSON_TRUE: s = "true"; break;
	case JSON_FALSE: s = "false"; break;
	default: break;		/* null is nothing; objects and lists are no text */
	}
	if (raw || r->escape == MUSTACHE_PLAIN)
		buf_add_str(&r->out, s);
	else if (r->escape == MUSTACHE_HTML)
		add_html(&r->out, s);
	else
		add_line(&r->out, s);
}

/* ---- tags ---- */

static bool
is_known_kind(char kind)
{
	return strchr("#^/!&{", kind) != NULL;
}

/*
 * A section's, an end's or a comment's tag that stands alone on its line takes the whole line with
 * it, so that a template can be laid out readably.
 */
static void
take_line(struct rendering *r, struct tag *t)
{
	const char *from = t->begin, *to = t->end;

	while (from > r->text && (from[-1] == ' ' || from[-1] == '\t'))
		from--;
	if (from > r->text && from[-1] != '\n')
		return;
	while (*to == ' ' || *to == '\t')
		to++;
	r->work += (size_t)(to - from);
	if (to[0] == '\r' && to[1] == '\n')
		to++;
	if (*to != '\n' && *to != '\0')
		return;
	t->begin = from;
	t->end = *to == '\n' ? to + 1 : to;
}

static int
take_name(struct rendering *r, struct tag *t, const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	snprintf(t->name, sizeof(t->name), "%.*s", (int)(to - from), from);
	if (from == to)
		return refuse(r, t->begin, "a tag without a name", "");
	if (to - from > NAME_MAX_BYTES)
		return refuse(r, t->begin, "a tag with too long a name", "");
	for (const char *p = t->name; *p != '\0'; p++)
		if (isspace((unsigned char)*p) || strchr("{}<>=", *p) != NULL)
			return refuse(r, t->begin, "a name has neither spaces nor brackets:", t->name);
	return 0;
}

/* Reads the tag that begins at `at`. */
static int
take_tag(struct rendering *r, const char *at, struct tag *t)
{
	const char *from = at + 2, *close;

	t->begin = at;
	while (*from == ' ')
		from++;
	t->kind = *from;
	close = strstr(from, t->kind == '{' ? "}}}" : "}}");
	if (close == NULL)
		return refuse(r, at, "a tag that is not closed", "");
	t->end = close + (t->kind == '{' ? 3 : 2);
	if (t->kind == '>' || t->kind == '=')
		return refuse(r, at, "partials and other delimiters are not known here", "");
	if (t->kind == '!') {
		take_line(r, t);
		return 0;
	}
	if (!is_known_kind(t->kind))
		t->kind = 'v';
	else
		from++;
	if (t->kind == '{' || t->kind == '&')
		t->kind = 'r';
	if (take_name(r, t, from, close) < 0)
		return -1;
	if (t->kind == 'r' && (r->flags & MUSTACHE_NO_RAW))
		return refuse(r, at, "nothing is put in unescaped here:", t->name);
	if (strchr("#^/", t->kind) != NULL)
		take_line(r, t);
	return 0;
}

/* ---- blocks ---- */

/* Everything that takes time grows with this, so no template can hold the daemon up. */
static int
count_work(struct rendering *r, const struct tag *t, const char *from)
{
	r->work += (size_t)(t->end - from) + TAG_COST;
	if (r->work > WORK_MAX)
		return refuse(r, t->begin, "the sections around this are gone through too often", "");
	return r->out.len > OUTPUT_MAX ? refuse(r, t->begin, "the text becomes too long", "") : 0;
}

/* A list inside itself is gone through as often as its length squared, and means nothing here. */
static bool
is_in_itself(const struct rendering *r, const struct tag *t)
{
	for (unsigned i = 1; i <= r->depth && t->kind == '#'; i++)
		if (r->taken[i] != NULL && strcmp(r->taken[i], t->name) == 0)
			return true;
	return false;
}

static int render_block(struct rendering *r, const char **at, const char *until, bool live);

/* The section's inside once with `value` as its data; ret_end is where it ends. */
static int
render_inside(struct rendering *r, const struct tag *t, const json_t *value, bool live,
    const char **ret_end)
{
	const char *at = t->end;
	int result;

	r->stack[++r->depth] = value;
	r->taken[r->depth] = t->kind == '#' ? t->name : NULL;
	result = render_block(r, &at, t->name, live);
	r->depth--;
	*ret_end = at;
	return result;
}

static int
render_section(struct rendering *r, const struct tag *t, const char **at, bool live)
{
	const json_t *v = live ? look_up(r, t->name) : NULL, *here = r->stack[r->depth];
	bool taken = v != NULL && is_taken(v);

	if (r->depth == DEPTH_MAX)
		return refuse(r, t->begin, "sections nested too deeply at", t->name);
	if (live && v == NULL && (r->flags & MUSTACHE_STRICT))
		return refuse(r, t->begin, "there is nothing called", t->name);
	if (r->checking && is_in_itself(r, t))
		return refuse(r, t->begin, "a section inside itself:", t->name);
	if (r->checking)
		return render_inside(r, t, t->kind == '^' || v == NULL ? here :
		    json_is_array(v) ? json_array_get(v, 0) : v, live, at);
	if (t->kind == '^')
		return render_inside(r, t, here, live && !taken, at);
	if (!taken)
		return render_inside(r, t, here, false, at);
	if (!json_is_array(v))
		return render_inside(r, t, v, live, at);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (render_inside(r, t, json_array_get(v, i), live, at) < 0)
			return -1;
	return 0;
}

static int
render_value(struct rendering *r, const struct tag *t, bool live)
{
	const json_t *v;

	if (!live)
		return 0;
	v = look_up(r, t->name);
	if (v == NULL)
		return r->flags & MUSTACHE_STRICT ?
		    refuse(r, t->begin, "there is nothing called", t->name) : 0;
	add_value(r, v, t->kind == 'r');
	return 0;
}

static int
end_of_text(struct rendering *r, const char *at, const char *until)
{
	return until == NULL ? 0 : refuse(r, at, "the text ends inside", until);
}

/* From *at to the end tag of `until` (NULL: to the end of the text), and *at behind it. */
static int
render_block(struct rendering *r, const char **at, const char *until, bool live)
{
	for (;;) {
		const char *open = strstr(*at, "{{");
		struct tag t;

		if (open == NULL) {
			if (live)
				buf_add_str(&r->out, *at);
			*at += strlen(*at);
			return end_of_text(r, *at, until);
		}
		if (take_tag(r, open, &t) < 0)
			return -1;
		if (live && t.begin > *at)
			buf_add(&r->out, *at, (size_t)(t.begin - *at));
		if (count_work(r, &t, *at) < 0)
			return -1;
		*at = t.end;
		if (t.kind == '/' && (until == NULL || strcmp(t.name, until) != 0))
			return refuse(r, open, "this section was not opened last:", t.name);
		if (t.kind == '/')
			return 0;
		if (t.kind == '#' || t.kind == '^') {
			if (render_section(r, &t, at, live) < 0)
				return -1;
		} else if (t.kind != '!' && render_value(r, &t, live) < 0) {
			return -1;
		}
	}
}

static int
run(struct rendering *r, struct arena *a, const json_t *data)
{
	const char *at = r->text;

	buf_init(&r->out, a, strlen(r->text) + 256);
	buf_add(&r->out, "", 0);
	r->stack[0] = data;
	return render_block(r, &at, NULL, true);
}

char *
mustache_render(struct arena *a, const char *text, const json_t *data, enum mustache_escape escape,
    unsigned flags, struct error *e)
{
	struct rendering r = { .text = text, .escape = escape, .flags = flags, .e = e };

	return run(&r, a, data) < 0 ? NULL : r.out.text;
}

int
mustache_check(struct arena *a, const char *text, const json_t *sample, unsigned flags,
    struct error *e)
{
	struct rendering r = { .text = text, .flags = flags, .checking = true, .e = e };

	return run(&r, a, sample);
}
