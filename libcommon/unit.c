/*
 * One unit of work in one transaction: begin, the work, outbox, commit; again where PostgreSQL
 * asks for it, or where a reference has not arrived yet.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "event.h"
#include "failpoint.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "refs.h"
#include "relay.h"
#include "row.h"

#define CONFLICT_RETRIES 8
#define REFERENCE_WAIT_MS 2000	/* services.md: a missing reference is waited for, then 422 */
#define WAITING_MAX 64		/* units that wait so at once, far below the requests in flight (dispatch.h) */
#define WAITING_OF_CALLER_MAX 4

/* ---- consequences ---- */

struct later {
	int (*fn)(struct request *rq, const char *id);
	const char *id;
	struct later *next;
};

int
unit_later(struct request *rq, int (*fn)(struct request *rq, const char *id), const char *id)
{
	struct later **tail = &rq->later, *l;

	for (; *tail != NULL; tail = &(*tail)->next)
		if ((*tail)->fn == fn && strcmp((*tail)->id, id) == 0)
			return 0;
	l = arena_alloc(rq->arena, sizeof(*l));
	l->fn = fn;
	l->id = arena_strdup(rq->arena, id);
	*tail = l;
	return 0;
}

static int
run_later(struct request *rq)
{
	while (rq->later != NULL) {
		struct later *l = rq->later;
		rq->later = l->next;
		if (l->fn(rq, l->id) < 0)
			return -1;
	}
	return 0;
}

/* ---- the unit ---- */

/* One run; 0: committed. */
static int
run_once(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg)
{
	int result;

	if (db_begin(rq) < 0)
		return -1;
	if (rq->attempt > 0 && rq->caller.user_id != NULL)
		refs_stub_user(rq, rq->caller.user_id);
	result = fn(rq, arg);
	if (result < 0 && !rq->commit_refusal) {
		db_rollback(rq);
		return -1;
	}
	if (run_later(rq) < 0 || outbox_write(rq) < 0) {
		rq->commit_refusal = false;
		db_rollback(rq);
		return -1;
	}
	failpoint(FP_UNIT_BEFORE_COMMIT);
	if (db_commit(rq) < 0) {
		rq->commit_refusal = false;
		return -1;
	}
	failpoint(FP_UNIT_AFTER_COMMIT);
	if (rq->events != NULL)
		relay_wake();
	return result;
}

/* Rows of our own tables come by no event: a missing one is refused at once. */
static bool
points_at_own_table(const struct request *rq)
{
	const struct resource *res = rq->route != NULL ? rq->route->res : NULL;
	const struct field_error *field = rq->problem.fields;
	const struct column *c;
	size_t n;

	if (res == NULL || field == NULL)
		return false;
	c = resource_column(res, field->pointer + 1);
	n = c != NULL && c->ref != NULL ? strlen(c->ref) : 0;
	return n > 5 && strcmp(c->ref + n - 5, "_refs") != 0;
}

/*
 * Does an event on its way stand in it: a row that is referred to, or a state that a guard asked
 * for? A reaction does not wait here: what it misses comes by the very consumer that runs it.
 */
static bool
may_pass(const struct request *rq)
{
	if (rq->actor == ACTOR_SYSTEM || points_at_own_table(rq))
		return false;
	return rq->problem.may_pass ||
	    (strcmp(rq->problem.sqlstate, "23503") == 0 && rq->problem.code == ERR_VALIDATION);
}

/* ---- the places of those who wait; a unit without one is answered at once ---- */

struct waiter {
	const char *user_id;	/* NULL: nobody is signed in */
	bool has_place;
};
static const struct waiter *waiting[WAITING_MAX];
static unsigned nwaiting;

static bool
is_same_caller(const struct waiter *a, const struct waiter *b)
{
	return a->user_id == NULL ? b->user_id == NULL : text_is(b->user_id, a->user_id);
}

/* A place keeps a request in flight for seconds, so that nobody may have many: ids are easily invented. */
static bool
take_place(struct waiter *w)
{
	unsigned own = 0;

	if (w->has_place)
		return true;
	for (unsigned i = 0; i < nwaiting; i++)
		own += is_same_caller(waiting[i], w);
	if (nwaiting == WAITING_MAX || own == WAITING_OF_CALLER_MAX)
		return false;
	waiting[nwaiting++] = w;
	return w->has_place = true;
}

static void
leave_place(const struct waiter *w)
{
	for (unsigned i = 0; w->has_place && i < nwaiting; i++)
		if (waiting[i] == w) {
			waiting[i] = waiting[--nwaiting];
			return;
		}
}

/* Should the failed unit run again? Sleeps first where that helps. */
static bool
again(struct request *rq, int64_t began_ms, struct waiter *w)
{
	int shift = rq->attempt > 6 ? 6 : rq->attempt;

	if (db_should_retry(rq) && rq->attempt < CONFLICT_RETRIES) {
		metric_add(M_DB_RETRIES, 1);
		return rq->attempt == 0 || fiber_sleep((1 << shift) + (int)(random() % 5)) == FIBER_DONE;
	}
	if (!may_pass(rq) || clock_mono_ms() - began_ms > REFERENCE_WAIT_MS)
		return false;
	/* the caller's own id may merely need its stub: at once; others' events need a moment */
	return rq->attempt == 0 || (take_place(w) && fiber_sleep(10 << shift) == FIBER_DONE);
}

int
unit_run(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg)
{
	struct waiter w = { .user_id = rq->caller.user_id };
	int64_t began_ms = clock_mono_ms();
	int result;

	while ((result = run_once(rq, fn, arg)) < 0 && !rq->commit_refusal && again(rq, began_ms, &w))
		request_rewind(rq);
	leave_place(&w);
	return result < 0 ? -1 : 0;
}

static int
run_together_once(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg)
{
	if (db_begin(rq) < 0)
		return -1;
	if (fn(rq, arg) < 0) {
		db_rollback(rq);
		return -1;
	}
	failpoint(FP_UNIT_BEFORE_COMMIT);
	return db_commit(rq);
}

int
unit_run_together(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg,
    struct request *const *done, const unsigned *ndone)
{
	if (run_together_once(rq, fn, arg) < 0) {
		for (unsigned i = 0; i < *ndone; i++)
			request_forget(done[i]);
		return -1;
	}
	failpoint(FP_UNIT_AFTER_COMMIT);
	if (*ndone > 0)
		relay_wake();
	return 0;
}
