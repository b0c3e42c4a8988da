/* notify: notifications, mail, support, knowledge base. Table of contents; see README.md for the canvas. */
#include "curl_loop.h"
#include "error.h"
#include "notify.h"
#include "secretbox.h"
#include "service.h"
#include "templates.h"

static const struct resource *const resources[] = {
	&notification_templates_resource,
	&notifications_resource,
	&email_logs_resource,
	&smtp_configs_resource,
	&suppressions_resource,
	NULL
};

static const struct column unsubscribe_query[] = {
	{ "token", COL_TEXT, COL_REQUIRED, .max = 1000, .doc = "From the mail's List-Unsubscribe header." },
	{ 0 }
};

static const struct route routes[] = {
	{ "GET", "/v1/notifications/unread-count", SIGNED_IN, notifications_unread_count,
	    .summary = "How many of the caller's are not read yet.", .answer = "{\"unread\": 3}" },
	{ "POST", "/v1/notifications/read-all", SIGNED_IN, notifications_read_all,
	    .summary = "Mark the caller's as read, 500 at once.", .answer = "{\"read\": 3, \"more\": false}" },
	{ "POST", "/v1/email-logs/{id}/resend", STAFF("email-logs.resend"), email_resend,
	    .summary = "Send the same mail again.", .answer = "email_logs", .status = 201 },
	{ "POST", "/v1/notification-templates/{id}/preview", STAFF("notification-templates.read"),
	    template_preview, ROUTE_NO_TX, template_preview_body,
	    .summary = "As a person would read it, with made-up values.",
	    .answer = "{\"title\": \"…\", \"text\": \"…\", \"html\": \"…\"}" },
	{ "POST", "/v1/notification-templates/{id}/test", STAFF("notification-templates.update"),
	    template_test, 0, template_preview_body, .summary = "Send the preview to the caller.",
	    .answer = "{\"status\": \"PENDING\"}", .status = 202 },
	{ "POST", "/v1/unsubscribe", ANYONE, unsubscribe, ROUTE_RAW_BODY | ROUTE_LIMITED | ROUTE_NO_IDEMPOTENCY,
	    .query = unsubscribe_query, .summary = "End a topic's mails: RFC 8058 one-click.", .status = 204 },
	{ 0 }
};

static const struct option options[] = {
	{ "SMTP_CA_FILE", OPT_TEXT, "", 0, 0, "Certificates (PEM) that mail servers are checked against; unset: the system's." },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "email_tokens", 60, email_tokens_blank, "Blanks one-time tokens that have expired in the mail queue." },
	{ "templates", 3600, templates_seed, "Adds shipped templates that are missing." },
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
	.start = start,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &notify);
}
