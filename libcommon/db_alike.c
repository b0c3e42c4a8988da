/*
 * One answer for all who ask the same in one turn of the loop: the front page that everybody opens.
 *
 * Who asks first leads: it asks as if it were alone, and hands what it got to those who joined. Nobody
 * joins after the turn has ended, since an answer may be older than a request that came later. Where
 * the leader fails, each of the others asks for itself and has a reason of its own.
 */
#include <string.h>

#include "db.h"
#include "db_conn.h"
#include "metrics.h"
#include "request.h"

/* On the stack of one who joined. */
struct joined {
	struct request *rq;
	struct fiber *fiber;
	struct db_result *result;
	bool done;
	struct joined *next;
};

/* On the leader's stack; in db->reading until the turn ends. */
struct reading {
	const struct db_sql *sql;
	const struct db_params *params;
	struct joined *joined;
	struct reading *next;
};

static bool
is_alike(const struct reading *r, const struct db_sql *sql, const struct db_params *params)
{
	if (r->sql != sql || r->params->n != params->n)
		return false;
	for (int i = 0; i < params->n; i++) {
		const char *a = r->params->values[i], *b = params->values[i];
		if (a != b && (a == NULL || b == NULL || strcmp(a, b) != 0))
			return false;
	}
	return true;
}

static void
leave_list(struct reading **list, const struct reading *r)
{
	while (*list != NULL && *list != r)
		list = &(*list)->next;
	if (*list != NULL)
		*list = r->next;
}

static struct db_result *
lead(struct request *rq, const struct db_sql *q, const char *sql, const struct db_params *params)
{
	struct reading reading = { .sql = q, .params = params, .next = rq->db->reading };
	struct db_result *r;

	rq->db->reading = &reading;
	r = db_query(rq, sql, params);
	leave_list(&rq->db->reading, &reading);
	for (struct joined *j = reading.joined; j != NULL; j = j->next) {
		j->result = r == NULL ? NULL : db_result_share(j->rq, r);
		j->done = true;
		fiber_wake(j->fiber);
	}
	return r;
}

/* Until the leader is done, however that ends: it has a deadline, and `j` stands in its list. */
static void
join(struct reading *reading, struct joined *j)
{
	j->next = reading->joined;
	reading->joined = j;
	while (!j->done)
		fiber_wait("an answer that another waits for");
}

static struct reading *
find_alike(struct db *db, const struct db_sql *sql, const struct db_params *params)
{
	struct reading *r = db->reading;

	while (r != NULL && !is_alike(r, sql, params))
		r = r->next;
	return r;
}

struct db_result *
db_query_alike(struct request *rq, const char *sql, const struct db_params *params)
{
	const struct db_sql *q = rq->tx == NULL ? db_sql_intern(sql) : NULL;
	struct reading *known = q == NULL ? NULL : find_alike(rq->db, q, params);
	struct joined me = { .rq = rq, .fiber = fiber_self() };

	if (q == NULL)
		return db_query(rq, sql, params);
	if (known == NULL)
		return lead(rq, q, sql, params);
	join(known, &me);
	if (me.result == NULL)
		return db_query(rq, sql, params);
	metric_add(M_DB_SHARED, 1);
	return me.result;
}
