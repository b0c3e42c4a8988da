/*
 * Straight failures to prove who one is, counted per account and per address in the database, so
 * that replicas share them. The delay grows, and no failure of a stranger delays who has proven
 * something already: a device by its token or its place, a session by its access token. Each of these is
 * counted for itself, so that a stolen one guesses no faster, and nobody locks a victim out.
 */
#ifndef NXT_THROTTLE_H
#define NXT_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct request;

/* One row of auth_throttles, as this attempt found and left it. */
struct throttle_count {
	int64_t failures;		/* straight ones, this attempt among them once it is taken */
	int wait_s;			/* 0: free to try */
	const char *blocked_until;	/* before this attempt; NULL: never */
};

struct throttle {
	const char *user_id, *method;	/* what auth.failed says of one who must wait: the caller's to set, before */
	const char *account_key, *own_key, *address_key;	/* rows of auth_throttles */
	struct throttle_count own, address;	/* own: the account's, for a stranger to it */
	bool is_proven;
};

/*
 * `account`: what failures are counted against. An e-mail address as lower() of PostgreSQL gives it, which
 * the look-up of the account uses too: another folding would give spellings of one address a count each.
 * `proven`: NULL, or a text of what the caller holds of this account: devices.h says what a device does.
 * An unknown account has its row as a known one. Reads; may be called outside a transaction.
 */
int throttle_read(struct request *rq, const char *account, const char *proven, struct throttle *ret);
/*
 * Counts the attempt as a failure, in a transaction of its own and before any password is looked
 * at, so that guesses sent at once wait like guesses in a row. After throttle_read.
 * -1: ERR_TOO_MANY_REQUESTS with Retry-After, and nothing was counted.
 */
int throttle_take(struct request *rq, struct throttle *t);
/* The taken attempt could not be judged (no room to hash): gives it back. Returns -1. */
int throttle_undo(struct request *rq, struct throttle *t);
/* The taken attempt was wrong: the time after which failures are forgotten begins anew. */
int throttle_failed(struct request *rq, const struct throttle *t);
/*
 * The taken attempt was right. The account's failures are forgotten; the address gets this attempt
 * back and keeps the others: it may hold one good account of many.
 */
int throttle_passed(struct request *rq, const struct throttle *t);
/* The account proved itself otherwise, by a token of a mail: its failures are forgotten. */
int throttle_clear(struct request *rq, const char *user_id);

/* Publishes auth.failed, sampled above a rate. user_id NULL: no known user. */
void auth_failed(struct request *rq, const char *user_id, const char *method, const char *reason,
    int64_t count);
/* The same for a unit that fails, and is rolled back: after the answer. Its arguments may live in rq's arena. */
void auth_refused(struct request *rq, const char *user_id, const char *method, const char *reason);

#endif
