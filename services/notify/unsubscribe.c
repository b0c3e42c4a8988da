/*
 * The way out that each mail offers, List-Unsubscribe: a link whose token names address and topic.
 *
 * Mail programs POST to it by themselves (RFC 8058). A person, or a scanner of links, GETs it: that changes
 * nothing and answers a page that asks. Both answer a page and never redirect, which RFC 8058 forbids.
 */
#include <string.h>

#include "config.h"
#include "db.h"
#include "error.h"
#include "mustache.h"
#include "notify.h"
#include "secretbox.h"

char *
unsubscribe_url(struct arena *a, const char *email, const char *topic)
{
	const char *token = secretbox_seal(a, arena_printf(a, "unsubscribe\n%s\n%s", topic, email));

	return arena_printf(a, "%s/v1/unsubscribe?token=%s", config_text("PUBLIC_URL"), token);
}

/* Takes the token apart; -1: it is none of ours. */
static int
open_token(struct request *rq, const char **ret_topic, const char **ret_email)
{
	char *text = secretbox_open(rq->arena, query_get(rq, "token")), *topic, *email;

	if (text == NULL || strncmp(text, "unsubscribe\n", 12) != 0)
		return fail(rq, ERR_TOKEN_INVALID, "this link is not one of ours");
	topic = text + 12;
	email = strchr(topic, '\n');
	if (email == NULL)
		return fail(rq, ERR_TOKEN_INVALID, "this link is not one of ours");
	*email++ = '\0';
	*ret_topic = topic;
	*ret_email = email;
	return 0;
}

static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; form-action 'self'\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<meta name=\"robots\" content=\"noindex\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Nxtgauge: unsubscribe</title>\n"
    "<h1>E-mails about {{topic}}</h1>\n"
    "{{#is_over}}<p>{{email}} will no longer receive e-mails about {{topic}}.</p>\n{{/is_over}}"
    "{{^is_over}}<p>Stop sending e-mails about {{topic}} to {{email}}?</p>\n"
    "<form method=\"post\"><button>Unsubscribe</button></form>\n{{/is_over}}"
    "</html>\n";

static int
answer_page(struct request *rq, const char *topic, const char *email, bool is_over)
{
	json_t *data = json_pack("{s:s, s:s, s:b}", "topic", topic, "email", email, "is_over", is_over);
	struct error e;
	char *html;

	arena_own(rq->arena, data, (void (*)(void *))json_decref);
	html = mustache_render(rq->arena, page, data, MUSTACHE_HTML, MUSTACHE_STRICT, &e);
	if (html == NULL)
		return fail(rq, ERR_INTERNAL, "the page: %s", e.text);
	rq->reply.content_type = "text/html; charset=utf-8";
	return reply_text(rq, 200, html);
}

static int
is_suppressed(struct request *rq, const char *topic, const char *email, bool *ret_is)
{
	struct db_result *r = db_query(rq, "SELECT FROM suppressions WHERE lower(email) = lower($1)"
	    " AND (topic IS NULL OR topic = $2)", DB(email, topic));

	if (r == NULL)
		return -1;
	*ret_is = db_rows(r) > 0;
	return 0;
}

/* GET /v1/unsubscribe?token=… */
int
unsubscribe_ask(struct request *rq)
{
	const char *topic = NULL, *email = NULL;
	bool is_over;

	if (open_token(rq, &topic, &email) < 0 || is_suppressed(rq, topic, email, &is_over) < 0)
		return -1;
	return answer_page(rq, topic, email, is_over);
}

/*
 * POST /v1/unsubscribe?token=…: by the mail program, with a body of "List-Unsubscribe=One-Click", or by the
 * page's button. The body says nothing more; a second time changes nothing, also where both come at once: the
 * second waits for the first's commit.
 */
int
unsubscribe(struct request *rq)
{
	const char *topic = NULL, *email = NULL;
	bool is_over;
	struct row *s;

	if (open_token(rq, &topic, &email) < 0 ||
	    db_lock(rq, arena_printf(rq->arena, "suppression:%s", email)) < 0 ||
	    is_suppressed(rq, topic, email, &is_over) < 0)
		return -1;
	if (is_over)
		return answer_page(rq, topic, email, true);
	s = row_new(rq, &suppressions_resource);
	row_set(s, "email", email);
	row_set(s, "topic", topic);
	row_set(s, "reason", "UNSUBSCRIBE");
	return row_insert(rq, s) < 0 ? -1 : answer_page(rq, topic, email, true);
}
