/* Idempotency-Key: the first answer is kept in the effect's own transaction and replayed byte for byte. */
#ifndef NXT_IDEMPOTENCY_H
#define NXT_IDEMPOTENCY_H

#include <stdbool.h>

struct request;

/* The key of this request if it has one that counts; 0, or -1 (malformed, or missing where required). */
int idempotency_check(struct request *rq, const char **ret_key);
/*
 * First thing in the transaction. 1: rq->reply holds the kept answer; 0: go on; -1: in progress,
 * or used with another body.
 */
int idempotency_begin(struct request *rq, const char *key);
/* Last thing before the commit, for 2xx answers. */
void idempotency_keep(struct request *rq, const char *key);

#endif
