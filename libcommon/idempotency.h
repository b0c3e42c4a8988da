/* Idempotency-Key: the first answer is kept in the effect's own transaction and replayed byte for byte. */
#ifndef NXT_IDEMPOTENCY_H
#define NXT_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

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


/* ---- for who runs several requests in one transaction ---- */
/* What a key is known by; the lock is taken with pg_try_advisory_xact_lock while its request runs. */
struct idempotency_marks {
	unsigned char key[32];		/* SHA-256 over caller, method, path and key */
	unsigned char request[32];	/* over query and body */
	int64_t lock;
};
void idempotency_mark(struct request *rq, const char *key, struct idempotency_marks *ret_marks);
/* idempotency_keep for n answers at once, in the transaction of rq. */
void idempotency_keep_many(struct request *rq, struct request *const *units,
    const struct idempotency_marks *const *marks, unsigned n);

#endif
