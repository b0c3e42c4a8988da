/*
 * A logic-less subset of mustache: {{name}}, {{{name}}}, {{&name}}, {{#section}}, {{^inverted}},
 * {{/end}}, {{!comment}}, dotted names and the implicit {{.}}. No partials, lambdas or changed
 * delimiters: a template is what it looks like, and one that would take long is an error. Sections are taken for lists that are not empty
 * and for values that are not false, null, 0 or "".
 */
#ifndef NXT_MUSTACHE_H
#define NXT_MUSTACHE_H

#include <jansson.h>

struct arena;
struct error;

enum mustache_escape {
	MUSTACHE_PLAIN,		/* as it is: text parts */
	MUSTACHE_LINE,		/* white space and controls become one space: subjects, titles */
	MUSTACHE_HTML,		/* & < > " ' as entities */
};
enum mustache_flag {
	MUSTACHE_STRICT = 1,	/* a name that the data do not have is an error, not nothing */
	MUSTACHE_NO_RAW = 2,	/* {{{name}}} and {{&name}} are errors: nothing goes by the escaping */
};

/* NULL: e holds what is wrong with the template, in words for its author. */
char *mustache_render(struct arena *a, const char *text, const json_t *data,
    enum mustache_escape escape, unsigned flags, struct error *e);
/*
 * Judges a template without a use for it: every tag, also those in sections that `sample` would
 * not take, is looked up in it (of a list, its first element). A section inside itself is refused
 * here, and only here: what was saved before goes on to render. 0, or -1 with e as above.
 */
int mustache_check(struct arena *a, const char *text, const json_t *sample, unsigned flags,
    struct error *e);

#endif
