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
