/* The headers of a mail, after RFC 5322. Values from outside are made harmless here. */
#ifndef NXT_MAIL_MESSAGE_H
#define NXT_MAIL_MESSAGE_H

#include <curl/curl.h>
#include <stdbool.h>

#include "smtp.h"

/* <event id>.<mail id>@<domain>, in angle brackets: the same however often the mail is tried. */
char *mail_message_id(struct arena *a, const struct smtp_server *s, const struct mail *m);
struct curl_slist *mail_headers(struct arena *a, const struct smtp_server *s, const struct mail *m,
    const char *message_id);
/* What follows the '@'; "localhost" where there is none. */
char *mail_domain(struct arena *a, const char *email);
/* An address that can stand in angle brackets. */
bool mail_address_is_safe(const char *email);
/* A text as a header's value: controls as spaces, RFC 2047 where it is not ASCII. */
char *mail_header_text(struct arena *a, const char *text);
/* Puts the token where TOKEN_MASK stands. */
char *mail_put_token(struct arena *a, const char *text, const char *token);

#endif
