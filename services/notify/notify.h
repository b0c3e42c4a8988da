/* What notify's files know of each other. */
#ifndef NXT_NOTIFY_H
#define NXT_NOTIFY_H

#include "event.h"
#include "render.h"
#include "request.h"
#include "resource.h"

extern const struct resource notification_templates_resource, notifications_resource,
    email_logs_resource, smtp_configs_resource, suppressions_resource;

/* ---- notifications ---- */
struct new_notification {
	const char *user_id, *channel;
	const char *title, *body;
	const char *template_key, *topic;
	const struct event_in *event;
};
/* IN_APP is born SENT, the others PENDING. NULL: refused. */
struct row *notification_add(struct request *rq, const struct new_notification *n);
int notifications_unread_count(struct request *rq);
int notifications_read_all(struct request *rq);

/* SMS and push: is there a way to send them? */
bool carriers_exist(void);
int carriers_run(struct request *rq);			/* clock */
int notifications_count_lost(struct request *rq);	/* clock, into the metric */

/* ---- e-mail ---- */
struct new_email {
	const char *user_id;		/* NULL: an address that is no user's */
	const char *to;
	const char *template_id, *notification_id, *resend_of_id;
	const struct rendered *rendered;
	const char *topic;
	bool is_critical;
	const char *event_id;		/* what it tells of */
	const char *correlation_id, *causation_id;	/* NULL: the unit's */
	const char *sealed_token;	/* what TOKEN_MASK in the texts stands for, or NULL */
	const char *token_expires_at;
};
/* SET list: what of a row of email_logs is about a person. */
#define EMAIL_BLANK "to_email = '', subject = '', body_snapshot = '', html_snapshot = NULL, token_ciphertext = NULL"
/* Queues a mail, to be sent once the unit has committed. NULL: refused. */
struct row *email_add(struct request *rq, const struct new_email *m);
int email_resend(struct request *rq);
/* Stands in a text, and in body_snapshot for ever, where the one-time token goes. */
#define TOKEN_MASK "token=********"

/* Sends what is queued, on fibers of its own. */
void mailer_start(void);
void mailer_wake(void);		/* something may have been queued */
void mailer_stop(void);		/* called on a fiber: waits for the mails that are on the wire */
int email_tokens_blank(struct request *rq);	/* clock: tokens that have expired */

int smtp_set_command(struct request *rq, int argc, char **argv);
int unsubscribe(struct request *rq);
int unsubscribe_ask(struct request *rq);
/* The address of List-Unsubscribe: who holds it may end this topic's mails to that address. */
char *unsubscribe_url(struct arena *a, const char *email, const char *topic);

/* ---- reactions ---- */
extern const struct subscription notify_subscriptions[];
/* Tells whom the event's rule names; nothing where there is no rule. */
int tell(struct request *rq, const struct event_in *ev);
/* Mails that waited for an address, once it is known. */
int tell_known_user(struct request *rq, const char *user_id);

#endif
