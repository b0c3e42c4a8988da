/*
 * One asynchronous connection in pipeline mode. Private to db*.c.
 *
 * Statements are sent in order and answered in order. A statement belongs to the connection from
 * db_conn_send until it is done or was dropped; its result then belongs to whoever sent it.
 */
#ifndef NXT_DB_CONN_H
#define NXT_DB_CONN_H

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "db_host.h"
#include "fiber.h"

/* A statement's text, interned for the life of the process, so that connections can prepare it. */
struct db_sql {
	const char *text;
	char name[16];		/* of the prepared statement */
	unsigned index;		/* into a connection's `prepared` bits */
	struct db_sql *next;
};
/* NULL: there are too many of its kind, it is sent unprepared. `varied` as in db_params. */
const struct db_sql *db_sql_intern(const char *text, bool varied);

enum db_step { STEP_PREPARE, STEP_EXECUTE, STEP_SYNC };

/* A statement in flight, or one of the steps around it. On the heap: it may outlive its sender. */
struct db_stmt {
	enum db_step step;
	const struct db_sql *sql;
	PGresult *result;	/* of STEP_EXECUTE; NULL and lost where the connection went away */
	bool done, lost;
	bool dropped;		/* nobody waits any more: free when answered */
	bool answered;		/* a result was seen, the separating NULL not yet */
	struct fiber *waiter;
	struct db_stmt *next;
};

enum db_conn_state { CONN_DOWN, CONN_CONNECTING, CONN_UP };

struct db_conn {
	struct db *db;
	PGconn *pg;
	enum db_conn_state state;
	struct event *read, *write, *retry;
	int retry_ms;
	int64_t since_ms;		/* it waits for the server's greeting, or for the answer to what is in flight */
	unsigned turn;			/* of db_host, when it began to connect */
	struct db_stmt *head, **tail;	/* awaiting answers */
	unsigned depth;			/* statements in flight */
	bool unsynced;			/* statements were sent after the last Sync */
	bool ending;			/* PostgreSQL said that it ends the session */
	uint64_t *prepared;		/* one bit per db_sql.index */
	unsigned prepared_words;
	bool persistent;		/* reconnects by itself: readers */
	struct fiber_queue connecting;	/* fibers waiting for CONN_UP or CONN_DOWN */
	struct db_conn *next;		/* in the pool's list */
	struct db_conn *next_idle;
};

struct db_conn *db_conn_new(struct db *db, bool persistent);
void db_conn_free(struct db_conn *c);
/* Begins to connect; the outcome shows in `state`. */
void db_conn_connect(struct db_conn *c);
/* A look-up of the host's name has ended: goes on with what waited for it. */
void db_conn_host_found(struct db_conn *c);
/* Parks until the connection is up; false: it is not, or the deadline passed. */
bool db_conn_wait(struct db_conn *c, int timeout_ms);
/* NULL: the connection is or went down. */
struct db_stmt *db_conn_send(struct db_conn *c, const char *sql, const struct db_params *params);
void db_conn_sync(struct db_conn *c);
/* Parks until the statement is done. false: lost, timed out or cancelled; it is gone then, do not touch it. */
bool db_stmt_wait(struct db_stmt *s, int timeout_ms);
void db_stmt_free(struct db_stmt *s);	/* done ones; others are dropped and freed when answered */
/* Closes at once; everything in flight is lost. A persistent connection begins anew. */
void db_conn_lose(struct db_conn *c, const char *why);
/* Loses it where the server, though it keeps the connection, has not said anything for too long. Called now and then. */
void db_conn_check(struct db_conn *c);

/* What db_open keeps. */
struct db {
	struct event_base *base;
	char *url, *application_name, *options;
	struct db_host *host;
	struct db_limits limits;
	struct db_conn **readers;
	unsigned begun;			/* of the readers: those ever connected */
	unsigned next_reader;
	struct db_conn *writers;	/* all */
	struct db_conn *idle;		/* up and not leased */
	unsigned nwriters;
	unsigned waiting;
	unsigned awaiting;		/* fibers parked for an answer */
	struct flight *flights;		/* of this turn; db_coalesce.c */
	struct fiber_queue lease;
	int64_t answered_ms;		/* when a connection last answered; 0: never */
	unsigned losses;		/* connections that were up and ended */
	bool closing;			/* nothing is asked of it any more */
	struct event *watch;		/* of connections whose server is silent */
	struct db *next;
};

struct db_result {
	PGresult *pg;
	unsigned owners;	/* requests whose arenas hold it */
};
/* Takes over what libpq gave, for as long as the request lives. */
struct db_result *db_result_new(struct request *rq, PGresult *pg);
/* The result for one request more; it ends with the last one's arena. */
struct db_result *db_result_share(struct request *rq, struct db_result *r);

#endif
