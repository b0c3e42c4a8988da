/* One mail to one server, by libcurl on the loop. Knows nothing of queues, retries or rows. */
#ifndef NXT_SMTP_H
#define NXT_SMTP_H

#include <stdbool.h>

struct arena;

struct smtp_server {
	const char *id, *host;
	int port;
	bool is_ssl;			/* TLS from the first byte; else STARTTLS, never without */
	const char *username;		/* NULL: no sign-in */
	const char *password_secret;	/* a secret's name */
	const char *from_name, *from_email;
	int rate_per_minute;		/* 0: no cap */
};

struct mail {
	const char *id, *event_id;
	const char *to, *subject, *text, *html;
	const char *topic, *traceparent;
	bool is_critical;
};

enum smtp_outcome {
	SMTP_ACCEPTED,		/* 2xx: the server has it */
	SMTP_LATER,		/* 4xx to this mail: try it again */
	SMTP_REFUSED,		/* 5xx to this mail: for good */
	SMTP_TROUBLE,		/* not about this mail: server away, sign-in refused, TLS … */
};
struct smtp_result {
	enum smtp_outcome outcome;
	int code;			/* of the server's last reply; 0: none */
	bool is_bad_address;		/* enhanced status 5.1.1: nobody is there */
	const char *message_id;		/* what the mail was sent as */
	char text[400];			/* the server's words, or libcurl's */
};

/* Parks the fiber until the server has answered, at most a minute. */
void smtp_send(struct arena *a, const struct smtp_server *s, const struct mail *m,
    struct smtp_result *ret_result);

#endif
