/* The knowledge base: categories, sections, articles, and what readers think of them. */
#ifndef NXT_ARTICLES_H
#define NXT_ARTICLES_H

#include "event.h"
#include "request.h"
#include "resource.h"

extern const struct resource kb_categories_resource, kb_sections_resource, kb_articles_resource,
    kb_article_feedback_resource;
extern const struct column article_rate_body[];

int slug_check(struct request *rq, const struct row *row);	/* small letters, digits, hyphens */
int article_by_slug(struct request *rq);	/* with its text as HTML */
int article_render(struct request *rq);		/* the same by id */
int article_rate(struct request *rq);
int articles_archive(struct request *rq);	/* clock: past archive_at */

#endif
