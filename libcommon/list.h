/* Lists: filters, ranges, search, order and keyset pages over a resource, from the query string. */
#ifndef NXT_LIST_H
#define NXT_LIST_H

#include "request.h"
#include "resource.h"

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 200

/* GET /v1/<resource> and, where rq->id is a parent's id, GET /v1/<parent>/{id}/<segment>. */
int list_answer(struct request *rq, const struct resource *res);
/* `fields` names columns that may be read, with commas between; else the parameter is refused. */
int list_check_fields(struct request *rq, const struct resource *res, const char *fields);
/* Length of what stands before `_after` and `_before`: of created_at without `_at`, of a date without `_date`. */
size_t list_range_stem(const struct column *c);

#endif
