/*
 * The relay's reader: unsent rows of outbox_events, in order, to relay_flight.c.
 *
 * It reads upwards from `next`, asks for missing numbers in the same snapshot, and sweeps from the
 * beginning now and then. It never reads a row that is in flight: those lie between, and are
 * neither gaps nor above `next`.
 */
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "error.h"
#include "fiber.h"
#include "http.h"
#include "log.h"
#include "relay_internal.h"
#include "request.h"
#include "service.h"
#include "uuid.h"

#define POLL_MS 50		/* at most; finds what other replicas committed */
#define READ_EVERY_MS 1		/* reads come no faster than this … */
#define READ_PACED_MS 24	/* … and than this where many callers want the processor: each costs three programs a turn */
#define READ_ROWS 2000
#define READ_BYTES (4 * 1024 * 1024)	/* of payload, at least one row */
#define SLICE_ROWS 200		/* about 2 ms of the loop's time */
#define MARGIN 1000		/* numbers below the first row that may still be committed */
#define RETRY_MS 200		/* after the database failed */
#define LET_GO_MS 2000		/* a topic without a leader must not hold up the others */

/*
 * Its own connections. A commit that a crash takes back only sends again. The plans are pinned:
 * statistics of a queue are always wrong, and one sort of it would cost seconds.
 */
static const char db_settings[] = "-c synchronous_commit=off -c enable_seqscan=off "
    "-c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan "
    "-c max_parallel_workers_per_gather=0 "
    "-c statement_timeout=20000";

struct relay relay;

void
relay_reader_wake(enum relay_wait from)
{
	if (relay.reader_waits != from)
		return;
	relay.reader_waits = RELAY_BUSY;
	fiber_wake(relay.reader);
}

static const char *const waits_for[] = {
	[RELAY_IDLE] = "outbox rows", [RELAY_FULL] = "room", [RELAY_SENDING] = "delivery reports"
};

static void
reader_wait(enum relay_wait why, int ms)
{
	relay.reader_waits = why;
	fiber_park(waits_for[why], ms);
	relay.reader_waits = RELAY_BUSY;
}

void
relay_wake(void)
{
	if (!relay.running)
		return;
	relay.wanted = true;
	relay_reader_wake(RELAY_IDLE);
}

bool
relay_session_lost(void)
{
	return relay.losses != db_losses(relay.db);
}

/* ---- reading ---- */

/* Columns in the order of relay_flight.c; the last is the bytes of the rows before this one. */
static struct db_result *
read_rows(struct request *rq)
{
	struct db_array *from = db_array_new(rq->arena, DB_INT8);
	struct db_array *room = db_array_new(rq->arena, DB_INT8);
	struct db_params params;
	unsigned rows = RELAY_ROWS_MAX - relay.in_flight;
	int64_t bytes = RELAY_BYTES_MAX - relay.bytes;

	db_array_add_int(from, relay.next);
	db_array_add_int(from, rows < READ_ROWS ? rows : READ_ROWS);
	db_array_add_int(room, bytes < READ_BYTES ? bytes : READ_BYTES);
	params = *db_arrays(rq->arena, 3, from, relay_gap_array(rq), room);
	params.binary_result = true;
	return db_query(rq, "SELECT seq, id, aggregateid, type, payload, traceparent, created_at "
	    "FROM (SELECT *, headers->>'traceparent' AS traceparent, sum(octet_length(payload)) "
	    "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM ("
	    "(SELECT * FROM outbox_events WHERE seq = ANY($2::bigint[]) ORDER BY seq) UNION ALL "
	    "(SELECT * FROM outbox_events WHERE seq >= ($1::bigint[])[1] ORDER BY seq "
	    "LIMIT ($1::bigint[])[2])) u) t "
	    "WHERE before IS NULL OR before < ($3::bigint[])[1]", &params);
}

/* Returns how many rows there were, or -1. */
static int
read_and_send(void)
{
	struct request *rq = request_new(relay.db);
	struct db_result *r = read_rows(rq);
	int64_t epoch = relay.epoch;
	int n = r == NULL ? -1 : db_rows(r);

	for (int i = 0; i < n && relay.running && relay.epoch == epoch && !relay_session_lost(); i++) {
		int64_t seq = relay_be64(db_text(r, i, 0));
		if (seq < relay.next) {
			relay_gap_found(seq);
		} else {
			if (relay_gap_note(relay.next, seq) < 0) {
				n = 0;		/* as if nothing were above, until gaps close */
				break;
			}
			relay.next = seq + 1;
		}
		relay_send(r, i);
		if (i % SLICE_ROWS == SLICE_ROWS - 1)
			fiber_sleep(0);		/* requests are served between */
	}
	if (n >= 0 && relay_sweep_is_due())
		relay_sweep(rq);
	request_free(rq);
	return n;
}

/* Where a new owner begins: some way below the first row, since lower numbers may be committed yet. */
static int
find_beginning(void)
{
	struct request *rq = request_new(relay.db);
	struct db_result *r;

	relay.losses = db_losses(relay.db);
	r = db_query(rq, "SELECT coalesce(min(seq), (SELECT last_value + 1 "
	    "FROM outbox_events_seq_seq)) FROM outbox_events", DB0);

	if (r != NULL) {
		relay.next = db_int(r, 0, 0) - MARGIN;
		relay.next = relay.next < 1 ? 1 : relay.next;
		relay_forget_skipped();
		relay_gap_forget_from(0);
	}
	request_free(rq);
	return r == NULL ? -1 : 0;
}

/*
 * Goes back to the lowest row that was skipped, once nothing above it is in flight any more. What is in flight may wait for
 * a topic without a leader: then all of it is let go, and read again.
 */
static bool
go_back(void)
{
	int64_t now = clock_mono_ms();

	if (now < relay.go_back_ms) {
		relay.held_since_ms = 0;
		return true;
	}
	if (relay.in_flight > 0) {
		if (relay.held_since_ms == 0)
			relay.held_since_ms = now;
		relay.broken |= now - relay.held_since_ms > LET_GO_MS && relay.sent.count > 0;
		return false;
	}
	relay.held_since_ms = 0;
	if (relay.skipped_from < relay.next) {
		relay.next = relay.skipped_from;
		relay_gap_forget_from(relay.next);
	}
	relay_forget_skipped();
	return true;
}

static bool
has_room(void)
{
	return relay.in_flight < RELAY_ROWS_MAX - READ_ROWS / 2 && relay.bytes < RELAY_BYTES_MAX / 2;
}

/* What is left of the pause that the requests since the last one ask for. */
static void
keep_pace(int64_t began)
{
	const struct http_stats *stats = dispatch_stats();
	uint64_t requests = stats == NULL ? 0 : stats->requests, since = requests - relay.requests;
	int pause = since / 4 < READ_PACED_MS - READ_EVERY_MS ? READ_EVERY_MS + (int)(since / 4) : READ_PACED_MS;
	int64_t left = pause - (clock_mono_ms() - began);

	relay.requests = requests;
	if (left > 0)
		fiber_sleep((int)left);
}

/*
 * While the broker works on what was sent, further rows gather to one request: the busier all is, the
 * larger they get. librdkafka's thread would also poll without a pause once five requests wait.
 */
static void
wait_for_reports(void)
{
	if (relay.sent.count > 0)
		reader_wait(RELAY_SENDING, POLL_MS);
}

/*
 * One turn of the lease's owner. Nobody tells of what other processes commit: where something came, more
 * may follow, and is looked for soon, then ever more seldom.
 */
static void
work(void)
{
	int64_t began = clock_mono_ms();
	int n;

	if (!go_back() || !has_room()) {
		reader_wait(RELAY_FULL, POLL_MS);
		return;
	}
	relay.wanted = false;
	n = read_and_send();
	if (n < 0) {
		fiber_sleep(RETRY_MS);
	} else if (n < READ_ROWS / 2) {
		wait_for_reports();
		relay.poll_ms = n > 0 ? READ_EVERY_MS : relay.poll_ms < POLL_MS / 2 ? relay.poll_ms * 2 : POLL_MS;
		if (!relay.wanted)
			reader_wait(RELAY_IDLE, relay.poll_ms);
		keep_pace(began);
	}
}

static void
renew_producer(void)
{
	struct error e;

	log_warn("relay: the producer failed for good; going on from the table with a new one");
	relay_purge();
	relay_producer_stop(0);
	while (relay_producer_start(&e) < 0) {
		log_error("relay: %s", e.text);
		fiber_sleep(1000);
	}
}

/*
 * What a replaced owner still sends is a duplicate; it stops as soon as it can. Where only a session was lost
 * the lease is ours, and what was sent may arrive, for a while; none of it is deleted (relay_flight.c), all is
 * read again.
 */
static void
step_down(void)
{
	int64_t until = clock_mono_ms() + LET_GO_MS;
	bool purged = false;

	while (relay.in_flight > 0 && relay.running && !relay.broken) {
		if (!purged && (!relay_lease_held() || clock_mono_ms() >= until)) {
			purged = true;
			relay_purge();
		}
		fiber_sleep(5);
	}
}

static void
reader(void *arg)
{
	int64_t epoch = 0;

	(void)arg;
	relay.reader = fiber_self();
	while (!relay.stopping) {
		if (relay.broken)
			renew_producer();
		if (!relay_lease_held() || relay.epoch != epoch || relay_session_lost()) {
			if (epoch != 0)
				step_down();
			if (relay.broken)
				continue;	/* a new producer first, then all must be let go */
			epoch = 0;
			if (!relay_lease_held())
				reader_wait(RELAY_IDLE, 1000);
			else if (find_beginning() == 0)
				epoch = relay.epoch;
			else
				fiber_sleep(RETRY_MS);
			continue;
		}
		work();
	}
	relay.fibers--;
}

/* ---- start and stop ---- */

static void
start_fiber(const char *name, void (*fn)(void *arg))
{
	relay.fibers++;
	fiber_start(name, fn, NULL);
}

int
relay_start(struct event_base *base, const char *database_url, struct error *e)
{
	static const struct db_limits limits = { .readers = 2, .depth = 1 };
	char application[64];

	relay = (struct relay){ .base = base, .skipped_from = INT64_MAX, .poll_ms = POLL_MS,
	    .go_back_ms = INT64_MAX };
	TAILQ_INIT(&relay.sent.rows);
	TAILQ_INIT(&relay.acked.rows);
	TAILQ_INIT(&relay.deleting.rows);
	uuid_v7(relay.owner);
	if (relay_producer_start(e) < 0)
		return -1;
	snprintf(application, sizeof(application), "nxt-%s-relay", service_self->name);
	relay.db = db_open(base, database_url, application, db_settings, &limits);
	relay.running = true;
	start_fiber("relay lease", relay_lease_keeper);
	start_fiber("relay reader", reader);
	start_fiber("relay deleter", relay_deleter);
	return 0;
}

bool
relay_kafka_is_up(void)
{
	return relay.rk != NULL && kafka_is_up(relay.rk, &relay.health);
}

void
relay_stop(int timeout_ms)
{
	int64_t until = clock_mono_ms() + timeout_ms;

	if (!relay.running)
		return;
	relay.stopping = true;
	relay_reader_wake(RELAY_IDLE);
	relay_reader_wake(RELAY_FULL);
	while (relay.in_flight > 0 && clock_mono_ms() < until)
		fiber_sleep(5);
	relay.running = false;
	if (relay.deleter_waits) {
		relay.deleter_waits = false;
		fiber_wake(relay.deleter);
	}
	for (int i = 0; i < 200 && relay.fibers > 0; i++)
		fiber_sleep(5);
	if (relay.sent.count > 0)
		relay_purge();
	relay_producer_stop(1000);
	if (relay.fibers == 0)		/* else one still waits for a database that is away */
		db_close(relay.db);
}
