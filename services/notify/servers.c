/*
 * Which mail server takes the next mail: the default, then by priority; one in trouble rests.
 *
 * What is known of trouble lives in this process alone: a replica that reaches a server uses it.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "mailer.h"
#include "metrics.h"

#define REST_MS_MIN 500
#define REST_MS_MAX 15000
#define NO_SERVER_MS 2000
#define SERVERS_MAX 16

/* A server that was in trouble lately. */
static struct rest {
	char id[40];
	int rest_ms;
	int64_t until_ms;
} rests[SERVERS_MAX];
static bool complained;

static struct rest *
rest_of(const char *id, bool make)
{
	struct rest *oldest = &rests[0];

	for (size_t i = 0; i < COUNT_OF(rests); i++) {
		if (strcmp(rests[i].id, id) == 0)
			return &rests[i];
		if (rests[i].until_ms < oldest->until_ms)
			oldest = &rests[i];
	}
	if (!make)
		return NULL;
	memset(oldest, 0, sizeof(*oldest));
	strncpy(oldest->id, id, sizeof(oldest->id) - 1);
	return oldest;
}

void
server_failed(const struct smtp_server *s, const char *why)
{
	struct rest *r = rest_of(s->id, true);

	r->rest_ms = r->rest_ms == 0 ? REST_MS_MIN : r->rest_ms * 2;
	if (r->rest_ms > REST_MS_MAX)
		r->rest_ms = REST_MS_MAX;
	r->until_ms = clock_mono_ms() + r->rest_ms;
	log_warn("mail server %s:%d: %s; next try in %d ms", s->host, s->port, why, r->rest_ms);
}

void
server_worked(const struct smtp_server *s)
{
	struct rest *r = rest_of(s->id, false);

	if (r != NULL)
		memset(r, 0, sizeof(*r));
}

static bool
is_resting(const char *id)
{
	const struct rest *r = rest_of(id, false);

	return r != NULL && r->until_ms > clock_mono_ms();
}

static int wait_ms;

int
server_wait_ms(void)
{
	int64_t soonest = 0, now = clock_mono_ms();

	if (wait_ms == 0)
		return 0;
	for (size_t i = 0; i < COUNT_OF(rests); i++)
		if (rests[i].id[0] != '\0' && rests[i].until_ms > now &&
		    (soonest == 0 || rests[i].until_ms < soonest))
			soonest = rests[i].until_ms;
	return soonest == 0 ? wait_ms : (int)(soonest - now);
}

static const struct smtp_server *
take(struct request *rq, const struct db_result *r, int i)
{
	struct smtp_server *s = arena_alloc(rq->arena, sizeof(*s));

	*s = (struct smtp_server){ .id = db_text(r, i, 0), .host = db_text(r, i, 1),
		.port = (int)db_int(r, i, 2), .username = db_text(r, i, 3),
		.password_secret = db_text(r, i, 4), .is_ssl = strcmp(db_text(r, i, 5), "SSL") == 0,
		.from_name = db_text(r, i, 6), .from_email = db_text(r, i, 7),
		.rate_per_minute = (int)db_int(r, i, 8) };
	return s;
}

/* The cap is over all replicas: it is counted in the table. */
static const char servers_sql[] =
    "SELECT id, host, port, username, password_secret, encryption_mode, from_name, from_email,"
    " rate_per_minute, rate_per_minute IS NOT NULL AND (SELECT count(*) FROM email_logs e"
    " WHERE e.smtp_config_id = s.id AND e.sent_at > now() - interval '1 minute') >= rate_per_minute"
    " FROM smtp_configs s WHERE is_active ORDER BY is_default DESC, priority, id";

const struct smtp_server *
server_next(struct request *rq, const struct smtp_server *last)
{
	struct db_result *r = db_query(rq, servers_sql, DB0);
	bool passed = last == NULL;

	if (r == NULL)
		return NULL;
	if (db_rows(r) == 0 && !complained)
		log_warn("no mail server is set up; mails wait (nxt-notify smtp set)");
	complained = db_rows(r) == 0;
	for (int i = 0; i < db_rows(r); i++) {
		const char *id = db_text(r, i, 0);
		if (passed && !is_resting(id) && !db_bool(r, i, 9)) {
			wait_ms = 0;
			return take(rq, r, i);
		}
		passed = passed || strcmp(id, last->id) == 0;
	}
	wait_ms = NO_SERVER_MS;
	return NULL;
}
