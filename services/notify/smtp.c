/*
 * SMTP by libcurl. What a refusal means depends on what was said last: a 5xx after RCPT or after
 * the text is about this mail, one after AUTH or the greeting is about us or the server.
 */
#include "smtp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "config.h"
#include "curl_loop.h"
#include "error.h"
#include "mail_message.h"

#define TRANSFER_MS 60000
#define CONNECT_MS 10000L

enum phase { PHASE_HELLO, PHASE_SIGN_IN, PHASE_SENDER, PHASE_RECIPIENT, PHASE_TEXT };

/* What libcurl's debug callback has heard of the dialogue. */
struct dialogue {
	enum phase phase;
	char reply[300];	/* the server's last word of refusal */
};

static enum phase
phase_of(const char *command, size_t n, enum phase before)
{
	static const struct {
		const char *word;
		enum phase phase;
	} words[] = { { "EHLO", PHASE_HELLO }, { "HELO", PHASE_HELLO }, { "STARTTLS", PHASE_HELLO },
		{ "AUTH", PHASE_SIGN_IN }, { "MAIL", PHASE_SENDER }, { "RCPT", PHASE_RECIPIENT },
		{ "DATA", PHASE_TEXT } };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (n >= strlen(words[i].word) && strncasecmp(command, words[i].word, strlen(words[i].word)) == 0)
			return words[i].phase;
	return before;		/* a sign-in's further lines */
}

static int
listen_to(CURL *easy, curl_infotype type, char *data, size_t n, void *arg)
{
	struct dialogue *d = arg;

	(void)easy;
	if (type == CURLINFO_HEADER_OUT) {
		d->phase = phase_of(data, n, d->phase);
	} else if (type == CURLINFO_HEADER_IN && n > 0 && (data[0] == '4' || data[0] == '5')) {
		while (n > 0 && isspace((unsigned char)data[n - 1]))
			n--;
		snprintf(d->reply, sizeof(d->reply), "%.*s", (int)n, data);
	}
	return 0;
}

static bool
has_status(const char *reply, const char *enhanced)
{
	return strlen(reply) > 4 && strncmp(reply + 4, enhanced, strlen(enhanced)) == 0;
}

/* 530, 534, 535, 538: the server wants another sign-in or encryption, whatever was said last. */
static bool
is_about_us(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538 || code == 421;
}

static enum smtp_outcome
judge(CURLcode code, const struct dialogue *d, int reply)
{
	if (code == CURLE_OK)
		return SMTP_ACCEPTED;
	if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_ABORTED_BY_CALLBACK ||
	    d->phase < PHASE_SENDER || is_about_us(reply))
		return SMTP_TROUBLE;
	if (reply >= 500 && reply < 600)
		return SMTP_REFUSED;
	return reply >= 400 && reply < 500 ? SMTP_LATER : SMTP_TROUBLE;
}

static int
set_server(struct arena *a, CURL *easy, const struct smtp_server *s, struct smtp_result *r)
{
	const char *ca = config_text("SMTP_CA_FILE");
	bool is_ipv6 = strchr(s->host, ':') != NULL;
	struct error e;
	char *password;

	curl_easy_setopt(easy, CURLOPT_URL, arena_printf(a, "%s://%s%s%s:%d/%s", s->is_ssl ? "smtps" : "smtp",
	    is_ipv6 ? "[" : "", s->host, is_ipv6 ? "]" : "", s->port, mail_domain(a, s->from_email)));
	curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	if (ca[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
	if (s->username == NULL)
		return 0;
	password = s->password_secret == NULL ? NULL : config_secret(a, s->password_secret, &e);
	if (s->password_secret != NULL && password == NULL) {
		snprintf(r->text, sizeof(r->text), "%.*s", (int)sizeof(r->text) - 1, e.text);
		return -1;
	}
	curl_easy_setopt(easy, CURLOPT_USERNAME, s->username);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, password != NULL ? password : "");
	return 0;
}

static void
free_slist(void *list)
{
	curl_slist_free_all(list);
}

static void
free_mime(void *mime)
{
	curl_mime_free(mime);
}

static void
add_part(curl_mime *mime, const char *text, const char *type)
{
	curl_mimepart *part = curl_mime_addpart(mime);

	curl_mime_data(part, text, CURL_ZERO_TERMINATED);
	curl_mime_type(part, type);
	curl_mime_encoder(part, "quoted-printable");
}

/* The plain text first: of alternatives the last is the richest (RFC 2046, 5.1.4). */
static void
set_message(struct arena *a, CURL *easy, const struct smtp_server *s, const struct mail *m,
    const char *message_id)
{
	struct curl_slist *to = curl_slist_append(NULL, arena_printf(a, "<%s>", m->to));
	struct curl_slist *headers = mail_headers(a, s, m, message_id);
	curl_mime *mime = curl_mime_init(easy);

	headers = curl_slist_append(headers, "Content-Type: multipart/alternative");
	arena_own(a, to, free_slist);
	arena_own(a, headers, free_slist);
	arena_own(a, mime, free_mime);
	add_part(mime, m->text, "text/plain; charset=utf-8");
	if (m->html != NULL)
		add_part(mime, m->html, "text/html; charset=utf-8");
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, arena_printf(a, "<%s>", s->from_email));
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime);
}

void
smtp_send(struct arena *a, const struct smtp_server *s, const struct mail *m,
    struct smtp_result *ret_result)
{
	struct dialogue d = { .phase = PHASE_HELLO };
	CURL *easy = curl_easy_init();
	CURLcode code;
	long reply = 0;

	*ret_result = (struct smtp_result){ .outcome = SMTP_TROUBLE,
		.message_id = mail_message_id(a, s, m) };
	if (easy == NULL)
		abort();
	arena_own(a, easy, curl_easy_cleanup);
	if (set_server(a, easy, s, ret_result) < 0)
		return;
	set_message(a, easy, s, m, ret_result->message_id);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, listen_to);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &d);
	code = curl_run(easy, TRANSFER_MS);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 0L);	/* d ends here, the handle later */
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply);
	ret_result->outcome = judge(code, &d, (int)reply);
	ret_result->code = (int)reply;
	ret_result->is_bad_address = ret_result->outcome == SMTP_REFUSED && has_status(d.reply, "5.1.1");
	if (code != CURLE_OK)
		snprintf(ret_result->text, sizeof(ret_result->text), "%s",
		    d.reply[0] != '\0' ? d.reply : curl_easy_strerror(code));
}
