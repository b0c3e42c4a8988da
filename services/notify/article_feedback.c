/* What readers think of an article: one voice per user and version, which may change its mind. */
#include "articles.h"

#include "db.h"
#include "error.h"
#include "row.h"

static const struct column feedback_columns[] = {
	COLUMN_ID,
	{ "article_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .ref = "kb_articles" },
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER, .ref = "user_refs" },
	{ "is_helpful", COL_BOOL, COL_REQUIRED | COL_FILTER },
	{ "feedback_text", COL_TEXT, COL_PERSONAL, .max = 2000 },
	{ "article_version", COL_INT, COL_READONLY | COL_FILTER, .doc = "The version that was read." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static struct row *
read_article(struct request *rq, const char *id)
{
	struct row *article = row_load(rq, &kb_articles_resource, id, false);

	if (article != NULL && !row_is_readable(rq, article)) {
		fail(rq, ERR_NOT_FOUND, "there is no such article");
		return NULL;
	}
	return article;
}

static int
feedback_add(struct request *rq, struct row *feedback)
{
	struct row *article = read_article(rq, row_text(feedback, "article_id"));

	if (article == NULL)
		return -1;
	row_set(feedback, "article_version", row_text(article, "version"));
	event_set_text(row_event(rq, feedback), "slug", row_text(article, "slug"));
	return 0;
}

const struct resource kb_article_feedback_resource = {
	.table = "kb_article_feedback",
	.noun = "article_feedback",
	.module_key = "knowledge_base",
	.columns = feedback_columns,
	.read = OWNER_OR("kb-article-feedback.read"),
	.create = SIGNED_IN,
	.update = OWNER,
	.on_create = feedback_add,
	.created = &EV_ARTICLE_RATED,
	.updated = &EV_ARTICLE_RATED,
	.child = { "kb_articles", "feedback", "article_id" },
	.doc = "Whether an article helped.",
};

const struct column article_rate_body[] = {
	{ "is_helpful", COL_BOOL, COL_REQUIRED },
	{ "feedback_text", COL_TEXT, 0, .max = 2000 },
	{ 0 }
};

/* The caller's voice on this very version, locked; NULL where there is none, or rq has why. */
static struct row *
find_voice(struct request *rq, const struct row *article)
{
	struct db_result *r = db_query(rq, "SELECT id FROM kb_article_feedback WHERE article_id = $1"
	    " AND user_id = $2 AND article_version = $3",
	    DB(row_id(article), rq->caller.user_id, row_text(article, "version")));

	if (r == NULL || db_rows(r) == 0)
		return NULL;
	return row_load(rq, &kb_article_feedback_resource, db_text(r, 0, 0), true);
}

/* POST /v1/kb-articles/{id}/rate: the caller's voice, or a changed mind. */
int
article_rate(struct request *rq)
{
	struct row *article = read_article(rq, rq->id), *voice;
	bool is_new;

	if (article == NULL)
		return -1;
	voice = find_voice(rq, article);
	is_new = voice == NULL;
	if (rq->problem.code != ERR_NONE)
		return -1;
	if (is_new) {
		voice = row_new(rq, &kb_article_feedback_resource);
		row_set(voice, "article_id", row_id(article));
		row_set(voice, "article_version", row_text(article, "version"));
	}
	row_set(voice, "is_helpful", body_bool(rq, "is_helpful", false) ? "t" : "f");
	row_set(voice, "feedback_text", body_text(rq, "feedback_text"));
	event_set_text(row_event(rq, voice), "slug", row_text(article, "slug"));
	if ((is_new ? row_insert(rq, voice) : row_update(rq, voice)) < 0)
		return -1;
	return reply_row(rq, is_new ? 201 : 200, voice);
}
