/*
 * Articles: written in Markdown by one, published by another.
 *
 * Text that readers see is not edited behind the reviewer's back: a published article is taken
 * back to DRAFT first. Who may read follows audience_type, in lists and searches alike.
 */
#include "articles.h"

#include <cmark.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "error.h"
#include "json.h"
#include "row.h"
#include "work.h"

static const char *const types[] = { "HOW_TO", "TROUBLESHOOTING", "FAQ", "FEATURE", "POLICY", NULL };
static const char *const statuses[] = { "DRAFT", "PUBLISHED", NULL };
static const char *const audiences[] = { "INTERNAL", "EXTERNAL", "ALL", NULL };

static const struct column article_columns[] = {
	COLUMN_ID,
	{ "category_id", COL_UUID, COL_REQUIRED | COL_FILTER, .ref = "kb_categories" },
	{ "section_id", COL_UUID, COL_FILTER, .ref = "kb_sections" },
	{ "title", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT, .max = 200 },
	{ "slug", COL_TEXT, COL_REQUIRED | COL_FILTER, .max = 120, .doc = "Small letters, digits and hyphens." },
	{ "summary", COL_TEXT, COL_SEARCH, .max = 500 },
	{ "content_markdown", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_NO_EVENT, .max = 100000 },
	{ "article_type", COL_ENUM, COL_FILTER, .values = types, .initial = "HOW_TO" },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = statuses },
	{ "audience_type", COL_ENUM, COL_FILTER, .values = audiences, .initial = "INTERNAL" },
	{ "tags", COL_TEXT_ARRAY, COL_FILTER, .max = 20, .initial = "[]" },
	{ "author_user_id", COL_UUID, COL_OWNER | COL_FILTER, .ref = "user_refs" },
	{ "reviewed_by_user_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "user_refs" },
	{ "published_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "archive_at", COL_TIME, COL_FILTER, .doc = "Back to DRAFT by clock." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static bool
is_slug(const char *s)
{
	return s[0] != '-' && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

int
slug_check(struct request *rq, const struct row *row)
{
	return is_slug(row_text(row, "slug")) ? 0 :
	    fail_field(rq, "slug", "bad_slug", "small letters, digits and hyphens");
}

static void
note_content(struct request *rq, struct row *article)
{
	const char *text = row_text(article, "content_markdown");
	char hash[65];

	sha256_hex(text, strlen(text), hash);
	event_set_text(row_event(rq, article), "content_hash", hash);
}

static int
check_section(struct request *rq, struct row *article)
{
	struct db_result *r;

	if (!row_is_set(article, "section_id"))
		return 0;
	r = db_query(rq, "SELECT FROM kb_sections WHERE id = $1 AND category_id = $2",
	    DB(row_text(article, "section_id"), row_text(article, "category_id")));
	if (r == NULL)
		return -1;
	return db_rows(r) > 0 ? 0 :
	    fail_field(rq, "section_id", "unknown_reference", "the category has no such section");
}

static int
article_save(struct request *rq, struct row *article)
{
	if (slug_check(rq, article) < 0 || check_section(rq, article) < 0)
		return -1;
	note_content(rq, article);
	return 0;
}

static int
article_edit(struct request *rq, struct row *article)
{
	if (strcmp(row_text(article, "status"), "PUBLISHED") == 0)
		return fail(rq, ERR_CONFLICT, "take the article back first (unpublish); what readers see is reviewed");
	return article_save(rq, article);
}

static int
article_remove(struct request *rq, struct row *article)
{
	if (strcmp(row_text(article, "status"), "PUBLISHED") == 0)
		return fail(rq, ERR_CONFLICT, "take the article back first (unpublish)");
	note_content(rq, article);
	return 0;
}

static int
article_publish(struct request *rq, struct row *article)
{
	row_set(article, "reviewed_by_user_id", rq->caller.user_id);
	note_content(rq, article);
	return 0;
}

static int
article_unpublish(struct request *rq, struct row *article)
{
	row_set(article, "archive_at", NULL);
	event_set_text(row_event(rq, article), "cause", rq->actor == ACTOR_CRON ? "CLOCK" : "STAFF");
	note_content(rq, article);
	return 0;
}

static const struct transition article_transitions[] = {
	{ NULL, NULL, "DRAFT", STAFF("kb-articles.create"), NULL, NULL },
	{ "publish", "DRAFT", "PUBLISHED", { .who = WHO_STAFF, .permission = "kb-articles.publish",
	    .conditions = NOT_OWNER }, &EV_ARTICLE_PUBLISHED, article_publish, .stamp = "published_at",
	    .doc = "By another than its author." },
	{ "unpublish", "PUBLISHED", "DRAFT", { .who = WHO_STAFF | WHO_CLK, .permission = "kb-articles.unpublish" },
	    &EV_ARTICLE_UNPUBLISHED, article_unpublish, .doc = "Readers see it no longer." },
	{ 0 }
};

#define I_AM_STAFF "EXISTS (SELECT FROM access_users u WHERE u.user_id = :me" \
	" AND u.employee_id IS NOT NULL AND u.status = 'ACTIVE')"

const struct resource kb_articles_resource = {
	.table = "kb_articles",
	.noun = "article",
	.module_key = "knowledge_base",
	.label = "title",
	.columns = article_columns,
	.transitions = article_transitions,
	.visible = "t.status = 'PUBLISHED' AND (t.audience_type <> 'INTERNAL' OR " I_AM_STAFF ")",
	.read = ANYONE_OR("kb-articles.read"),
	.create = STAFF("kb-articles.create"),
	.update = STAFF("kb-articles.update"),
	.remove = STAFF("kb-articles.delete"),
	.on_create = article_save,
	.on_update = article_edit,
	.on_remove = article_remove,
	.changed = &EV_KB_ARTICLE_CHANGED,
	.doc = "Answers for users and staff.",
};

int
articles_archive(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT id FROM kb_articles WHERE status = 'PUBLISHED'"
	    " AND archive_at < now() ORDER BY archive_at LIMIT 100 FOR UPDATE SKIP LOCKED", DB0);

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *article = row_load(rq, &kb_articles_resource, db_text(r, i, 0), true);
		if (article == NULL || row_transition(rq, article, "unpublish") < 0)
			return -1;
	}
	return 0;
}

/* ---- reading ---- */

struct markdown {
	const char *text;
	char *html;	/* malloc'ed by cmark */
};

/* On the work pool. Without CMARK_OPT_UNSAFE raw HTML and javascript: links are left out. */
static void
render_markdown(void *arg)
{
	struct markdown *m = arg;

	m->html = cmark_markdown_to_html(m->text, strlen(m->text), CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8);
}

static int
answer_rendered(struct request *rq, struct row *article)
{
	struct markdown m = { .text = row_text(article, "content_markdown") };
	const char *item;
	struct buf b;

	if (!row_is_readable(rq, article))
		return fail(rq, ERR_NOT_FOUND, "there is no such article");
	if (work_run(rq, render_markdown, &m) < 0)
		return -1;
	arena_own(rq->arena, m.html, free);
	reply_row(rq, 200, article);
	item = rq->reply.body;
	buf_init(&b, rq->arena, rq->reply.body_len + strlen(m.html) + 64);
	buf_add(&b, item, rq->reply.body_len - 1);	/* without its closing brace */
	buf_add_str(&b, ",\"content_html\":");
	buf_add_json(&b, m.html);
	buf_add_char(&b, '}');
	return reply_text(rq, 200, b.text);
}

/* GET /v1/kb-articles/by-slug/{slug} */
int
article_by_slug(struct request *rq)
{
	struct row *article = row_load_by(rq, &kb_articles_resource, "slug", rq->param, false);

	return article == NULL ? -1 : answer_rendered(rq, article);
}

/* GET /v1/kb-articles/{id}/html */
int
article_render(struct request *rq)
{
	struct row *article = row_load(rq, &kb_articles_resource, rq->id, false);

	return article == NULL ? -1 : answer_rendered(rq, article);
}
