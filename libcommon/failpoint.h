/*
 * Fail points: named moments between two steps, at which a build for tests can be killed with -9.
 *
 * NXT_FAILPOINT=name or name:n ends the process the nth time the moment comes. Only builds with the
 * CMake option NXT_FAILPOINTS (presets dev and asan) know that variable; in a release a fail point
 * is no instruction at all, so that nothing in production can be told to die at its worst moment.
 */
#ifndef NXT_FAILPOINT_H
#define NXT_FAILPOINT_H

#include <stdbool.h>

/* tests/chaos goes through this list, and compares it with where the points stand. */
#define FAILPOINT_LIST(X) \
	/* a unit of work: libcommon/unit.c, db.c, dispatch.c */ \
	X(UNIT_BEFORE_COMMIT, "unit_before_commit", "Effects and outbox rows are written, COMMIT is not sent.") \
	X(DB_COMMIT_SENT, "db_commit_sent", "COMMIT is sent, its answer not read: the outcome is unknown.") \
	X(UNIT_AFTER_COMMIT, "unit_after_commit", "Committed; neither the relay nor the caller knows.") \
	X(REPLY_AFTER_COMMIT, "reply_after_commit", "The answer of a committed request is not on its way yet.") \
	/* the relay: libcommon/relay_*.c */ \
	X(RELAY_LEASE_TAKEN, "relay_lease_taken", "The lease is ours in the table, not yet in memory.") \
	X(RELAY_BEFORE_PRODUCE, "relay_before_produce", "A row is read, and not handed to librdkafka.") \
	X(RELAY_AFTER_PRODUCE, "relay_after_produce", "A row is with librdkafka; the broker may have it.") \
	X(RELAY_REPORTED, "relay_reported", "The broker has a row for sure, and it stands in the table.") \
	X(RELAY_BEFORE_DELETE, "relay_before_delete", "Rows are chosen, their DELETE is not sent.") \
	X(RELAY_AFTER_DELETE, "relay_after_delete", "Rows are deleted; memory holds them for in flight.") \
	/* the consumer: libcommon/consumer*.c, dead_letters.c */ \
	X(CONSUMER_POLLED, "consumer_polled", "A message is taken from librdkafka, and nothing is done.") \
	X(CONSUMER_BEFORE_OFFSET, "consumer_before_offset", "Effects have run, the position is not moved.") \
	X(CONSUMER_APPLIED, "consumer_applied", "Effects and position are committed; memory holds the messages.") \
	X(CONSUMER_BEFORE_LAG, "consumer_before_lag", "Kafka is not told of a position that the table holds.") \
	X(DEAD_LETTER_PUT, "dead_letter_put", "A dead letter is written, the position behind it is not moved.") \
	X(DEAD_LETTER_APPLIED, "dead_letter_applied", "A letter's effects have run, it is not deleted.") \
	/* what others were told: services/notify/mailer.c */ \
	X(MAIL_TAKEN, "mail_taken", "The mail server has a mail, the table says it waits.")

enum failpoint {
#define FAILPOINT_ENUM(symbol, name, doc) FP_##symbol,
	FAILPOINT_LIST(FAILPOINT_ENUM)
#undef FAILPOINT_ENUM
};

#ifdef NXT_FAILPOINTS
void failpoint(enum failpoint at);
bool failpoint_is_next(enum failpoint at);	/* the next time ends the process */
#else
#define failpoint(at) ((void)0)
#define failpoint_is_next(at) false
#endif

#endif
