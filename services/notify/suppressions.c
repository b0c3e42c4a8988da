/* Addresses that get no mail any more, of one topic or of all; and the way out that each mail offers. */
#include <string.h>

#include "config.h"
#include "db.h"
#include "error.h"
#include "notify.h"
#include "secretbox.h"

static const char *const reasons[] = { "BOUNCE", "COMPLAINT", "UNSUBSCRIBE", "MANUAL", NULL };

static const struct column suppression_columns[] = {
	COLUMN_ID,
	{ "email", COL_EMAIL, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_PERSONAL },
	{ "reason", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = reasons, .initial = "MANUAL" },
	{ "topic", COL_TEXT, COL_CREATE_ONLY | COL_FILTER, .max = 60, .doc = "null: every topic." },
	{ "email_log_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "email_logs", .doc = "The mail that told." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource suppressions_resource = {
	.table = "suppressions",
	.noun = "suppression",
	.module_key = "notifications",
	.columns = suppression_columns,
	.subject = "EXISTS (SELECT FROM user_refs u WHERE u.id = :me AND lower(u.email) = lower(t.email))",
	.read = STAFF("suppressions.read"),
	.create = STAFF("suppressions.create"),
	.remove = STAFF("suppressions.delete"),
	.changed = &EV_SUPPRESSION_CHANGED,
	.doc = "Addresses that are not written to. Critical mails stop for dead addresses alone.",
};

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

/*
 * POST /v1/unsubscribe?token=…: RFC 8058, sent by the mail program itself. The body is its own
 * "List-Unsubscribe=One-Click" and says nothing more; a second time changes nothing.
 */
int
unsubscribe(struct request *rq)
{
	const char *topic = NULL, *email = NULL;
	struct db_result *r;
	struct row *s;

	if (open_token(rq, &topic, &email) < 0)
		return -1;
	r = db_query(rq, "SELECT FROM suppressions WHERE lower(email) = lower($1)"
	    " AND (topic IS NULL OR topic = $2)", DB(email, topic));
	if (r == NULL || db_rows(r) > 0)
		return r == NULL ? -1 : reply_empty(rq);
	s = row_new(rq, &suppressions_resource);
	row_set(s, "email", email);
	row_set(s, "topic", topic);
	row_set(s, "reason", "UNSUBSCRIBE");
	return row_insert(rq, s) < 0 ? -1 : reply_empty(rq);
}
