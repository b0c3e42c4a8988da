/*
 * Straight failures to prove who one is, counted per account and per address in the database, so
 * that replicas share them. The delay grows; a correct password from a device the account knows
 * still enters, so nobody locks a victim out.
 */
#ifndef NXT_THROTTLE_H
#define NXT_THROTTLE_H

#include <stdint.h>

struct request;

struct throttle {
	const char *account_key, *address_key;	/* rows of auth_throttles */
	int account_wait_s, address_wait_s;	/* 0: free to try */
	int64_t account_failures;
};

/* An unknown account has its row as a known one. Reads; may be called outside a transaction. */
int throttle_read(struct request *rq, const char *account, struct throttle *ret);
/* ERR_TOO_MANY_REQUESTS with Retry-After. */
int throttle_refuse(struct request *rq, int wait_s);
/* Counts a failure against both; in a transaction. Returns the account's straight failures, or -1. */
int64_t throttle_count(struct request *rq, const struct throttle *t);
/* The account proved itself. The address keeps its count: it may hold one good account of many. */
int throttle_clear(struct request *rq, const struct throttle *t);

/* Publishes auth.failed, sampled above a rate. user_id NULL: no known user. */
void auth_failed(struct request *rq, const char *user_id, const char *method, const char *reason,
    int64_t count);

#endif
