/*
 * Users and employees whom the log names: user_refs and employee_refs, so that the foreign keys
 * hold whatever event arrives first. Identity's events fill the stubs; erasure blanks them, and from
 * then on logs.c shows nothing personal of that user.
 */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "db.h"

/* Ids that a batch names, each once and sorted, so that two replicas lock them in one order. */
struct id_set {
	const char **ids;
	size_t n, cap;
};

static void
set_add(struct arena *a, struct id_set *s, const char *id)
{
	if (id == NULL || id[0] == '\0')
		return;
	if (s->n == s->cap) {
		const char **bigger = arena_alloc(a, (s->cap * 2 + 64) * sizeof(*bigger));
		if (s->n > 0)
			memcpy(bigger, s->ids, s->n * sizeof(*bigger));
		s->ids = bigger;
		s->cap = s->cap * 2 + 64;
	}
	s->ids[s->n++] = id;
}

static struct db_array *
set_array(struct arena *a, struct id_set *s)
{
	struct db_array *x = db_array_new(a, DB_UUID);

	s->n = texts_sort(s->ids, s->n);
	for (size_t i = 0; i < s->n; i++)
		db_array_add_text(x, s->ids[i]);
	return x;
}

static void
keep_stubs(struct request *rq, const struct event_in *const *events, size_t n)
{
	struct id_set users = { 0 }, employees = { 0 };

	for (size_t i = 0; i < n; i++) {
		const Nxtgauge__Events__V1__Actor *actor = events[i]->context->actor;
		if (actor == NULL)
			continue;
		set_add(rq->arena, &users, actor->user_id);
		set_add(rq->arena, &employees, actor->employee_id);
	}
	if (users.n > 0)
		db_queue(rq, "INSERT INTO user_refs (id, known) SELECT id, false FROM unnest($1::uuid[]) id"
		    " WHERE id IS NOT NULL ON CONFLICT DO NOTHING",
		    db_arrays(rq->arena, 1, set_array(rq->arena, &users)));
	if (employees.n > 0)
		db_queue(rq, "INSERT INTO employee_refs (id, known) SELECT id, false FROM"
		    " unnest($1::uuid[]) id WHERE id IS NOT NULL ON CONFLICT DO NOTHING",
		    db_arrays(rq->arena, 1, set_array(rq->arena, &employees)));
}

/* ---- what identity tells of them ---- */

static void
keep_user(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO user_refs AS u (id, status, account_type, display_name, version)"
	    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
	    " account_type = excluded.account_type, display_name = excluded.display_name,"
	    " version = excluded.version, known = true, updated_at = now()"
	    " WHERE u.version < excluded.version",
	    DB(ev->aggregate_id, event_text(ev, "status"), event_text(ev, "account_type"),
	    event_text(ev, "display_name"), arena_printf(rq->arena, "%lld",
	    (long long)ev->aggregate_version)));
}

static void
keep_employee(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO employee_refs AS e (id, user_id, employee_code, status, department_id,"
	    " version) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET"
	    " user_id = excluded.user_id, employee_code = excluded.employee_code,"
	    " status = excluded.status, department_id = excluded.department_id,"
	    " version = excluded.version, known = true, updated_at = now()"
	    " WHERE e.version < excluded.version",
	    DB(ev->aggregate_id, event_text(ev, "user_id"), event_text(ev, "employee_code"),
	    event_text(ev, "employment_status"), event_text(ev, "department_id"),
	    arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version)));
}

/* The row stays, because the log points at it, at a version that no late event of the person passes. */
static void
forget_user(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO user_refs AS u (id, version, erased_at) VALUES ($1, $2, now()) ON CONFLICT (id)"
	    " DO UPDATE SET display_name = NULL, erased_at = coalesce(u.erased_at, now()), known = true,"
	    " version = greatest(u.version, excluded.version), updated_at = now()",
	    DB(event_text(ev, "user_id"), arena_printf(rq->arena, "%lld",
	    (long long)ev->aggregate_version)));
}

static const struct {
	const struct event_type *type;
	void (*keep)(struct request *rq, const struct event_in *ev);
} kept[] = {
	{ &EV_USER_REGISTERED, keep_user },
	{ &EV_USER_ACTIVATED, keep_user },
	{ &EV_USER_REINSTATED, keep_user },
	{ &EV_USER_SUSPENDED, keep_user },
	{ &EV_USER_CONTACT_CHANGED, keep_user },
	{ &EV_USER_CHANGED, keep_user },
	{ &EV_USER_ERASED, forget_user },
	{ &EV_EMPLOYEE_HIRED, keep_employee },
	{ &EV_EMPLOYEE_MOVED, keep_employee },
	{ &EV_EMPLOYEE_STATUS_CHANGED, keep_employee },
	{ &EV_EMPLOYEE_CHANGED, keep_employee },
};

int
people_keep(struct request *rq, const struct event_in *const *events, size_t n)
{
	keep_stubs(rq, events, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < COUNT_OF(kept); k++)
			if (events[i]->type == kept[k].type)
				kept[k].keep(rq, events[i]);
	return 0;
}
