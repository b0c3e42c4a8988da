/*
 * The mailer: from PENDING rows of email_logs to mail servers.
 *
 * A mail is claimed first (committed: a lease of two minutes), then sent, then settled in a unit of
 * its own. Two replicas never hold one mail at once. What was sent but could not be settled is sent
 * again after the lease with the same Message-ID, so settling is repeated until PostgreSQL answers.
 */
#include "mailer.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "failpoint.h"
#include "fiber.h"
#include "log.h"
#include "mail_message.h"
#include "metrics.h"
#include "notify.h"
#include "secretbox.h"
#include "service.h"
#include "uuid.h"

#define SENDERS 4
#define IDLE_MS 500
#define STOP_MS 20000
#define GIVE_UP_S (3 * 24 * 3600)	/* a mail that nobody took for so long is of no use */

/* How long a mail that a server put off (4xx) waits before its next attempt; after the last, FAILED. */
static const int delays_s[] = { 2, 10, 60, 300, 900, 1800, 3600, 7200, 14400, 28800 };

static struct {
	struct fiber_queue idle;
	unsigned busy;		/* mails claimed and not settled */
	char owner[UUID_TEXT];	/* this process, in lease_owner */
	bool stopping;
} mailer;

/* ---- claiming ---- */

struct claim {
	struct mail mail;
	const char *user_id, *sealed_token;
	const char *correlation_id;
	int attempts;
	bool is_suppressed, is_expired, is_too_old;
};

static const char claim_sql[] =
    "UPDATE email_logs e SET lease_owner = $1, attempts = e.attempts + 1,"
    " leased_until = now() + interval '2 minutes', next_attempt_at = now() + interval '2 minutes'"
    " WHERE e.id = (SELECT id FROM email_logs WHERE status = 'PENDING' AND next_attempt_at <= now()"
    "  ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING id, source_event_id, to_email, subject, body_snapshot, html_snapshot, topic, traceparent,"
    " is_critical, user_id, convert_from(token_ciphertext, 'UTF8'), correlation_id, attempts,"
    " EXISTS (SELECT FROM suppressions s WHERE lower(s.email) = lower(e.to_email)"
    "  AND (s.topic IS NULL OR s.topic = e.topic) AND (NOT e.is_critical OR s.reason = 'BOUNCE')),"
    " coalesce(token_expires_at < now(), false), created_at < now() - make_interval(secs => $2::int)";

static int
claim_one(struct request *rq, void *arg)
{
	struct claim **ret_claim = arg, *c;
	struct db_result *r = db_query(rq, claim_sql, DB(mailer.owner,
	    arena_printf(rq->arena, "%d", GIVE_UP_S)));

	*ret_claim = NULL;
	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return 0;
	*ret_claim = c = arena_alloc(rq->arena, sizeof(*c));
	c->mail = (struct mail){ .id = db_text(r, 0, 0), .event_id = db_text(r, 0, 1),
		.to = db_text(r, 0, 2), .subject = db_text(r, 0, 3), .text = db_text(r, 0, 4),
		.html = db_text(r, 0, 5), .topic = db_text(r, 0, 6), .traceparent = db_text(r, 0, 7),
		.is_critical = db_bool(r, 0, 8) };
	c->user_id = db_text(r, 0, 9);
	c->sealed_token = db_text(r, 0, 10);
	c->correlation_id = db_text(r, 0, 11);
	c->attempts = (int)db_int(r, 0, 12);
	c->is_suppressed = db_bool(r, 0, 13);
	c->is_expired = db_bool(r, 0, 14);
	c->is_too_old = db_bool(r, 0, 15);
	return 0;
}

/* ---- settling ---- */

struct outcome {
	const struct claim *claim;
	const struct smtp_server *server;	/* the last that was tried, or NULL */
	struct smtp_result result;
	const char *cause;			/* why it is given up: REFUSED, ATTEMPTS, SUPPRESSED; NULL: it is not */
	int delay_ms;				/* until the next attempt */
	bool counts;				/* the attempt was about this mail */
};

static void
set_later(struct row *row, const struct outcome *o)
{
	row_set_time(row, "next_attempt_at", clock_wall_us() + (int64_t)o->delay_ms * 1000);
	row_set(row, "lease_owner", NULL);
	row_set(row, "leased_until", NULL);
	if (!o->counts)
		row_set_int(row, "attempts", o->claim->attempts - 1);
}

static int
suppress_dead_address(struct request *rq, const struct row *row)
{
	struct db_result *r = db_query(rq, "SELECT FROM suppressions WHERE lower(email) = lower($1)"
	    " AND topic IS NULL", DB(row_text(row, "to_email")));
	struct row *s;

	if (r == NULL || db_rows(r) > 0)
		return r == NULL ? -1 : 0;
	s = row_new(rq, &suppressions_resource);
	row_set(s, "email", row_text(row, "to_email"));
	row_set(s, "reason", "BOUNCE");
	row_set(s, "email_log_id", row_id(row));
	return row_insert(rq, s);
}

static int
settle_notification(struct request *rq, const struct row *row)
{
	const char *id = row_text(row, "notification_id");
	struct row *n = id == NULL ? NULL : row_load(rq, &notifications_resource, id, true);

	if (n == NULL)
		return id == NULL ? 0 : -1;
	return strcmp(row_text(n, "status"), "PENDING") == 0 ? row_transition(rq, n, "send") : 0;
}

static int
settle_sent(struct request *rq, struct row *row, const struct outcome *o)
{
	row_set(row, "smtp_config_id", o->server->id);
	row_set(row, "provider_reference", o->result.message_id);
	row_set(row, "error_message", NULL);
	return row_transition(rq, row, "send") < 0 ? -1 : settle_notification(rq, row);
}

static int
settle_failed(struct request *rq, struct row *row, const struct outcome *o)
{
	row_set(row, "error_message", o->result.text);
	event_set_text(row_event_as(rq, row, &EV_EMAIL_FAILED), "cause", o->cause);
	if (o->result.is_bad_address && row_is_set(row, "to_email") && suppress_dead_address(rq, row) < 0)
		return -1;
	return row_transition(rq, row, "fail");
}

/*
 * A mail to an erased person is the last one: what it said and where it went is forgotten before it is
 * loaded, so that no event tells it.
 */
static int
forget_if_erased(struct request *rq, const struct claim *c)
{
	return db_exec(rq, "UPDATE email_logs e SET " EMAIL_BLANK " FROM user_refs u WHERE e.id = $1"
	    " AND e.lease_owner = $2 AND u.id = e.user_id AND u.status = 'ERASED'", DB(c->mail.id, mailer.owner));
}

static int
settle(struct request *rq, void *arg)
{
	const struct outcome *o = arg;
	bool is_done = o->result.outcome == SMTP_ACCEPTED || o->cause != NULL;
	struct row *row = is_done && forget_if_erased(rq, o->claim) < 0 ? NULL :
	    row_load(rq, &email_logs_resource, o->claim->mail.id, true);
	const char *owner = row == NULL ? NULL : row_text(row, "lease_owner");

	if (row == NULL)
		return -1;
	/* the lease ran out and another has it, or it is settled: not ours any more */
	if (owner == NULL || strcmp(owner, mailer.owner) != 0)
		return 0;
	if (o->result.code != 0)
		row_set_int(row, "response_code", o->result.code);
	if (o->result.outcome == SMTP_ACCEPTED)
		return settle_sent(rq, row, o);
	if (o->cause != NULL)
		return settle_failed(rq, row, o);
	row_set(row, "error_message", o->result.text);
	set_later(row, o);
	return row_update(rq, row);
}

/* The event's own story goes on: from the click to this mail. */
static struct request *
unit_new(const struct claim *c)
{
	struct request *rq = request_new(service_db());

	rq->actor = ACTOR_SYSTEM;
	rq->source_type = "WORKER";
	if (c != NULL) {
		rq->source_id = rq->causation_id = arena_strdup(rq->arena, c->mail.event_id);
		rq->correlation_id = arena_strdup(rq->arena, c->correlation_id);
		rq->traceparent = arena_strdup(rq->arena, c->mail.traceparent);
	}
	return rq;
}

static bool
settle_once(const struct outcome *o)
{
	struct request *rq = unit_new(o->claim);
	bool done;

	if (o->result.outcome == SMTP_ACCEPTED)
		failpoint(FP_MAIL_TAKEN);
	done = unit_run(rq, settle, (void *)(uintptr_t)o) == 0;
	if (!done)
		log_line(LOG_L_WARN, rq, "mail %s cannot be settled: %s", o->claim->mail.id,
		    rq->problem.internal != NULL ? rq->problem.internal : rq->problem.detail);
	request_free(rq);
	return done;
}

static void
count(const struct outcome *o)
{
	if (o->result.outcome == SMTP_ACCEPTED)
		metric_add(M_MAIL_SENT, 1);
	else if (o->cause != NULL)
		metric_add(M_MAIL_FAILED, 1);
}

/* ---- sending ---- */

static void
give_up(struct outcome *o, const char *cause, const char *why)
{
	o->cause = cause;
	snprintf(o->result.text, sizeof(o->result.text), "%s", why);
}

/* Why this mail is not sent at all; false: nothing speaks against it. */
static bool
is_hopeless(struct outcome *o)
{
	const struct claim *c = o->claim;

	if (!mail_address_is_safe(c->mail.to))
		give_up(o, "REFUSED", "this is no address that mail can be sent to");
	else if (c->is_suppressed)
		give_up(o, "SUPPRESSED", "the address is on the suppression list");
	else if (c->is_expired)
		give_up(o, "ATTEMPTS", "the link expired before the mail could be sent");
	else if (c->is_too_old)
		give_up(o, "ATTEMPTS", "no server took it for three days");
	return o->cause != NULL;
}

static int
put_token(struct request *rq, struct claim *c, struct outcome *o)
{
	const char *token = c->sealed_token == NULL ? NULL : secretbox_open(rq->arena, c->sealed_token);

	if (c->sealed_token == NULL)
		return 0;
	if (token == NULL) {
		give_up(o, "REFUSED", "the one-time token cannot be opened: TOKEN_KEY is not identity's");
		return -1;
	}
	c->mail.text = mail_put_token(rq->arena, c->mail.text, token);
	c->mail.html = mail_put_token(rq->arena, c->mail.html, token);
	return 0;
}

/* One server after the other until one has an opinion on this mail. */
static void
try_servers(struct request *rq, struct outcome *o)
{
	const struct smtp_server *s = NULL;

	while ((s = server_next(rq, s)) != NULL) {
		o->server = s;
		smtp_send(rq->arena, s, &o->claim->mail, &o->result);
		if (o->result.outcome != SMTP_TROUBLE) {
			server_worked(s);
			return;
		}
		server_failed(s, o->result.text);
	}
	if (o->server == NULL)
		snprintf(o->result.text, sizeof(o->result.text), "no mail server can be reached");
	o->result.outcome = SMTP_TROUBLE;
}

static void
decide(struct outcome *o)
{
	int attempt = o->claim->attempts;

	if (o->result.outcome == SMTP_REFUSED) {
		o->cause = "REFUSED";
	} else if (o->result.outcome == SMTP_LATER && attempt > (int)COUNT_OF(delays_s)) {
		o->cause = "ATTEMPTS";
	} else if (o->result.outcome == SMTP_LATER) {
		o->counts = true;
		o->delay_ms = delays_s[attempt - 1] * 1000;
	} else {
		o->delay_ms = server_wait_ms();
	}
}

static void
send_claimed(struct request *rq, struct claim *c)
{
	struct outcome o = { .claim = c };

	o.result.outcome = SMTP_TROUBLE;
	if (!is_hopeless(&o) && put_token(rq, c, &o) == 0) {
		try_servers(rq, &o);
		decide(&o);
	}
	while (!settle_once(&o))
		if (fiber_sleep(IDLE_MS) != FIBER_DONE)
			return;
	count(&o);
}

/* true: there was one. */
static bool
send_next(void)
{
	struct request *rq = unit_new(NULL);
	struct claim *c = NULL;
	bool found;

	if (unit_run(rq, claim_one, &c) < 0)
		c = NULL;
	found = c != NULL;
	if (found) {
		mailer.busy++;
		fiber_queue_wake_one(&mailer.idle);
		rq->deadline_ms = clock_mono_ms() + 120000;
		send_claimed(rq, c);
		mailer.busy--;
	}
	request_free(rq);
	return found;
}

/* ---- fibers ---- */

/* The first one looks by itself every half second; it or a committed unit wakes the others. */
static void
sender(void *arg)
{
	bool is_first = arg != NULL;

	while (!mailer.stopping) {
		int wait = server_wait_ms();
		if (wait == 0 && send_next())
			continue;
		if (wait > 0 && is_first) {
			struct request *rq = unit_new(NULL);
			fiber_sleep(wait);
			server_next(rq, NULL);	/* is one usable again? */
			request_free(rq);
			continue;
		}
		fiber_queue_wait(&mailer.idle, "mail", is_first ? IDLE_MS : -1);
	}
}

/* The row is visible once the unit has committed, a moment later. */
static void
wake_soon(void *arg)
{
	(void)arg;
	fiber_sleep(10);
	fiber_queue_wake_one(&mailer.idle);
}

void
mailer_wake(void)
{
	static int64_t last_ms;

	if (clock_mono_ms() - last_ms < 10 || mailer.owner[0] == '\0')
		return;
	last_ms = clock_mono_ms();
	fiber_start("mail wake", wake_soon, NULL);
}

static void
count_pending(void *arg)
{
	(void)arg;
	while (!mailer.stopping) {
		struct request *rq = unit_new(NULL);
		struct db_result *r = db_query(rq, "SELECT count(*) FROM email_logs WHERE status = 'PENDING'", DB0);
		if (r != NULL)
			metric_set(M_MAIL_PENDING, db_int(r, 0, 0));
		request_free(rq);
		if (fiber_sleep(15000) != FIBER_DONE)
			return;
	}
}

void
mailer_start(void)
{
	uuid_v7(mailer.owner);
	fiber_queue_init(&mailer.idle);
	for (int i = 0; i < SENDERS; i++)
		service_spawn("mailer", sender, i == 0 ? &mailer : NULL);
	service_spawn("mail count", count_pending, NULL);
}

void
mailer_stop(void)
{
	int64_t until = clock_mono_ms() + STOP_MS;

	mailer.stopping = true;
	fiber_queue_wake_all(&mailer.idle);
	while (mailer.busy > 0 && clock_mono_ms() < until)
		fiber_sleep(20);
}
