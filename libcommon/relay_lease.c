/*
 * The lease: one relay is active per service, and a stopped one that revives finds itself replaced.
 *
 * The row in relay_lease is renewed each second and lasts five. A session lock would stay with a
 * process that is stopped but not dead.
 */
#include <stdio.h>

#include "clock.h"
#include "db.h"
#include "failpoint.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "relay_internal.h"
#include "request.h"

#define LEASE_MS 5000
#define RENEW_MS 1000
#define COUNT_EVERY 5	/* renewals */

bool
relay_lease_held(void)
{
	return relay.epoch != 0 && clock_mono_ms() < relay.lease_until_ms;
}

static void
take_over(struct request *rq)
{
	int64_t began = clock_mono_ms();
	struct db_result *r = db_query(rq, "UPDATE relay_lease SET epoch = epoch + 1, "
	    "owner = $1::uuid, deadline = clock_timestamp() + interval '5 s' "
	    "WHERE deadline < clock_timestamp() "
	    /* no owner writes one so far ahead: the clock was set back */
	    "OR deadline > clock_timestamp() + interval '10 s' RETURNING epoch", DB(relay.owner));

	if (r == NULL || db_rows(r) == 0)
		return;
	failpoint(FP_RELAY_LEASE_TAKEN);
	relay.lease_until_ms = began + LEASE_MS;
	relay.epoch = db_int(r, 0, 0);
	log_info("relay: active, epoch %lld", (long long)relay.epoch);
	relay_reader_wake(RELAY_IDLE);
}

static void
renew(struct request *rq)
{
	int64_t began = clock_mono_ms();
	const char *epoch = arena_printf(rq->arena, "%lld", (long long)relay.epoch);
	struct db_result *r = db_query(rq, "UPDATE relay_lease "
	    "SET deadline = clock_timestamp() + interval '5 s' WHERE epoch = $1::bigint "
	    "AND owner = $2::uuid RETURNING epoch", DB(epoch, relay.owner));

	if (r == NULL)
		return;		/* the database is away: so is everybody's lease in five seconds */
	if (db_rows(r) == 1) {
		relay.lease_until_ms = began + LEASE_MS;
		return;
	}
	log_warn("relay: replaced by another, epoch %lld is over", (long long)relay.epoch);
	relay.epoch = 0;
	relay_reader_wake(RELAY_IDLE);
	relay_reader_wake(RELAY_FULL);
}

static void
give_up(struct request *rq)
{
	const char *epoch = arena_printf(rq->arena, "%lld", (long long)relay.epoch);

	db_exec(rq, "UPDATE relay_lease SET deadline = '-infinity' WHERE epoch = $1::bigint"
	    " AND owner = $2::uuid", DB(epoch, relay.owner));
	relay.epoch = 0;
}

static void
count_pending(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT (SELECT count(*) FROM (SELECT FROM outbox_events "
	    "LIMIT 100000) t), (SELECT extract(epoch FROM now() - created_at)::bigint "
	    "FROM outbox_events ORDER BY seq LIMIT 1)", DB0);

	if (r == NULL)
		return;
	metric_set(M_OUTBOX_PENDING, db_int(r, 0, 0));
	metric_set(M_OUTBOX_OLDEST, db_int(r, 0, 1));
}

static void
tick(unsigned turn)
{
	struct request *rq = request_new(relay.db);

	rq->deadline_ms = clock_mono_ms() + LEASE_MS / 2;
	if (relay.epoch == 0)
		take_over(rq);
	else
		renew(rq);
	if (relay_lease_held() && turn % COUNT_EVERY == 0)
		count_pending(rq);
	request_free(rq);
	metric_set(M_RELAY_ACTIVE, relay_lease_held());
	metric_set(M_KAFKA_UP, relay.rk != NULL && kafka_is_up(relay.rk, &relay.health));
}

void
relay_lease_keeper(void *arg)
{
	struct request *rq;

	(void)arg;
	for (unsigned turn = 0; relay.running; turn++) {
		tick(turn);
		for (int i = 0; i < 10 && relay.running; i++)
			fiber_sleep(RENEW_MS / 10);
	}
	if (relay.epoch != 0) {
		rq = request_new(relay.db);
		rq->deadline_ms = clock_mono_ms() + 500;
		give_up(rq);
		request_free(rq);
	}
	metric_set(M_RELAY_ACTIVE, 0);
	relay.fibers--;
}
