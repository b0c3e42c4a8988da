/* Small helpers of this service's aggregates; see marketplace.h. */
#include <string.h>

#include "db.h"
#include "marketplace.h"

bool
text_is(const char *value, const char *wanted)
{
	return value != NULL && strcmp(value, wanted) == 0;
}

bool
by_person(const struct request *rq)
{
	return rq->actor == ACTOR_USER || rq->actor == ACTOR_EMPLOYEE;
}

struct row *
load_if_there(struct request *rq, const struct resource *res, const char *id)
{
	struct row *row = id == NULL ? NULL : row_load(rq, res, id, true);

	if (row == NULL && rq->problem.code == ERR_NOT_FOUND)
		rq->problem.code = ERR_NONE;
	return row;
}

int
transition_each(struct request *rq, const struct resource *res, const char *ids, const char *param,
    const char *verb, const char *column, const char *value)
{
	struct db_result *r = db_query(rq, ids, param != NULL ? DB(param) : DB0);

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *row = row_load(rq, res, db_text(r, i, 0), true);
		if (row == NULL)
			return -1;
		if (column != NULL)
			row_set(row, column, value);
		if (row_follow(rq, row, verb) < 0)
			return -1;
	}
	return r == NULL ? -1 : 0;
}
