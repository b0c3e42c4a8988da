/* Sign-in throttling; see throttle.h. */
#include "throttle.h"

#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "event.h"
#include "request.h"
#include "secrets.h"
#include "uuid.h"

#define DELAY_MAX_S 900
#define ACCOUNT_MEMORY "24 hours"	/* without a failure, after which counting starts anew */
#define ADDRESS_MEMORY "15 minutes"

static const char *
scope_key(struct request *rq, const char *scope, const char *what)
{
	char *folded = arena_strdup(rq->arena, what);

	for (char *p = folded; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return arena_printf(rq->arena, "%s:%s", scope, secret_hash(rq->arena, folded));
}

int
throttle_read(struct request *rq, const char *account, struct throttle *ret)
{
	struct db_result *r;

	memset(ret, 0, sizeof(*ret));
	ret->account_key = scope_key(rq, "account", account);
	ret->address_key = scope_key(rq, "address", rq->ip_address != NULL ? rq->ip_address : "");
	r = db_query(rq, "SELECT scope_key, failures,"
	    " greatest(0, ceil(extract(epoch FROM blocked_until - now())))::integer"
	    " FROM auth_throttles WHERE scope_key IN ($1, $2)", DB(ret->account_key, ret->address_key));
	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		if (strcmp(db_text(r, i, 0), ret->account_key) == 0) {
			ret->account_failures = db_int(r, i, 1);
			ret->account_wait_s = (int)db_int(r, i, 2);
		} else {
			ret->address_wait_s = (int)db_int(r, i, 2);
		}
	}
	return 0;
}

int
throttle_refuse(struct request *rq, int wait_s)
{
	rq->problem.retry_after_s = wait_s;
	return fail(rq, ERR_TOO_MANY_REQUESTS, "too many failed attempts; wait %d s", wait_s);
}

/* One more failure: free ones first, then a delay that doubles from one second. */
static int64_t
count_one(struct request *rq, const char *key, const char *memory, int64_t free_failures)
{
	struct db_result *r = db_query(rq,
	    "INSERT INTO auth_throttles AS t (scope_key, failures) VALUES ($1, 1)"
	    " ON CONFLICT (scope_key) DO UPDATE SET last_failure_at = now(), failures = CASE"
	    " WHEN t.last_failure_at < now() - $2::interval THEN 1 ELSE t.failures + 1 END"
	    " RETURNING failures", DB(key, memory));
	int64_t failures;

	if (r == NULL)
		return -1;
	failures = db_int(r, 0, 0);
	if (failures > free_failures && db_exec(rq,
	    "UPDATE auth_throttles SET blocked_until ="
	    " now() + make_interval(secs => least(power(2, least($2::integer, 30)), $3::integer))"
	    " WHERE scope_key = $1",
	    DB(key, arena_printf(rq->arena, "%lld", (long long)(failures - free_failures - 1)),
	    arena_printf(rq->arena, "%d", DELAY_MAX_S))) < 0)
		return -1;
	return failures;
}

int64_t
throttle_count(struct request *rq, const struct throttle *t)
{
	int64_t failures = count_one(rq, t->account_key, ACCOUNT_MEMORY,
	    config_int("THROTTLE_ACCOUNT_FREE"));

	if (failures < 0 || count_one(rq, t->address_key, ADDRESS_MEMORY,
	    config_int("THROTTLE_ADDRESS_FREE")) < 0)
		return -1;
	return failures;
}

int
throttle_clear(struct request *rq, const struct throttle *t)
{
	if (t->account_failures == 0)
		return 0;
	return db_exec(rq, "DELETE FROM auth_throttles WHERE scope_key = $1", DB(t->account_key));
}

/* ---- auth.failed ---- */

#define FULL_PER_SECOND 20	/* events; above, one of SAMPLE stands for all */
#define SAMPLE 10

/* How many refusals the event to be published stands for; 0: none is published. */
static int
weight_now(void)
{
	static int64_t second;
	static int count;
	int64_t now = clock_mono_ms() / 1000;

	if (now != second) {
		second = now;
		count = 0;
	}
	if (++count <= FULL_PER_SECOND)
		return 1;
	return count % SAMPLE == 0 ? SAMPLE : 0;
}

void
auth_failed(struct request *rq, const char *user_id, const char *method, const char *reason,
    int64_t count)
{
	static const char namespace[] = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";	/* RFC 9562: URL */
	int weight = weight_now();
	struct event_out *ev;
	char address_id[UUID_TEXT];

	if (weight == 0)
		return;
	uuid_v5(namespace, arena_printf(rq->arena, "ip:%s", rq->ip_address ? rq->ip_address : ""),
	    address_id);
	ev = event_publish(rq, &EV_AUTH_FAILED, user_id != NULL ? user_id : address_id, 0);
	event_set_text(ev, "user_id", user_id);
	event_set_text(ev, "method", method);
	event_set_text(ev, "reason", reason);
	event_set_int(ev, "count", count);
	event_set_int(ev, "weight", weight);
	event_failed(ev);
}
