/* SQLSTATE → catalogue; see db_error.h. Class and code list: PostgreSQL 15, appendix A. */
#include "db_error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "db.h"
#include "request.h"

/* The column in a constraint named by PostgreSQL's own rule, <table>_<column>_<suffix>; NULL if not. */
static const char *
constraint_column(struct request *rq, const PGresult *r, const char *suffix)
{
	const char *table = PQresultErrorField(r, PG_DIAG_TABLE_NAME);
	const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	size_t t, n, s = strlen(suffix);

	if (table == NULL || name == NULL)
		return NULL;
	t = strlen(table);
	n = strlen(name);
	if (n <= t + 1 + s || strncmp(name, table, t) != 0 || strcmp(name + n - s, suffix) != 0)
		return NULL;
	return arena_strndup(rq->arena, name + t + 1, n - t - 1 - s);
}

/* The columns of the constraint, "a, b", out of `Key (a, b)=(…) already exists.` */
static const char *
detail_columns(struct request *rq, const PGresult *r)
{
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	const char *end = detail == NULL ? NULL : strstr(detail, ")=(");

	return end == NULL || strncmp(detail, "Key (", 5) != 0 ? "" :
	    arena_strndup(rq->arena, detail + 5, (size_t)(end - detail) - 5);
}

static bool
was_sent(const struct request *rq, const char *column)
{
	return column != NULL && json_object_get(rq->body, column) != NULL;
}

static bool
is_id(const char *column)
{
	size_t n = strlen(column);

	return n > 3 && strcmp(column + n - 3, "_id") == 0;
}

/* Of several columns that the caller has sent the first id, else the first; NULL: he sent none. */
static const char *
sent_column(struct request *rq, const char *columns)
{
	char *rest = arena_strdup(rq->arena, columns), *name;
	const char *found = NULL;

	while ((name = strsep(&rest, ", ")) != NULL)
		if (was_sent(rq, name) && (found == NULL || (is_id(name) && !is_id(found))))
			found = name;
	return found;
}

/* Says it with a field that the caller knows: one that was sent. No name of ours leaves. */
static void
refuse_unique(struct request *rq, const PGresult *r)
{
	const char *table = PQresultErrorField(r, PG_DIAG_TABLE_NAME), *column;
	bool is_alone;

	if (table != NULL && strcmp(table, "idempotency_keys") == 0) {	/* a twin was first: run again, replay */
		strcpy(rq->problem.sqlstate, "40001");
		fail(rq, ERR_IDEMPOTENCY_IN_PROGRESS, "the first request with this key just ended");
		return;
	}
	column = constraint_column(rq, r, "_key");
	if (column == NULL)
		column = constraint_column(rq, r, "_idx");
	is_alone = was_sent(rq, column);
	if (!is_alone)
		column = sent_column(rq, detail_columns(rq, r));
	if (column == NULL)
		fail(rq, ERR_ALREADY_EXISTS, "there is one already");
	else
		fail_already_exists(rq, column, is_alone ? "another row holds this %s" :
		    "there is one for this %s already", column);
}

static void
refuse_reference(struct request *rq, const PGresult *r, const char *sql)
{
	const char *column = constraint_column(rq, r, "_fkey");

	if (strncasecmp(sql, "DELETE", 6) == 0)
		fail(rq, ERR_IN_USE, "other rows still refer to this one");
	else if (column != NULL)
		fail_field(rq, column, "unknown_reference", "nothing is known under this id");
	else
		fail(rq, ERR_VALIDATION, "a reference points at nothing that is known");
}

static void
refuse_check(struct request *rq, const PGresult *r)
{
	const char *column = constraint_column(rq, r, "_check");

	if (column != NULL)
		fail_field(rq, column, "not_allowed", "this value is not allowed");
	else
		fail(rq, ERR_VALIDATION, "the values together break a rule of this resource");
}

static bool
refuse_by_state(struct request *rq, const PGresult *r, const char *state, const char *sql)
{
	if (strcmp(state, "23505") == 0)
		refuse_unique(rq, r);
	else if (strcmp(state, "23503") == 0)
		refuse_reference(rq, r, sql);
	else if (strcmp(state, "23514") == 0)
		refuse_check(rq, r);
	else if (strcmp(state, "23502") == 0)
		fail_field(rq, PQresultErrorField(r, PG_DIAG_COLUMN_NAME), "required",
		    "a value is needed");
	else if (strcmp(state, "NX001") == 0)
		fail(rq, ERR_ILLEGAL_TRANSITION, "this change of status is not allowed");
	else if (strncmp(state, "22", 2) == 0)
		fail(rq, ERR_VALIDATION, "a value is out of range or malformed");
	else if (strcmp(state, "54000") == 0)	/* too long for an index or for text search */
		fail(rq, ERR_VALIDATION, "a value is too long");
	else
		return false;
	return true;
}

static bool
is_passing(const char *state)
{
	static const char *const passing[] = { "08", "53", "57", "58", "40", "55P03", "25006",
		"26000", "0A000" };

	for (size_t i = 0; i < COUNT_OF(passing); i++)
		if (strncmp(state, passing[i], strlen(passing[i])) == 0)
			return true;
	return false;
}

void
db_error_take(struct request *rq, const PGresult *r, const char *sql)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (rq->commit_refusal) {	/* what the refusal should leave behind is not there: it does not count */
		rq->problem.code = ERR_NONE;
		rq->commit_refusal = false;
	}
	if (rq->problem.code != ERR_NONE)
		return;		/* the first reason stands */
	if (state == NULL)
		state = "08000";
	snprintf(rq->problem.sqlstate, sizeof(rq->problem.sqlstate), "%s", state);
	rq->problem.internal = arena_printf(rq->arena, "%s: %s [%.120s]", state,
	    text != NULL ? text : "skipped", sql);
	if (refuse_by_state(rq, r, state, sql))
		return;
	if (is_passing(state))
		fail(rq, ERR_UNAVAILABLE, "the database cannot answer now; repeat in a moment");
	else
		fail(rq, ERR_INTERNAL, "a fault of ours; it was logged");
}

/* 57014: it was cancelled, by statement_timeout or an administrator. */
bool
db_error_is_of_statement(const struct request *rq)
{
	const char *state = rq->problem.sqlstate;

	return state[0] != '\0' && (!is_passing(state) || strcmp(state, "57014") == 0);
}

/* 26000: a prepared statement that another's error kept from being made. */
bool
db_should_retry(const struct request *rq)
{
	const char *state = rq->problem.sqlstate;

	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 ||
	    strcmp(state, "26000") == 0;
}
