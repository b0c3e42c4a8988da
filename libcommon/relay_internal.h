/*
 * The relay's inside. Private to relay*.c.
 *
 * A row of outbox_events is in at most one list: sent (with librdkafka), acked (the broker has
 * it), deleting (its DELETE is on its way). It leaves the last one when that DELETE has committed.
 */
#ifndef NXT_RELAY_INTERNAL_H
#define NXT_RELAY_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kafka.h"

struct db_result;
struct event_type;
struct fiber;
struct request;

struct outrow {
	TAILQ_ENTRY(outrow) link;
	struct outlist *list;
	struct relay_topic *topic;
	int64_t seq;
	uint32_t bytes;
};
struct outslab {
	struct outslab *next;
	struct outrow rows[255];
};
struct outlist {
	TAILQ_HEAD(, outrow) rows;
	unsigned count;
};

/* A topic rows were sent to; most recently used first. */
struct relay_topic {
	const char *type;
	const struct event_type *known;	/* NULL: a type that this build does not know */
	rd_kafka_topic_t *rkt;
	unsigned nsent;		/* rows of it in the list of that name */
	bool skipped;		/* a row of it was read but not sent: nor is what follows */
	int64_t blocked_until_ms;	/* a row was refused: reading does not go back to it before this */
	int delay_ms;			/* of the last block; 0: something was delivered since */
	struct relay_topic *next;
};

enum relay_wait { RELAY_BUSY, RELAY_IDLE, RELAY_FULL, RELAY_SENDING };

struct relay {
	struct event_base *base;
	struct db *db;
	rd_kafka_t *rk;
	struct kafka_feed *feed;
	struct kafka_health health;
	struct relay_topic *topics;
	bool broken;		/* the producer is: make a new one */

	struct outlist sent, acked, deleting;
	struct outrow *spare;	/* rows for reuse, by link.tqe_next */
	struct outslab *slabs;
	unsigned in_flight;	/* rows in the three lists */
	int64_t bytes;		/* of payload and headers in them */

	int64_t next;		/* everything below was seen, is a known gap, or is the sweep's */
	int64_t skipped_from;	/* lowest row that was read but not sent; INT64_MAX: none */
	int64_t go_back_ms;	/* when reading goes back to it */
	int64_t held_since_ms;	/* it waits for what is in flight; 0: it does not */

	int64_t epoch;		/* of our lease; 0: none */
	unsigned losses;	/* of sessions, when reading began: rows in flight were read after it */
	int64_t lease_until_ms;	/* our own, cautious idea of its deadline */
	char owner[37];

	struct fiber *reader, *deleter;
	enum relay_wait reader_waits;
	uint64_t requests;	/* of callers, when it last made a pause */
	int poll_ms;		/* until the next look for rows that other processes wrote */
	bool deleter_waits;
	bool wanted;		/* rows were committed while the reader was busy */
	bool running, stopping;
	unsigned fibers;
};
extern struct relay relay;

/* relay.c */
void relay_reader_wake(enum relay_wait from);
bool relay_session_lost(void);	/* since reading began: numbers may be other rows' now; see db_losses */

/* relay_flight.c: rows on their way */
#define RELAY_ROWS_MAX 20000
#define RELAY_BYTES_MAX (16 * 1024 * 1024)
int relay_producer_start(struct error *e);
void relay_producer_stop(int timeout_ms);
/* Hands one row of relay_read's statement to librdkafka, or remembers it as skipped. */
void relay_send(const struct db_result *r, int i);
void relay_purge(void);		/* ends all that is sent but not acknowledged */
void relay_forget_skipped(void);	/* who reads from there again, or anew */
int64_t relay_lowest_in_flight(void);	/* INT64_MAX: nothing is */
void relay_deleter(void *arg);	/* fiber */
int64_t relay_be64(const char *p);

/* relay_gaps.c: numbers below `next` that were not there yet */
int relay_gap_note(int64_t from, int64_t to);	/* [from, to); -1: the list is full */
void relay_gap_found(int64_t seq);
void relay_gap_forget_from(int64_t seq);
struct db_array *relay_gap_array(struct request *rq);
bool relay_gap_any(void);
/* Looks for rows from the beginning and forgets gaps that no transaction can fill any more. */
int relay_sweep(struct request *rq);
bool relay_sweep_is_due(void);

/* relay_lease.c */
void relay_lease_keeper(void *arg);	/* fiber */
bool relay_lease_held(void);

#endif
