/* What validate.c and validate_json.c know of each other. */
#ifndef NXT_VALIDATE_INTERNAL_H
#define NXT_VALIDATE_INTERNAL_H

#include <jansson.h>

struct column;
struct request;

/* What is wrong with a value: a code and a sentence; NULL code: nothing. */
struct complaint {
	const char *code;
	const char *detail;
};
#define FINE (struct complaint){ 0 }

struct complaint complain(struct request *rq, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A value of a COL_JSON column. */
struct complaint check_json(struct request *rq, const struct column *col, json_t *v);

/* Whether it fits the schema of its column, where that has one; adds every fault as a wrong field. */
int check_schema(struct request *rq, const struct column *col, json_t *v);

#endif
