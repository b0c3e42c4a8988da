/*
 * One item by id, read together with what other requests want of the same table at that moment.
 *
 * A batch per resource. Each item names its caller beside the id, since who owns a row and who may see
 * it is decided in the statement. An array that fails tells nothing of its items: then each of
 * them asks alone, and gets a reason of its own.
 */
#include "batch.h"
#include "row.h"

struct get {
	struct batch_item item;
	struct request *rq;
	const struct plan *plan;
	const char *id;
	struct row *row;
	bool alone;		/* to be read by itself */
};

static struct get *
get_of(struct batch_item *item)
{
	return (struct get *)(void *)item;
}

static const struct db_params *
parameters(struct request *rq, struct batch_item *const *items, unsigned n)
{
	struct db_array *callers = db_array_new(rq->arena, DB_UUID);
	struct db_array *ids = db_array_new(rq->arena, DB_UUID);

	for (unsigned i = 0; i < n; i++) {
		db_array_add_text(callers, get_of(items[i])->rq->caller.user_id);
		db_array_add_text(ids, get_of(items[i])->id);
	}
	return db_arrays(rq->arena, 2, callers, ids);
}

/* On the batch's own fiber, in a unit of its own. */
void
row_get_run(struct batch_item *const *items, unsigned n)
{
	const struct plan *plan = get_of(items[0])->plan;
	struct request *rq;
	struct db_result *r;

	if (n == 1) {
		get_of(items[0])->alone = true;		/* the plain statement is the cheaper one */
		return;
	}
	rq = request_new(get_of(items[0])->rq->db);
	r = db_query(rq, plan->by_ids, parameters(rq, items, n));
	for (unsigned i = 0; r == NULL && i < n; i++)
		get_of(items[i])->alone = true;
	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct get *g = get_of(items[db_int(r, i, (int)plan->number_at) - 1]);
		g->row = row_copy_result(g->rq, plan, r, i);
	}
	request_free(rq);
}

struct row *
row_load_shared(struct request *rq, const struct resource *res, const char *id)
{
	const struct plan *plan = plan_for(rq, res);
	struct get g = { .rq = rq, .plan = plan, .id = id };

	if (rq->tx != NULL)
		return row_load(rq, res, id, false);
	batch_do(plan->gets, BATCH_ANY_LANE, &g.item);
	if (g.alone)
		return row_load(rq, res, id, false);
	if (g.row == NULL)
		fail(rq, ERR_NOT_FOUND, "there is no such %s", res->noun);
	return g.row;
}
