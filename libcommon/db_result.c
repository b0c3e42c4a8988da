/* What a statement gave, and who holds it; see db.h. */
#include <stdlib.h>

#include "arena.h"
#include "db.h"
#include "db_conn.h"
#include "request.h"

static void
release(void *arg)
{
	struct db_result *r = arg;

	if (--r->owners > 0)
		return;
	PQclear(r->pg);
	free(r);
}

struct db_result *
db_result_new(struct request *rq, PGresult *pg)
{
	struct db_result *r = xcalloc(1, sizeof(*r));

	r->pg = pg;
	return db_result_share(rq, r);
}

struct db_result *
db_result_share(struct request *rq, struct db_result *r)
{
	r->owners++;
	arena_own(rq->arena, r, release);
	return r;
}

int
db_rows(const struct db_result *r)
{
	return PQntuples(r->pg);
}

int
db_affected(const struct db_result *r)
{
	return (int)strtol(PQcmdTuples(r->pg), NULL, 10);
}

const char *
db_text(const struct db_result *r, int row, int col)
{
	return PQgetisnull(r->pg, row, col) ? NULL : PQgetvalue(r->pg, row, col);
}

const char *
db_get(const struct db_result *r, int row, const char *column)
{
	int col = PQfnumber(r->pg, column);

	if (col < 0)
		abort();	/* the statement does not select what its reader asks for */
	return db_text(r, row, col);
}

int64_t
db_int(const struct db_result *r, int row, int col)
{
	const char *text = db_text(r, row, col);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

bool
db_bool(const struct db_result *r, int row, int col)
{
	const char *text = db_text(r, row, col);

	return text != NULL && text[0] == 't';
}

int
db_length(const struct db_result *r, int row, int col)
{
	return PQgetlength(r->pg, row, col);
}
