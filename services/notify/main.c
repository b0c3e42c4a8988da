/* notify: notifications, mail, support, knowledge base. Table of contents; see README.md for the canvas. */
#include "articles.h"
#include "curl_loop.h"
#include "error.h"
#include "notify.h"
#include "secretbox.h"
#include "service.h"
#include "stream.h"
#include "templates.h"
#include "tickets.h"

static const struct resource *const resources[] = {
	&notification_templates_resource,
	&notifications_resource,
	&email_logs_resource,
	&smtp_configs_resource,
	&suppressions_resource,
	&support_tickets_resource,
	&support_ticket_messages_resource,
	&kb_categories_resource,
	&kb_sections_resource,
	&kb_articles_resource,
	&kb_article_feedback_resource,
	NULL
};

static const struct column unsubscribe_query[] = {
	{ "token", COL_TEXT, COL_REQUIRED, .max = 1000, .doc = "From the mail's List-Unsubscribe header." },
	{ 0 }
};

#define ARTICLE_ANSWER "kb_articles {\"content_html\":\"…\"}"

static const struct route routes[] = {
	{ "GET", "/v1/notifications/unread-count", SIGNED_IN, notifications_unread_count, ROUTE_RESTRICTED_TOO,
	    .summary = "How many of the caller's are not read yet.", .answer = "{\"unread\": 3}" },
	{ "POST", "/v1/notifications/read-all", SIGNED_IN, notifications_read_all,
	    .summary = "Mark the caller's as read, 500 at once.", .answer = "{\"read\": 3, \"more\": false}" },
	{ "GET", "/v1/notifications/stream", SIGNED_IN, notifications_stream, ROUTE_STREAM | ROUTE_RESTRICTED_TOO,
	    .summary = "New ones as server-sent events.", .answer = "text/event-stream" },
	{ "GET", "/v1/notification-topics", SIGNED_IN, notification_topics,
	    .summary = "What preferences can name.",
	    .answer = "{\"items\": [{\"topic\": \"jobs\", \"channels\": {\"in_app\": true, \"email\": true},"
	    " \"can_be_switched_off\": true, \"events\": [\"job.published\"]}], \"next_cursor?\": \"…\"}" },
	{ "POST", "/v1/email-logs/{id}/resend", STAFF("email-logs.resend"), email_resend, ROUTE_LIMITED,
	    .summary = "Send the same mail again.", .answer = "email_logs", .status = 201 },
	{ "POST", "/v1/notification-templates/{id}/preview", STAFF("notification-templates.read"),
	    template_preview, ROUTE_NO_TX, template_preview_body,
	    .summary = "As a person would read it, with made-up values.",
	    .answer = "{\"title\": \"…\", \"text\": \"…\", \"html?\": \"…\"}" },
	{ "POST", "/v1/notification-templates/{id}/test", STAFF("notification-templates.update"),
	    template_test, ROUTE_LIMITED, template_preview_body, .summary = "Send the preview to the caller.",
	    .answer = "{\"status\": \"PENDING\"}", .status = 202 },
	{ "POST", "/v1/support-tickets/{id}/assign", STAFF("support-tickets.assign"), ticket_assign, 0,
	    ticket_assign_body, .summary = "Give the ticket to an agent.", .answer = "support_tickets" },
	/* its requester too, which the handler knows */
	{ "POST", "/v1/support-tickets/{id}/reply", { .who = WHO_SIGNED_IN | WHO_STAFF,
	    .permission = "support-tickets.reply" }, ticket_reply, ROUTE_LIMITED, ticket_reply_body,
	    .summary = "Say something; to a closed ticket it opens a linked one.",
	    .answer = "support_ticket_messages", .status = 201 },
	{ "GET", "/v1/kb-articles/by-slug/{slug}", ANYONE, article_by_slug,
	    .summary = "Read one by its slug, with the text as HTML.", .answer = ARTICLE_ANSWER },
	{ "GET", "/v1/kb-articles/{id}/html", ANYONE, article_render,
	    .summary = "Read one with the text as HTML.", .answer = ARTICLE_ANSWER },
	{ "POST", "/v1/kb-articles/{id}/rate", SIGNED_IN, article_rate, ROUTE_201_OR_200, article_rate_body,
	    .summary = "Say whether it helped; again to change one's mind.", .answer = "kb_article_feedback",
	    .status = 201 },
	{ "GET", "/v1/unsubscribe", ANYONE, unsubscribe_ask, ROUTE_LIMITED, .query = unsubscribe_query,
	    .summary = "A page that asks whether a topic's mails shall end; nothing changes.", .answer = "text/html" },
	{ "POST", "/v1/unsubscribe", ANYONE, unsubscribe, ROUTE_RAW_BODY | ROUTE_LIMITED | ROUTE_NO_IDEMPOTENCY,
	    .query = unsubscribe_query, .summary = "End a topic's mails: RFC 8058 one-click, or the page's button.",
	    .answer = "text/html" },
	{ 0 }
};

static const struct option options[] = {
	{ "SINK_DIR", OPT_TEXT, "", 0, 0, "Folder where SMS and push are written as JSON lines; unset: neither is used." },
	{ "SMTP_CA_FILE", OPT_TEXT, "", 0, 0, "Certificates (PEM) that mail servers are checked against; unset: the system's." },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "email_tokens", 60, email_tokens_blank, "Blanks one-time tokens that have expired in the mail queue." },
	{ "carriers", 2, carriers_run, "Hands SMS and push to their carriers." },
	{ "notifications_lost", 60, notifications_count_lost, "Counts what never got through." },
	{ "tickets_close", 60, tickets_close, "Closes tickets that were solved seven days ago." },
	{ "tickets_overdue", 60, tickets_overdue, "Tells of tickets whose due time has passed." },
	{ "articles_archive", 60, articles_archive, "Takes back articles past their archive_at." },
	{ "templates", 3600, templates_seed, "Adds shipped templates that are missing." },
	{ 0 }
};

static const struct config_key config_keys[] = {
	{ "notify.ticket_first_response_hours", "support", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 720}",
	    "48", "Hours until a ticket must have its first answer." },
	{ "notify.ticket_resolution_days", "support", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 365}",
	    "30", "Days until a ticket must be solved." },
	{ 0 }
};

static const struct command commands[] = {
	{ "smtp set", "smtp set --host H --port P --encryption TLS|SSL --from-email E [--from-name N]"
	    " [--username U --password-secret NAME] [--name N]", smtp_set_command, "set the default mail server" },
	{ "templates check", "templates check", templates_check_command, "check the texts that ship" },
	{ 0 }
};

static int
start(struct event_base *base, struct error *e)
{
	if (secretbox_init(config_text("TOKEN_KEY"), e) < 0)
		return -1;
	curl_loop_init(base);
	if (service_has_role("consumer"))
		mailer_start();
	return 0;
}

static void
stop(void)
{
	mailer_stop();
	curl_loop_shutdown();
}

static const struct service notify = {
	.name = "notify",
	.port = 8105,
	.resources = resources,
	.routes = routes,
	.subscriptions = notify_subscriptions,
	.options = options,
	.clocks = clocks,
	.commands = commands,
	.config_keys = config_keys,
	.start = start,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &notify);
}
