/* Sign-in throttling; see throttle.h. */
#include "throttle.h"

#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "denied.h"
#include "dispatch.h"
#include "event.h"
#include "rate_limit.h"
#include "request.h"
#include "secrets.h"
#include "uuid.h"

/* A delay doubles from one second up to the first limit, and to the second after very many failures. */
#define DELAY_MAX_S 900
#define DELAY_LATE_S 3600
#define FAILURES_LATE 100
#define ACCOUNT_MEMORY "24 hours"	/* without a failure, after which counting starts anew */
#define ADDRESS_MEMORY "15 minutes"

static const char *
scope_key(struct request *rq, const char *scope, const char *what)
{
	return arena_printf(rq->arena, "%s:%s", scope, secret_hash(rq->arena, what));
}

int
throttle_read(struct request *rq, const char *account, const char *proven, struct throttle *ret)
{
	struct db_result *r;

	*ret = (struct throttle){ .user_id = ret->user_id, .method = ret->method, .is_proven = proven != NULL };
	ret->account_key = scope_key(rq, "account", account);
	ret->own_key = proven != NULL ? scope_key(rq, "proven", proven) : ret->account_key;
	ret->address_key = scope_key(rq, "address", rate_limit_network(rq));
	r = db_query(rq, "SELECT scope_key, failures,"
	    " greatest(0, ceil(extract(epoch FROM blocked_until - now())))::integer"
	    " FROM auth_throttles WHERE scope_key IN ($1, $2)", DB(ret->own_key, ret->address_key));
	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		if (strcmp(db_text(r, i, 0), ret->own_key) == 0) {
			ret->own.failures = db_int(r, i, 1);
			ret->own.wait_s = (int)db_int(r, i, 2);
		} else {
			ret->address.wait_s = (int)db_int(r, i, 2);
		}
	}
	return 0;
}

/* Seconds before the next attempt; 0: none. */
static int
wait_of(const struct throttle *t)
{
	return t->is_proven || t->own.wait_s > t->address.wait_s ? t->own.wait_s : t->address.wait_s;
}

static int
refuse(struct request *rq, const struct throttle *t)
{
	int wait_s = wait_of(t);

	rq->problem.retry_after_s = wait_s;
	auth_refused(rq, t->user_id, t->method, "rate_limited");
	return fail(rq, ERR_TOO_MANY_REQUESTS, "too many attempts; try again in %d seconds", wait_s);
}

/* What one attempt was counted as against one key, so that it can be given back. */
static int
count_one(struct request *rq, const char *key, const char *memory, int64_t free_failures,
    int delay_late_s, struct throttle_count *ret)
{
	int most_s;
	struct db_result *r = db_query(rq,
	    "INSERT INTO auth_throttles AS t (scope_key, failures) VALUES ($1, 1)"
	    " ON CONFLICT (scope_key) DO UPDATE SET failures = CASE"
	    " WHEN t.last_failure_at < now() - $2::interval THEN 1 ELSE t.failures + 1 END,"
	    " last_failure_at = CASE"
	    " WHEN t.last_failure_at < now() - $2::interval THEN now() ELSE t.last_failure_at END"
	    " RETURNING failures, blocked_until,"
	    " greatest(0, ceil(extract(epoch FROM blocked_until - now())))::integer",
	    DB(key, memory));

	if (r == NULL)
		return -1;
	ret->failures = db_int(r, 0, 0);
	ret->blocked_until = db_text(r, 0, 1);
	ret->wait_s = (int)db_int(r, 0, 2);
	if (ret->failures <= free_failures)
		return 0;
	most_s = ret->failures > FAILURES_LATE ? delay_late_s : DELAY_MAX_S;
	return db_exec(rq, "UPDATE auth_throttles SET blocked_until ="
	    " now() + make_interval(secs => least(power(2, least($2::integer, 30)), $3::integer))"
	    " WHERE scope_key = $1",
	    DB(key, arena_printf(rq->arena, "%lld", (long long)(ret->failures - free_failures - 1)),
	    arena_printf(rq->arena, "%d", most_s)));
}

/* The delay that this attempt set goes with it, unless another has failed since. */
static int
give_back_one(struct request *rq, const char *key, int64_t free_failures,
    const struct throttle_count *c)
{
	return db_exec(rq, "UPDATE auth_throttles SET failures = greatest(failures - 1, 0),"
	    " blocked_until = CASE WHEN failures - 1 <= $2::bigint THEN NULL"
	    " WHEN failures = $3::bigint THEN $4::timestamptz ELSE blocked_until END"
	    " WHERE scope_key = $1",
	    DB(key, arena_printf(rq->arena, "%lld", (long long)free_failures),
	    arena_printf(rq->arena, "%lld", (long long)c->failures), c->blocked_until));
}

/* A refusal rolls the count back: who must wait makes nobody wait longer. */
static int
take(struct request *rq, void *arg)
{
	struct throttle *t = arg;

	if (count_one(rq, t->own_key, ACCOUNT_MEMORY, config_int("THROTTLE_ACCOUNT_FREE"),
	    DELAY_LATE_S, &t->own) < 0 || count_one(rq, t->address_key, ADDRESS_MEMORY,
	    config_int("THROTTLE_ADDRESS_FREE"), DELAY_MAX_S, &t->address) < 0)
		return -1;
	return wait_of(t) > 0 ? refuse(rq, t) : 0;
}

int
throttle_take(struct request *rq, struct throttle *t)
{
	/* the cheap look first: an attack that is held off costs no write */
	if (wait_of(t) > 0)
		return refuse(rq, t);
	return unit_run(rq, take, t);
}

int
throttle_failed(struct request *rq, const struct throttle *t)
{
	return db_exec(rq, "UPDATE auth_throttles SET last_failure_at = now() WHERE scope_key = $1",
	    DB(t->own_key)) < 0 ? -1 : db_exec(rq,
	    "UPDATE auth_throttles SET last_failure_at = now() WHERE scope_key = $1",
	    DB(t->address_key));
}

int
throttle_clear(struct request *rq, const char *user_id)
{
	struct db_result *r = db_one_or_fail(rq, ERR_NOT_FOUND, "this account is gone",
	    "SELECT lower(email) FROM users WHERE id = $1", DB(user_id));

	return r == NULL ? -1 : db_exec(rq, "DELETE FROM auth_throttles WHERE scope_key = $1",
	    DB(scope_key(rq, "account", db_text(r, 0, 0))));
}

int
throttle_passed(struct request *rq, const struct throttle *t)
{
	if (db_exec(rq, "DELETE FROM auth_throttles WHERE scope_key IN ($1, $2)",
	    DB(t->account_key, t->own_key)) < 0)
		return -1;
	return give_back_one(rq, t->address_key, config_int("THROTTLE_ADDRESS_FREE"), &t->address);
}

static int
undo(struct request *rq, void *arg)
{
	const struct throttle *t = arg;

	if (give_back_one(rq, t->own_key, config_int("THROTTLE_ACCOUNT_FREE"), &t->own) < 0)
		return -1;
	return give_back_one(rq, t->address_key, config_int("THROTTLE_ADDRESS_FREE"), &t->address);
}

int
throttle_undo(struct request *rq, struct throttle *t)
{
	(void)unit_run(rq, undo, t);
	return -1;
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

struct refusal {
	const char *user_id, *method, *reason;
};

static int
publish(struct request *rq, const void *arg)
{
	const struct refusal *r = arg;

	auth_failed(rq, r->user_id, r->method, r->reason, 0);
	return 0;
}

void
auth_refused(struct request *rq, const char *user_id, const char *method, const char *reason)
{
	struct refusal *r = arena_alloc(rq->arena, sizeof(*r));

	*r = (struct refusal){ user_id, method, reason };
	denied_tell(rq, publish, r);
}
