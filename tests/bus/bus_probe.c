/*
 * A daemon of the smallest kind, for the tests of relay and consumer: it wears marketplace's name
 * and database, and its only reaction counts. The count is not idempotent on purpose: an event
 * applied twice shows. With BUS_PROBE=batch it takes whole batches, as audit does, in three lanes.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "dispatch.h"
#include "service.h"

/* Refused while bus_refused names the event's title; so is what comes before its reference. */
static int
count_job(struct request *rq, const struct event_in *ev)
{
	const char *title = event_text(ev, "title");
	struct db_result *r = db_query(rq, "SELECT EXISTS (SELECT FROM bus_refused WHERE title = $1)",
	    DB(title));

	if (r == NULL)
		return -1;
	if (db_bool(r, 0, 0))
		return fail(rq, ERR_CONFLICT, "refused by the test: %s", title);
	db_queue(rq, "INSERT INTO bus_counts AS t (aggregate_id, title, n) VALUES ($1, $2, 1) "
	    "ON CONFLICT (aggregate_id) DO UPDATE SET n = t.n + 1, title = excluded.title",
	    DB(ev->aggregate_id, title));
	db_queue(rq, "INSERT INTO bus_order (aggregate_id, version, causation, correlation) "
	    "VALUES ($1, $2, $3, $4)", DB(ev->aggregate_id,
	    arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version), rq->causation_id,
	    rq->correlation_id));
	return 0;
}

static int
count_batch(struct request *rq, const struct event_in *const *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (events[i]->type == &EV_JOB_CHANGED && count_job(rq, events[i]) < 0)
			return -1;
	return 0;
}

static const struct ref_map user_ref = {
	.table = "user_refs", .columns = { "status", "account_type", "email", "display_name" },
};
static const struct subscription subscriptions[] = {
	{ &EV_JOB_CHANGED, .react = count_job },
	{ &EV_USER_REGISTERED, .ref = &user_ref },
	{ &EV_USER_SUSPENDED, .ref = &user_ref },
	{ 0 }
};
static const struct service probe = {
	.name = "marketplace", .port = 8199, .subscriptions = subscriptions,
};
static const struct service batch_probe = {
	.name = "marketplace", .port = 8199, .consume_batch = count_batch,
};

int
main(int argc, char **argv)
{
	const char *mode = getenv("BUS_PROBE");

	return service_main(argc, argv, mode != NULL && strcmp(mode, "batch") == 0 ? &batch_probe : &probe);
}
