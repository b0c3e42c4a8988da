/* The pool, statements and transactions of a unit of work; see db.h. */
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "db_conn.h"
#include "db_error.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"
#include "request.h"

#define ANSWERED_LATELY_MS 5000
#define JOIN_DEPTH 4	/* statements in flight on every reader that bring in one more */
#define CONNECT_MS 3000	/* nobody waits longer for one that is just connecting */

/* A transaction: a leased connection and what was queued on it without waiting. */
struct db_tx {
	struct db_conn *conn;
	struct db_stmt *queued[16];	/* sent or to be sent with the next wait */
	unsigned nqueued;
	bool begun;			/* BEGIN was sent */
};

/* ---- the pool ---- */

static struct db *pools;	/* all that are open; two in a daemon: requests and the relay */

/*
 * Readers join one by one: a session costs PostgreSQL some ten milliseconds to begin, which whoever
 * waits for the first answer would wait for too.
 */
static void
add_reader(struct db *db)
{
	if (db->begun < db->limits.readers)
		db_conn_connect(db->readers[db->begun++]);
}

/* fn may free its connection. */
static void
each_connection(struct db *db, void (*fn)(struct db_conn *c))
{
	struct db_conn *c, *next;

	for (unsigned i = 0; i < db->limits.readers; i++)
		fn(db->readers[i]);
	for (c = db->writers; c != NULL; c = next) {
		next = c->next;
		fn(c);
	}
}

static void
host_found(const struct db_host *host)
{
	for (struct db *db = pools; db != NULL; db = db->next)
		if (db->host == host)
			each_connection(db, db_conn_host_found);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	each_connection(arg, db_conn_check);
}

struct db *
db_open(struct event_base *base, const char *url, const char *application_name, const char *options,
    const struct db_limits *limits)
{
	struct db *db = xcalloc(1, sizeof(*db));
	struct timeval watch_every = { .tv_sec = 1 };

	db->base = base;
	db->url = xstrdup(url);
	db->host = db_host_take(url, host_found);
	db->application_name = xstrdup(application_name);
	db->options = xstrdup(options);
	db->limits = *limits;
	db->readers = xcalloc(limits->readers, sizeof(*db->readers));
	fiber_queue_init(&db->lease);
	db->next = pools;
	pools = db;
	for (unsigned i = 0; i < limits->readers; i++)
		db->readers[i] = db_conn_new(db, true);
	add_reader(db);
	db->watch = event_new(base, -1, EV_PERSIST, on_watch, db);
	event_add(db->watch, &watch_every);
	return db;
}

void
db_finish(struct db *db, int timeout_ms)
{
	int64_t until = clock_mono_ms() + timeout_ms;

	while (db->awaiting > 0 && clock_mono_ms() < until)
		fiber_sleep(5);
	db->closing = true;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	db->closing = true;
	for (struct db **p = &pools; *p != NULL; p = &(*p)->next)
		if (*p == db) {
			*p = db->next;
			break;
		}
	each_connection(db, db_conn_free);
	event_free(db->watch);
	db_host_give_back(db->host);
	free(db->readers);
	free(db->url);
	free(db->application_name);
	free(db->options);
	free(db);
}

bool
db_is_up(const struct db *db)
{
	for (unsigned i = 0; i < db->limits.readers; i++)
		if (db->readers[i]->state == CONN_UP)
			return true;
	return db->limits.readers == 0 && db->answered_ms != 0 &&
	    clock_mono_ms() - db->answered_ms < ANSWERED_LATELY_MS;
}

unsigned
db_losses(const struct db *db)
{
	return db->losses;
}

void
db_flush_turn(void)
{
	for (struct db *db = pools; db != NULL; db = db->next) {
		db->flights = NULL;
		for (unsigned i = 0; i < db->limits.readers; i++)
			db_conn_sync(db->readers[i]);
	}
}

static int
time_left(const struct request *rq)
{
	int64_t left = rq->deadline_ms - clock_mono_ms();

	return left < 1 ? 1 : left > 600000 ? 600000 : (int)left;
}

/* The reader with the least in flight that is up; NULL where none is. */
static struct db_conn *
pick_reader(struct db *db)
{
	struct db_conn *best = NULL;

	for (unsigned i = 0; i < db->limits.readers; i++) {
		struct db_conn *c = db->readers[(db->next_reader + i) % db->limits.readers];
		if (c->state == CONN_UP && (best == NULL || c->depth < best->depth))
			best = c;
	}
	db->next_reader++;
	if (best != NULL && best->depth >= (db->limits.depth < JOIN_DEPTH ? db->limits.depth : JOIN_DEPTH))
		add_reader(db);
	return best;
}

/* As pick_reader, but where none is up, one that is just connecting or has not been needed yet is waited for. */
static struct db_conn *
await_reader(struct request *rq)
{
	struct db *db = rq->db;
	struct db_conn *c;

	if (db->closing)
		return NULL;
	c = pick_reader(db);
	if (c == NULL)
		add_reader(db);
	for (unsigned i = 0; c == NULL && i < db->limits.readers; i++)
		if (db_conn_wait(db->readers[i], time_left(rq) < CONNECT_MS ? time_left(rq) : CONNECT_MS))
			c = db->readers[i];
	return c;
}

static int
unavailable(struct request *rq, const char *internal)
{
	rq->problem.internal = internal;
	return fail(rq, ERR_UNAVAILABLE, "the database does not answer; repeat in a moment");
}

/* ---- leases ---- */

static struct db_conn *
take_idle(struct db *db)
{
	struct db_conn *c = db->idle;

	if (c == NULL)
		return NULL;
	db->idle = c->next_idle;
	c->next_idle = NULL;
	db_conn_connect(c);	/* does nothing while it is up */
	return c;
}

static struct db_conn *
make_writer(struct db *db)
{
	struct db_conn *c = db_conn_new(db, false);

	c->next = db->writers;
	db->writers = c;
	db->nwriters++;
	db_conn_connect(c);
	return c;
}

static void
give_back(struct db *db, struct db_conn *c)
{
	c->next_idle = db->idle;
	db->idle = c;
	fiber_queue_wake_one(&db->lease);
}

static struct db_conn *
lease(struct request *rq)
{
	struct db *db = rq->db;
	struct db_conn *c;

	if (db->closing) {
		unavailable(rq, "the pool is closing");
		return NULL;
	}
	while ((c = take_idle(db)) == NULL) {
		if (db->nwriters < db->limits.writers) {
			c = make_writer(db);
			break;
		}
		if (db->waiting >= db->limits.waiters) {
			fail(rq, ERR_OVERLOADED, "too many requests wait for the database");
			return NULL;
		}
		db->waiting++;
		metric_set(M_DB_LEASE_WAIT, db->waiting);
		enum fiber_wake w = fiber_queue_wait(&db->lease, "a connection", time_left(rq));
		db->waiting--;
		if (w != FIBER_DONE) {
			fail(rq, ERR_OVERLOADED, "no connection to the database became free in time");
			return NULL;
		}
	}
	if (db_conn_wait(c, time_left(rq) < CONNECT_MS ? time_left(rq) : CONNECT_MS))
		return c;
	give_back(db, c);
	unavailable(rq, "cannot connect");
	return NULL;
}

/* ---- outcomes ---- */

/* Takes the statement's outcome into the request; NULL where it failed. Frees the statement. */
static struct db_result *
take_outcome(struct request *rq, struct db_stmt *s)
{
	struct db_result *r;
	ExecStatusType status = PQresultStatus(s->result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		db_error_take(rq, s->result, s->sql != NULL ? s->sql->text : "");
		db_stmt_free(s);
		return NULL;
	}
	r = db_result_new(rq, s->result);
	s->result = NULL;
	db_stmt_free(s);
	return r;
}

/* ---- statements ---- */

/* As db_stmt_wait; counted, so that db_finish sees it. */
static bool
await_answer(struct request *rq, struct db_stmt *s)
{
	bool answered;

	rq->db->awaiting++;
	answered = db_stmt_wait(s, time_left(rq));
	rq->db->awaiting--;
	return answered;
}

static struct db_result *
read_pipelined(struct request *rq, const char *sql, const struct db_params *params)
{
	/* A statement skipped behind another's error is sent again, alone at last. */
	for (int attempt = 0; attempt < 4; attempt++) {
		struct db_conn *c = await_reader(rq);
		struct db_stmt *s;

		if (c == NULL || (s = db_conn_send(c, sql, params)) == NULL) {
			unavailable(rq, "no reader");
			return NULL;
		}
		if (c->depth >= rq->db->limits.depth)
			db_conn_sync(c);
		if (!await_answer(rq, s)) {
			unavailable(rq, "connection lost or deadline");
			return NULL;
		}
		if (PQresultStatus(s->result) != PGRES_PIPELINE_ABORTED)
			return take_outcome(rq, s);
		db_stmt_free(s);
	}
	unavailable(rq, "skipped four times behind failing statements");
	return NULL;
}

static int
tx_send_begin(struct request *rq)
{
	struct db_tx *tx = rq->tx;
	struct db_stmt *s;

	if (tx->begun)
		return 0;
	s = db_conn_send(tx->conn, "BEGIN", DB0);
	if (s == NULL)
		return unavailable(rq, "BEGIN");
	tx->begun = true;
	tx->queued[tx->nqueued++] = s;
	return 0;
}

static struct db_stmt *
tx_send(struct request *rq, const char *sql, const struct db_params *params)
{
	struct db_stmt *s;

	if (tx_send_begin(rq) < 0)
		return NULL;
	s = db_conn_send(rq->tx->conn, sql, params);
	if (s == NULL)
		unavailable(rq, "connection lost");
	return s;
}

/* The outcomes of what was queued before; the first failure is the request's. */
static int
settle_queued(struct request *rq)
{
	struct db_tx *tx = rq->tx;
	int result = 0;

	for (unsigned i = 0; i < tx->nqueued; i++) {
		struct db_stmt *s = tx->queued[i];

		if (result < 0 || !s->done) {
			db_stmt_free(s);
		} else if (s->lost) {
			db_stmt_free(s);
			result = unavailable(rq, "connection lost");
		} else if (take_outcome(rq, s) == NULL) {
			result = -1;
		}
	}
	tx->nqueued = 0;
	return result;
}

static struct db_result *
tx_wait(struct request *rq, struct db_stmt *s)
{
	struct db_conn *c = rq->tx->conn;

	db_conn_sync(c);
	if (!await_answer(rq, s)) {
		bool lost = c->state != CONN_UP;
		settle_queued(rq);
		if (!lost)
			db_conn_lose(c, "a statement was given up");
		rq->problem.code = ERR_NONE;
		unavailable(rq, lost ? "connection lost" : "deadline");
		return NULL;
	}
	if (settle_queued(rq) < 0) {
		db_stmt_free(s);
		return NULL;
	}
	return take_outcome(rq, s);
}

struct db_result *
db_query(struct request *rq, const char *sql, const struct db_params *params)
{
	struct db_stmt *s;

	if (rq->tx == NULL)
		return read_pipelined(rq, sql, params);
	s = tx_send(rq, sql, params);
	return s == NULL ? NULL : tx_wait(rq, s);
}

#define TOGETHER_MAX 4

int
db_query_all(struct request *rq, unsigned n, const struct db_statement *statements,
    struct db_result **ret_results)
{
	struct db_stmt *sent[TOGETHER_MAX];
	struct db_result *results[TOGETHER_MAX];
	unsigned nsent = 0, taken = 0;

	if (n > TOGETHER_MAX)
		abort();
	while (nsent < n && (sent[nsent] = tx_send(rq, statements[nsent].sql,
	    statements[nsent].params)) != NULL)
		nsent++;
	while (nsent == n && taken < n && (results[taken] = tx_wait(rq, sent[taken])) != NULL)
		taken++;
	if (taken == n) {
		memcpy(ret_results, results, n * sizeof(results[0]));
		return 0;
	}
	for (unsigned i = nsent < n ? 0 : taken + 1; i < nsent; i++)
		db_stmt_free(sent[i]);
	return -1;
}

struct db_result *
db_one_or_fail(struct request *rq, enum error_code code, const char *text, const char *sql,
    const struct db_params *params)
{
	struct db_result *r = db_query(rq, sql, params);

	if (r == NULL)
		return NULL;
	if (db_rows(r) != 1) {
		fail(rq, code, "%s", text);
		return NULL;
	}
	return r;
}

int
db_query_bool(struct request *rq, const char *sql, const struct db_params *params, bool *ret)
{
	struct db_result *r = db_query(rq, sql, params);

	if (r == NULL)
		return -1;
	*ret = db_bool(r, 0, 0);
	return 0;
}

int
db_exec(struct request *rq, const char *sql, const struct db_params *params)
{
	return db_query(rq, sql, params) == NULL ? -1 : 0;
}

int
db_lock(struct request *rq, const char *name)
{
	return db_exec(rq, "SELECT pg_advisory_xact_lock(hashtextextended(lower($1), 0))", DB(name));
}

void
db_queue(struct request *rq, const char *sql, const struct db_params *params)
{
	struct db_tx *tx = rq->tx;
	struct db_stmt *s;

	if (tx->nqueued >= COUNT_OF(tx->queued) - 2 && tx->queued[0] != NULL) {
		db_query(rq, sql, params);	/* too many at once: wait for these */
		return;
	}
	s = tx_send(rq, sql, params);
	if (s != NULL)
		tx->queued[tx->nqueued++] = s;
}

/* ---- transactions ---- */

int
db_begin(struct request *rq)
{
	struct db_conn *c = lease(rq);

	if (c == NULL)
		return -1;
	rq->tx = arena_alloc(rq->arena, sizeof(*rq->tx));
	rq->tx->conn = c;
	return 0;
}

static void
end_lease(struct request *rq)
{
	struct db_conn *c = rq->tx->conn;

	rq->tx = NULL;
	give_back(rq->db, c);
}

int
db_commit(struct request *rq)
{
	struct db_stmt *s;
	struct db_result *r;

	if (rq->problem.code != ERR_NONE && !rq->commit_refusal) {
		db_rollback(rq);	/* a queued statement failed */
		return -1;
	}
	if (!rq->tx->begun) {
		end_lease(rq);
		return 0;
	}
	s = tx_send(rq, "COMMIT", DB0);
	if (failpoint_is_next(FP_DB_COMMIT_SENT))
		db_flush_turn();	/* else it only waits in our buffer */
	failpoint(FP_DB_COMMIT_SENT);
	r = s == NULL ? NULL : tx_wait(rq, s);
	if (r == NULL) {
		db_rollback(rq);
		return -1;
	}
	end_lease(rq);
	if (strcmp(PQcmdStatus(r->pg), "COMMIT") == 0)
		return 0;
	rq->problem.internal = "COMMIT of a failed transaction";
	return fail(rq, ERR_INTERNAL, "the change could not be stored");
}

void
db_rollback(struct request *rq)
{
	struct db_tx *tx = rq->tx;
	struct db_stmt *s = NULL;

	if (tx == NULL)
		return;
	for (unsigned i = 0; i < tx->nqueued; i++)
		db_stmt_free(tx->queued[i]);
	if (tx->begun && (s = db_conn_send(tx->conn, "ROLLBACK", DB0)) != NULL)
		db_conn_sync(tx->conn);
	/* Its locks are gone before anyone hears of it: who repeats at once must not meet himself. */
	if (s != NULL && await_answer(rq, s))
		db_stmt_free(s);
	end_lease(rq);
}
