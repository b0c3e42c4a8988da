/*
 * Transitions: the only writers of a status column.
 *
 * The declared list decides what is legal, for requests, reactions and clocks alike; a trigger in
 * the database holds the same list (status_guard) in case something else ever writes.
 */
#include <string.h>

#include "event.h"
#include "row.h"


const char *
transition_column(const struct transition *t)
{
	return t->column != NULL ? t->column : "status";
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
is_from_here(const struct transition *t, const struct row *row)
{
	return t->verb != NULL && same(t->from, row_text(row, transition_column(t)));
}

/* Is this the very verb that the caller's URL names? */
static bool
is_asked_for(const struct request *rq, const struct transition *t, const struct row *row)
{
	const struct route *r = rq->route;

	return r != NULL && r->verb != NULL && r->res == row->plan->res && same(r->verb, t->verb);
}

/*
 * SYS is a rule of ours: in a reaction, by a clock, or as the consequence of what a person asked
 * for (an edit sends an approved profile back to review). Nobody asks for it by its own URL.
 */
static bool
actor_may(const struct request *rq, const struct transition *t, const struct row *row,
    enum actor_type actor)
{
	if (actor == ACTOR_SYSTEM)
		return t->who.who & WHO_SYS;
	if (actor == ACTOR_CRON)
		return t->who.who & (WHO_CLK | WHO_SYS);
	if ((t->who.who & WHO_SYS) && !is_asked_for(rq, t, row))
		return true;
	return access_allows(rq, &t->who, row->is_owner);
}

/* Verbs that a person could use now; NULL-terminated, without doubles. */
static const char *const *
legal_verbs(struct request *rq, const struct row *row)
{
	const struct transition *all = row->plan->res->transitions;
	const char **verbs;
	size_t n = 0, count = 0;

	for (const struct transition *t = all; t->to != NULL; t++)
		count++;
	verbs = arena_alloc(rq->arena, (count + 1) * sizeof(*verbs));
	for (const struct transition *t = all; t->to != NULL; t++) {
		bool known = false;
		if (!is_from_here(t, row) || !(t->who.who & ~(unsigned)(WHO_SYS | WHO_CLK)))
			continue;
		for (size_t i = 0; i < n; i++)
			known = known || same(verbs[i], t->verb);
		if (!known)
			verbs[n++] = t->verb;
	}
	return verbs;
}

static int
refuse_illegal(struct request *rq, struct row *row, const char *verb, const char *column)
{
	const char *now = row_text(row, column);

	rq->problem.legal = legal_verbs(rq, row);
	return fail(rq, ERR_ILLEGAL_TRANSITION, "cannot %s while %s is %s", verb, column,
	    now != NULL ? now : "not set");
}

/*
 * The row of the table that applies; NULL and the reason in rq where there is none. Who may never
 * do it is told so whatever the status; who may, but not now, is told what is legal.
 */
static const struct transition *
find(struct request *rq, struct row *row, const char *verb, enum actor_type actor)
{
	const struct transition *known = NULL, *refused = NULL;
	bool may_sometimes = false;

	for (const struct transition *t = row->plan->res->transitions; t != NULL && t->to != NULL; t++) {
		if (!same(t->verb, verb))
			continue;
		known = t;
		if (actor_may(rq, t, row, actor)) {
			may_sometimes = true;
			if (is_from_here(t, row))
				return t;
		} else if (refused == NULL || is_from_here(t, row)) {
			refused = t;
		}
	}
	if (known == NULL)
		fail(rq, ERR_NOT_FOUND, "a %s has no %s", row->plan->res->noun, verb);
	else if (refused != NULL && actor != ACTOR_SYSTEM && actor != ACTOR_CRON &&
	    (!may_sometimes || is_from_here(refused, row)))
		access_check(rq, &refused->who, row->is_owner);
	else
		refuse_illegal(rq, row, verb, transition_column(known));
	return NULL;
}

static int
transit(struct request *rq, struct row *row, const char *verb, enum actor_type actor)
{
	const struct transition *t = find(rq, row, verb, actor);
	const char *column;
	int result;

	if (t == NULL)
		return -1;
	column = transition_column(t);
	row_open_event(rq, row, t->event != NULL ? t->event : row->plan->res->updated, "UPDATE");
	if (t->guard != NULL && t->guard(rq, row) < 0)
		return -1;
	row_put(row, column, t->to);
	if (t->stamp != NULL)
		row_set_now(rq, row, t->stamp);
	row->in_transition = true;
	result = row_write(rq, row, column);
	row->in_transition = false;
	return result;
}

int
row_transition(struct request *rq, struct row *row, const char *verb)
{
	return transit(rq, row, verb, rq->actor);
}

int
row_follow(struct request *rq, struct row *row, const char *verb)
{
	return transit(rq, row, verb, ACTOR_SYSTEM);
}

int
rows_each(struct request *rq, const struct resource *res, const char *ids, const char *param,
    int (*fn)(struct request *rq, struct row *row, const void *arg), const void *arg)
{
	struct db_result *r = db_query(rq, ids, param != NULL ? DB(param) : DB0);

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *row = row_load_if_there(rq, res, db_text(r, i, 0));
		if (rq->problem.code != ERR_NONE || (row != NULL && fn(rq, row, arg) < 0))
			return -1;
	}
	return r == NULL ? -1 : 0;
}

struct change {
	const char *verb, *column, *value;
};

static int
follow_change(struct request *rq, struct row *row, const void *arg)
{
	const struct change *c = arg;

	if (c->column != NULL)
		row_set(row, c->column, c->value);
	return row_follow(rq, row, c->verb);
}

int
transition_each(struct request *rq, const struct resource *res, const char *ids, const char *param,
    const char *verb, const char *column, const char *value)
{
	return rows_each(rq, res, ids, param, follow_change, &(struct change){ verb, column, value });
}
