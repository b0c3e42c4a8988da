/* From a template and its data to what a person reads. */
#ifndef NXT_RENDER_H
#define NXT_RENDER_H

#include <jansson.h>
#include <stdbool.h>

struct arena;
struct error;

/* A row of notification_templates. */
struct template {
	const char *id, *key, *topic;
	const char *title, *body;
	const char *html;	/* NULL: made from the text */
	bool is_active, is_critical;
};
struct rendered {
	const char *title;	/* one line: subject of a mail */
	const char *text;
	const char *html;	/* whole page; NULL for other channels than e-mail */
};

/* 0, or -1 with what is wrong with the template in e. */
int render_push(struct arena *a, const struct template *t, const json_t *data,
    struct rendered *ret_r, struct error *e);
int render_email(struct arena *a, const struct template *t, const json_t *data,
    struct rendered *ret_r, struct error *e);
/* The page of a mail from its plain text: paragraphs, and lines that are links as links. */
char *html_from_text(struct arena *a, const char *text);

#endif
