/*
 * Request coalescing (single flight): who asks the same in one turn of the loop is answered by one statement.
 *
 * The first to ask leads: it asks as if it were alone, and hands what it got to those who wait for it. `$1` is the
 * caller's id and compared like every other value, so that a statement is shared by requests of the same caller, or
 * by callers who are not signed in: the front page that everybody opens. Nobody joins after the turn has ended, since
 * an answer may be older than a request that came later.
 *
 * A failure is shared too where it is the statement's own: a statement that timed out would do so once more for each.
 * Where the connection was lost each of the waiters asks for itself.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "db.h"
#include "db_conn.h"
#include "db_error.h"
#include "metrics.h"
#include "request.h"

/* On the stack of one who waits. */
struct waiter {
	struct request *rq;
	struct fiber *fiber;
	struct db_result *result;	/* NULL: rq is refused, or asks for itself */
	bool done;
	struct waiter *next;
};

/* On the leader's stack; in db->flights until the turn ends. */
struct flight {
	const char *sql;
	const struct db_params *params;
	struct waiter *waiters;
	struct flight *next;
};

static bool
is_same(const struct flight *f, const char *sql, const struct db_params *params)
{
	if (f->params->n != params->n || strcmp(f->sql, sql) != 0)
		return false;
	for (int i = 0; i < params->n; i++) {
		const char *a = f->params->values[i], *b = params->values[i];
		if (a != b && (a == NULL || b == NULL || strcmp(a, b) != 0))
			return false;
	}
	return true;
}

static void
leave_list(struct flight **list, const struct flight *f)
{
	while (*list != NULL && *list != f)
		list = &(*list)->next;
	if (*list != NULL)
		*list = f->next;
}

/* The leader's refusal in the waiter's own memory, which may outlive the leader's. */
static void
share_failure(struct request *rq, const struct problem *p)
{
	memcpy(rq->problem.sqlstate, p->sqlstate, sizeof(p->sqlstate));
	rq->problem.internal = arena_strdup(rq->arena, p->internal);
	fail(rq, p->code, "%s", p->detail);
}

static struct db_result *
lead(struct request *rq, const char *sql, const struct db_params *params)
{
	struct flight flight = { .sql = sql, .params = params, .next = rq->db->flights };
	struct db_result *r;

	rq->db->flights = &flight;
	r = db_query(rq, sql, params);
	leave_list(&rq->db->flights, &flight);
	for (struct waiter *w = flight.waiters; w != NULL; w = w->next) {
		if (r != NULL)
			w->result = db_result_share(w->rq, r);
		else if (db_error_is_of_statement(rq))
			share_failure(w->rq, &rq->problem);
		w->done = true;
		fiber_wake(w->fiber);
	}
	return r;
}

/* Until the leader is done, however that ends: it has a deadline, and `w` stands in its list. */
static void
join(struct flight *flight, struct waiter *w)
{
	w->next = flight->waiters;
	flight->waiters = w;
	while (!w->done)
		fiber_wait("an answer that another waits for");
}

static struct flight *
find_same(struct db *db, const char *sql, const struct db_params *params)
{
	struct flight *f = db->flights;

	while (f != NULL && !is_same(f, sql, params))
		f = f->next;
	return f;
}

struct db_result *
db_query_coalesced(struct request *rq, const char *sql, const struct db_params *params)
{
	struct flight *known = rq->tx != NULL ? NULL : find_same(rq->db, sql, params);
	struct waiter me = { .rq = rq, .fiber = fiber_self() };

	if (params->formats != NULL || params->lengths != NULL || params->binary_result)
		abort();	/* is_same() compares text */
	if (rq->tx != NULL)	/* it may see what others do not */
		return db_query(rq, sql, params);
	if (known == NULL)
		return lead(rq, sql, params);
	join(known, &me);
	if (me.result != NULL)
		metric_add(M_DB_COALESCED, 1);
	else if (rq->problem.code == ERR_NONE)
		me.result = db_query(rq, sql, params);
	return me.result;
}
