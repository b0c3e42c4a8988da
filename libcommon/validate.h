/*
 * Values from strangers against declared columns: all wrong fields at once, each with its pointer.
 */
#ifndef NXT_VALIDATE_H
#define NXT_VALIDATE_H

#include "request.h"
#include "resource.h"

enum validate_mode {
	VALIDATE_CREATE,	/* a new row: required columns must be there */
	VALIDATE_PATCH,		/* merge-patch: what is absent stays, null clears; inside JSON columns too */
	VALIDATE_ROUTE,		/* fields of a route or a verb: as create, without readonly rules */
};

/* The limits of a value, which the OpenAPI document tells; see column_schema.h. */
#define TEXT_MAX 4000			/* characters, where a column says nothing */
#define LINE_MAX_CHARS 300		/* a text of at most so many is one line */
#define ARRAY_ITEM_MAX 200		/* characters */
#define QUERY_INT_MAX 99999999999999999LL	/* what every 64-bit filter takes, either sign */
int64_t column_length_min(const struct column *c);	/* characters */
int64_t column_length_max(const struct column *c);
int64_t column_int_min(const struct column *c);
int64_t column_int_max(const struct column *c);
size_t column_items_max(const struct column *c);
/* Whether null clears it. What is required or has an initial value always has one. */
bool column_may_be_null(const struct column *c);

/*
 * Reads the schemas of the columns; once at start, before values are checked. -1: one is malformed or says what
 * json_schema.h does not know.
 */
int validate_declare(const struct column *columns, struct error *e);
/* Checks rq->body against the columns ({0}-terminated, NULL: no field is allowed). 0, or -1. */
int validate_body(struct request *rq, const struct column *columns, enum validate_mode mode);
/* Checks, then sets the row's columns from the body. */
int validate_into_row(struct request *rq, struct row *row, enum validate_mode mode);
/*
 * Merges a patch that is an object into the row's JSON column (json_merge_patch()) and checks what comes
 * of it as a whole. The row is locked. -1: the field is named in rq.
 */
int validate_merge(struct request *rq, struct row *row, const char *column, json_t *patch);
/*
 * A query parameter's text as a value of the column; NULL and ERR_UNKNOWN_PARAMETER in rq where
 * it is none. `me` stands for the caller's own id.
 */
const char *validate_filter(struct request *rq, const struct column *col, const char *param,
    const char *value);
/* One wrong query parameter; always returns -1. */
int fail_parameter(struct request *rq, const char *param, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Checks rq->query against a route's declared parameters; lists check their own. */
int validate_query(struct request *rq, const struct column *columns);

#endif
