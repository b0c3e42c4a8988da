/*
 * A template, a NUL, and its data as JSON; the first byte chooses flags and escaping. Held: what
 * is checked with data also renders with them; as HTML no value brings markup in, as a line none
 * brings a line's end; a refusal has words.
 */
#include "fuzz.h"

#include "mustache.h"

/* The template's own text may hold anything; then nothing is said of the result. */
static void
hold_escaped(const char *template, const char *out, enum mustache_escape escape, unsigned flags)
{
	if (!(flags & MUSTACHE_NO_RAW))
		return;
	if (escape == MUSTACHE_HTML && strpbrk(template, "<>\"'") == NULL)
		hold(strpbrk(out, "<>\"'") == NULL);
	if (escape == MUSTACHE_LINE && strpbrk(template, "\r\n\t") == NULL)
		hold(strpbrk(out, "\r\n\t") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	unsigned bits = len > 0 ? *data++ : 0, flags = bits & (MUSTACHE_STRICT | MUSTACHE_NO_RAW);
	enum mustache_escape escape = (bits >> 2) % 3;
	struct error e;
	size_t n;

	len -= len > 0;
	const char *template = take_until(a, &data, &len, 0, &n), *out;
	const json_t *values = json_parse_strict(a, arena_strndup(a, (const char *)data, len), len, false, &e);
	if (values != NULL && utf8_is_valid(template, n)) {
		int checked = mustache_check(a, template, values, flags, &e);
		if (checked < 0)
			hold_refusal(&e, e.code);
		out = mustache_render(a, template, values, escape, flags, &e);
		if (out == NULL)
			hold_refusal(&e, e.code);
		else
			hold_escaped(template, out, escape, flags);
		hold(out == NULL || utf8_is_valid(out, strlen(out)));
	}
	arena_free(a);
	return 0;
}
