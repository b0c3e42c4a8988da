/*
 * Mails: the queue and the memory in one. A row is PENDING until a server took the mail or refused
 * it for good; its texts stay as they were sent, with secrets masked.
 */
#include <string.h>

#include "db.h"
#include "notify.h"
#include "row.h"
#include "uuid.h"

static const char *const statuses[] = { "PENDING", "SENT", "FAILED", NULL };

static const struct column email_log_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "user_refs" },
	{ "notification_template_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "notification_templates" },
	{ "to_email", COL_EMAIL, COL_READONLY | COL_FILTER | COL_PERSONAL },
	{ "subject", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "body_snapshot", COL_TEXT, COL_READONLY | COL_PERSONAL, .doc = "As sent; secrets are masked." },
	{ "html_snapshot", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = statuses },
	{ "provider_reference", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "The Message-ID." },
	{ "error_message", COL_TEXT, COL_READONLY },
	{ "sent_at", COL_TIME, COL_READONLY | COL_FILTER },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "source_event_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "The event it tells of." },
	{ "notification_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "resend_of_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "A mail sent again is a new row." },
	{ "topic", COL_TEXT, COL_READONLY | COL_FILTER },
	{ "is_critical", COL_BOOL, COL_READONLY | COL_FILTER, .initial = "f" },
	{ "attempts", COL_INT, COL_READONLY, .initial = "0" },
	{ "next_attempt_at", COL_TIME, COL_READONLY },
	{ "lease_owner", COL_UUID, COL_READONLY | COL_SECRET },
	{ "leased_until", COL_TIME, COL_READONLY | COL_SECRET },
	{ "smtp_config_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "The server that took it." },
	{ "response_code", COL_INT, COL_READONLY | COL_FILTER, .doc = "Of the server's last reply." },
	{ "token_ciphertext", COL_TEXT, COL_READONLY | COL_SECRET },
	{ "token_expires_at", COL_TIME, COL_READONLY },
	{ "correlation_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "Why did I get this: from the click on." },
	{ "causation_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "traceparent", COL_TEXT, COL_READONLY },
	{ 0 }
};

/* Every event of a mail names its template; the one-time token goes with the first answer. */
static int
email_settled(struct request *rq, struct row *mail)
{
	struct db_result *r;

	row_set(mail, "token_ciphertext", NULL);
	row_set(mail, "lease_owner", NULL);
	row_set(mail, "leased_until", NULL);
	if (!row_is_set(mail, "notification_template_id"))
		return 0;
	r = db_query(rq, "SELECT template_key FROM notification_templates WHERE id = $1",
	    DB(row_text(mail, "notification_template_id")));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		event_set_text(row_event(rq, mail), "template_key", db_text(r, 0, 0));
	return 0;
}

static const struct column bounce_body[] = {
	{ "error_message", COL_TEXT, COL_REQUIRED, .max = 1000, .doc = "What the returned mail says." },
	{ "permanent", COL_BOOL, 0, .doc = "The address is dead: nothing is sent to it any more." },
	{ 0 }
};

static int
suppress(struct request *rq, const struct row *mail)
{
	struct row *s;
	struct db_result *r = db_query(rq, "SELECT FROM suppressions WHERE lower(email) = lower($1)"
	    " AND topic IS NULL", DB(row_text(mail, "to_email")));

	if (r == NULL || db_rows(r) > 0)
		return r == NULL ? -1 : 0;
	s = row_new(rq, &suppressions_resource);
	row_set(s, "email", row_text(mail, "to_email"));
	row_set(s, "reason", "BOUNCE");
	row_set(s, "email_log_id", row_id(mail));
	return row_insert(rq, s);
}

static int
email_bounced(struct request *rq, struct row *mail)
{
	bool permanent = body_bool(rq, "permanent", true);

	row_set(mail, "error_message", body_text(rq, "error_message"));
	event_set_bool(row_event(rq, mail), "permanent", permanent);
	event_recipient(row_event(rq, mail), row_text(mail, "user_id"));
	if (permanent && suppress(rq, mail) < 0)
		return -1;
	return email_settled(rq, mail);
}

static const struct transition email_log_transitions[] = {
	{ NULL, NULL, "PENDING", SYS, NULL, NULL },
	{ "send", "PENDING", "SENT", SYS, &EV_EMAIL_SENT, email_settled, .stamp = "sent_at" },
	{ "fail", "PENDING", "FAILED", SYS, &EV_EMAIL_FAILED, email_settled },
	{ "bounce", "SENT", "FAILED", STAFF("email-logs.bounce"), &EV_EMAIL_BOUNCED, email_bounced,
	    .body = bounce_body, .doc = "The mail came back." },
	{ 0 }
};

const struct resource email_logs_resource = {
	.table = "email_logs",
	.noun = "email_log",
	.module_key = "notifications",
	.label = "subject",
	.columns = email_log_columns,
	.transitions = email_log_transitions,
	.subject = "t.user_id = :me",
	.read = STAFF("email-logs.read"),
	.doc = "Every mail, what became of it, and why it was sent.",
};

struct row *
email_add(struct request *rq, const struct new_email *m)
{
	struct row *row = row_new(rq, &email_logs_resource);

	row_set(row, "user_id", m->user_id);
	row_set(row, "notification_template_id", m->template_id);
	row_set(row, "notification_id", m->notification_id);
	row_set(row, "resend_of_id", m->resend_of_id);
	row_set(row, "to_email", m->to);
	row_set(row, "subject", m->rendered->title);
	row_set(row, "body_snapshot", m->rendered->text);
	row_set(row, "html_snapshot", m->rendered->html);
	row_set(row, "topic", m->topic);
	row_set(row, "is_critical", m->is_critical ? "t" : "f");
	row_set(row, "source_event_id", m->event_id);
	row_set(row, "correlation_id", m->correlation_id != NULL ? m->correlation_id : rq->correlation_id);
	row_set(row, "causation_id", m->causation_id != NULL ? m->causation_id : rq->causation_id);
	row_set(row, "traceparent", rq->traceparent);
	if (m->sealed_token != NULL)	/* base64url has no backslash: bytea takes it as it is */
		row_set(row, "token_ciphertext", m->sealed_token);
	row_set(row, "token_expires_at", m->token_expires_at);
	if (row_insert(rq, row) < 0)
		return NULL;
	mailer_wake();
	return row;
}

/* POST /v1/email-logs/{id}/resend: the same texts again, as a mail of its own. */
int
email_resend(struct request *rq)
{
	struct row *old = row_load(rq, &email_logs_resource, rq->id, false), *new;
	struct rendered r;

	if (old == NULL)
		return -1;
	if (strstr(row_text(old, "body_snapshot"), TOKEN_MASK) != NULL)
		return fail(rq, ERR_VALIDATION, "a one-time link is not sent twice; a new one has to be asked for");
	r = (struct rendered){ .title = row_text(old, "subject"), .text = row_text(old, "body_snapshot"),
		.html = row_text(old, "html_snapshot") };
	new = email_add(rq, &(struct new_email){ .user_id = row_text(old, "user_id"),
	    .to = row_text(old, "to_email"), .template_id = row_text(old, "notification_template_id"),
	    .resend_of_id = row_id(old), .rendered = &r, .topic = row_text(old, "topic"),
	    .is_critical = row_bool(old, "is_critical"), .event_id = row_text(old, "source_event_id") });
	return new == NULL ? -1 : reply_row(rq, 201, new);
}

int
email_tokens_blank(struct request *rq)
{
	return db_exec(rq, "UPDATE email_logs SET token_ciphertext = NULL, version = version + 1"
	    " WHERE token_ciphertext IS NOT NULL AND token_expires_at < now()", DB0);
}
