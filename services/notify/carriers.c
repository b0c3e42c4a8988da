/*
 * SMS and push: channels beside mail, each behind one function.
 *
 * What there is now is the sink, a file of JSON lines for local use and tests; a real carrier is
 * another function in the table. A notification is locked while it is handed over; what the person
 * has read in-app meanwhile is not sent any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "row.h"

#define AT_ONCE "100"

/* Hands one over; -1: not now, e says why. `to` is a phone number for SMS, the user's id for push. */
typedef int carrier_send(struct arena *a, const struct row *n, const char *to, struct error *e);

static int
sink_send(struct arena *a, const struct row *n, const char *to, struct error *e)
{
	const char *path = arena_printf(a, "%s/%s.jsonl", config_text("SINK_DIR"),
	    strcmp(row_text(n, "channel"), "SMS") == 0 ? "sms" : "push");
	FILE *f = fopen(path, "ae");
	struct buf b;

	if (f == NULL)
		return error_set(e, ERR_UNAVAILABLE, "the sink cannot be written: %s", strerror(errno));
	buf_init(&b, a, 512);
	buf_printf(&b, "{\"id\":\"%s\",\"to\":", row_id(n));
	buf_add_json(&b, to);
	buf_add_str(&b, ",\"title\":");
	buf_add_json(&b, row_text(n, "title"));
	buf_add_str(&b, ",\"body\":");
	buf_add_json(&b, row_text(n, "body"));
	buf_add_str(&b, "}\n");
	fwrite(b.text, 1, b.len, f);
	return fclose(f) == 0 ? 0 : error_set(e, ERR_UNAVAILABLE, "the sink is full");
}

static const struct carrier {
	const char *channel;
	carrier_send *send;
} carriers[] = {
	{ "SMS", sink_send },
	{ "PUSH", sink_send },
};

bool
carriers_exist(void)
{
	return config_text("SINK_DIR")[0] != '\0';
}

static int
hand_over(struct request *rq, struct row *n, const char *to, bool is_read)
{
	struct error e = { .code = ERR_NONE };
	if (is_read || to == NULL) {	/* stays PENDING for ever: there is no word for "not needed" */
		row_set(n, "next_attempt_at", NULL);
		return row_update(rq, n);
	}
	for (size_t i = 0; i < COUNT_OF(carriers); i++)
		if (strcmp(carriers[i].channel, row_text(n, "channel")) == 0 &&
		    carriers[i].send(rq->arena, n, to, &e) == 0)
			return row_transition(rq, n, "send");
	row_set_time(n, "next_attempt_at", rq->now_us + 60 * 1000000LL);
	row_set_int(n, "attempts", row_int(n, "attempts") + 1);
	log_line(LOG_L_WARN, rq, "notification %s: %s", row_id(n), e.text);
	return row_update(rq, n);
}

int
carriers_run(struct request *rq)
{
	struct db_result *r;

	if (!carriers_exist())
		return 0;
	r = db_query(rq, "SELECT n.id, CASE n.channel WHEN 'SMS' THEN u.phone ELSE u.id::text END,"
	    " EXISTS (SELECT FROM notifications i WHERE i.source_event_id = n.source_event_id"
	    "  AND i.user_id = n.user_id AND i.channel = 'IN_APP' AND i.status = 'READ')"
	    " FROM notifications n JOIN user_refs u ON u.id = n.user_id"
	    " WHERE n.status = 'PENDING' AND n.channel IN ('SMS', 'PUSH') AND n.next_attempt_at <= now()"
	    " AND n.deadline_at > now() ORDER BY n.next_attempt_at LIMIT " AT_ONCE
	    " FOR UPDATE OF n SKIP LOCKED", DB0);
	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *n = row_load(rq, &notifications_resource, db_text(r, i, 0), true);
		if (n == NULL || hand_over(rq, n, db_text(r, i, 1), db_bool(r, i, 2)) < 0)
			return -1;
	}
	return 0;
}

/* What never got through is PENDING past its deadline: there is no FAILED, so it is counted. */
int
notifications_count_lost(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT count(*) FROM notifications WHERE status = 'PENDING'"
	    " AND next_attempt_at IS NOT NULL AND deadline_at < now()", DB0);

	if (r == NULL)
		return -1;
	metric_set(M_NOTIFICATIONS_LOST, db_int(r, 0, 0));
	return 0;
}
