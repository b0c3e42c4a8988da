/*
 * PostgreSQL: the only place that calls libpq.
 *
 * A request without a transaction reads through a few shared connections in pipeline mode, one
 * Sync per statement. A transaction has a leased connection to itself; BEGIN travels with its
 * first statement and COMMIT with its last. Statements are prepared once per connection and
 * every value is a bound parameter. All waits park the calling fiber.
 */
#ifndef NXT_DB_H
#define NXT_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct arena;
struct db;
struct event_base;
struct request;

/* ---- the pool ---- */
struct db_limits {
	unsigned readers;	/* shared pipelined connections, opened at start */
	unsigned writers;	/* leased connections at most, opened as needed */
	unsigned depth;		/* statements in flight per reader */
	unsigned waiters;	/* fibers waiting for a lease before ERR_OVERLOADED */
};
/* `options` is passed as libpq's options, e.g. "-c synchronous_commit=off"; may be "". */
struct db *db_open(struct event_base *base, const char *url, const char *application_name,
    const char *options, const struct db_limits *limits);
/*
 * Parks until no fiber waits for an answer, or so long: what such a one holds would be lost with the pool. Whoever asks
 * afterwards, in the turn that is the last, is refused: ERR_UNAVAILABLE.
 */
void db_finish(struct db *db, int timeout_ms);
void db_close(struct db *db);
bool db_is_up(const struct db *db);	/* a connection answered lately */
/*
 * Sessions that ended while they were up, ever. Whoever remembers what the database said compares: after a
 * failover it may have forgotten its last commits, and given their numbers to other rows.
 */
unsigned db_losses(const struct db *db);
void db_flush_turn(void);	/* end of a turn: every pool sends what was queued */

/* ---- results ---- */
struct db_result;	/* lives in the request's arena */
int db_rows(const struct db_result *r);
int db_affected(const struct db_result *r);
/* Text of a cell; NULL is SQL NULL. Times are UTC. */
const char *db_text(const struct db_result *r, int row, int col);
const char *db_get(const struct db_result *r, int row, const char *column);	/* aborts on an unknown column */
int64_t db_int(const struct db_result *r, int row, int col);	/* NULL is 0 */
bool db_bool(const struct db_result *r, int row, int col);
/* Binary length, for bytea fetched with DB_BINARY. */
int db_length(const struct db_result *r, int row, int col);

/* ---- parameters ---- */
struct db_params {
	int n;
	const char *const *values;	/* text, or binary where formats says so; NULL is SQL NULL */
	const int *lengths;		/* NULL: all text */
	const int *formats;		/* NULL: all text; 1 is binary */
	bool binary_result;
	bool varied;			/* the statement's text is one of many that a request's parameters make */
};
/* Text parameters in place: db_query(rq, "… $1 … $2", DB(id, title)). DB0 where there are none. */
#define DB(...) &(struct db_params){ .n = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), \
	.values = (const char *const[]){ __VA_ARGS__ } }
#define DB0 &(struct db_params){ 0 }

/* ---- statements ---- */
/*
 * One statement, in the request's transaction if one is open, else on a shared reader. NULL on
 * failure, with the reason in rq: an SQLSTATE of the caller's doing becomes its error (unique,
 * foreign key, check, NX001), anything else ERR_UNAVAILABLE or ERR_INTERNAL, never SQL text.
 */
struct db_result *db_query(struct request *rq, const char *sql, const struct db_params *params);
/*
 * As db_query for a read that others may want too, with text parameters and a text result: requests that
 * ask the same with the same values in one turn of the loop get one answer. All of them had arrived before
 * it was read.
 */
struct db_result *db_query_coalesced(struct request *rq, const char *sql, const struct db_params *params);
/*
 * Several statements of the open transaction in one round trip, in this order, each seeing what the
 * ones before it did. Fills ret_results; -1: one failed, and none of them is to be used.
 */
struct db_statement {
	const char *sql;
	const struct db_params *params;
};
int db_query_all(struct request *rq, unsigned n, const struct db_statement *statements,
    struct db_result **ret_results);
/* As db_query for a statement that must give one row; none is `code` with the text. */
struct db_result *db_one_or_fail(struct request *rq, enum error_code code, const char *text,
    const char *sql, const struct db_params *params);
/* As db_query for a statement that gives one boolean. */
int db_query_bool(struct request *rq, const char *sql, const struct db_params *params, bool *ret);
/* As db_query, only the outcome: 0 or -1. */
int db_exec(struct request *rq, const char *sql, const struct db_params *params);
/*
 * Of two transactions that lock the same name the second waits for the first one's end. Names are this database's
 * own, "email:a@example.org", and compared as lower() of PostgreSQL gives them. 0 or -1.
 */
int db_lock(struct request *rq, const char *name);
/*
 * Queues a statement of the open transaction without waiting; it travels with the next db_query
 * or the commit, and its failure is theirs. The parameters are copied to the arena.
 */
void db_queue(struct request *rq, const char *sql, const struct db_params *params);

/* ---- transactions (dispatch, consumer, relay and clocks only; never a handler) ---- */
int db_begin(struct request *rq);	/* leases a connection; BEGIN goes with the first statement */
int db_commit(struct request *rq);	/* 0: durable. -1: not, or unknown where the connection was lost */
void db_rollback(struct request *rq);
/* True where the failure in rq may vanish if the whole transaction is run again (40001, 40P01, …). */
bool db_should_retry(const struct request *rq);

/* ---- arrays for unnest ---- */
/* Builders of binary one-dimensional arrays as one parameter; element text NULL is SQL NULL. */
struct db_array;
enum db_type { DB_TEXT, DB_UUID, DB_INT8, DB_INT4, DB_TIMESTAMPTZ, DB_JSONB, DB_BYTEA, DB_BOOL };
struct db_array *db_array_new(struct arena *a, enum db_type type);
void db_array_add_text(struct db_array *x, const char *s);		/* TEXT, JSONB; UUID in text form */
void db_array_add_int(struct db_array *x, int64_t v);			/* INT8, INT4, BOOL; TIMESTAMPTZ in µs since 1970 */
void db_array_add_bytes(struct db_array *x, const void *p, size_t n);
void db_array_add_null(struct db_array *x);
/* Parameters made of arrays only: db_query(rq, sql, db_arrays(rq->arena, 3, a, b, c)). */
const struct db_params *db_arrays(struct arena *a, int n, ...);
const struct db_params *db_arrays_of(struct arena *a, int n, struct db_array *const *arrays);
/* A text[] parameter literal from n strings, for `= ANY($1::text[])` and text[] columns. */
const char *db_text_array(struct arena *a, const char *const *items, size_t n);

#endif
