/* The consumer's inside. Private to consumer*.c. */
#ifndef NXT_CONSUMER_INTERNAL_H
#define NXT_CONSUMER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "event.h"
#include "kafka.h"

struct db;
struct fiber;
struct request;
struct service;

/* A partition that is ours. */
struct part {
	char *topic;
	int32_t partition;
	struct lane *lane;	/* which applies its messages */
	int64_t stored;		/* next_offset in consumer_offsets, as last read or written by us */
	int64_t expected;	/* offset that should be polled next */
	int64_t asked_again;	/* offset at which a jump was noticed and asked for once more */
	int64_t committed;	/* as last told to Kafka, for lag tools */
	int64_t retry_ms;	/* its first message was refused: not before this */
	int64_t refused_ms;	/* when that was refused first; 0: it was not */
	int attempts;		/* of its first message, since nothing else waited */
	int64_t heard_ms;	/* when a message of it last came, or it became ours */
	bool sought;		/* and nothing came of it since */
	bool paused;
	bool resting;		/* paused because it is silent; see consumer_rest.c */
	bool held;		/* not picked again in this batch */
	struct part *next;
};

/* Polled and not yet applied, in order of arrival. */
struct message {
	TAILQ_ENTRY(message) link;
	rd_kafka_event_t *event;	/* owns m */
	const rd_kafka_message_t *m;
	struct part *part;
};

#define BATCH_MAX 400	/* three lanes hold as many each: 500 cost audit 50 MB in a backlog */

/* What is tried in one transaction. */
struct batch {
	struct message *messages[BATCH_MAX];
	struct event_in events[BATCH_MAX];
	const struct event_in *pointers[BATCH_MAX];
	unsigned n;
};

/*
 * A fiber that applies, one transaction after the other, the messages of its own partitions: those whose number
 * leaves its own, so that all of one key go one way: in whatever topic, as long as each has a multiple of three
 * partitions, as ours have. Three, since two lanes of three partitions leave one to work alone at the end of a backlog.
 */
#define LANES_MAX 3
struct lane {
	struct fiber *fiber;
	bool waits;		/* the fiber, for messages */
	bool works;		/* the fiber, on some: parts must stay */
	unsigned losses;	/* of sessions, when its positions were last read */
	unsigned shrunk;	/* batches are this small after a transient failure; 0: as large as allowed */
	int backoff_ms;		/* of the last transient failure; 0: none */
	int64_t backoff_until_ms;
	struct batch batch;
	struct message *each[BATCH_MAX];	/* of the batch, while they are tried one by one */
};

struct consumer {
	struct event_base *base;
	struct db *db;
	const struct service *svc;
	rd_kafka_t *rk;
	struct kafka_feed *feed;
	struct kafka_health health;
	struct part *parts, *last_part;
	bool assigned;
	TAILQ_HEAD(, message) queue;
	unsigned queued;

	struct fiber *fiber;
	bool waits;		/* the fiber, for the feed */
	struct lane *lanes;
	unsigned nlanes, lanes_left;	/* made; those whose fiber has not ended */
	int64_t committed_ms;
	unsigned heard;		/* messages polled, ever */
	int64_t kept_up_ms;	/* when last nothing more was to be polled */
	unsigned since_trim;	/* events applied since memory was last given back */
	bool running, stopping, closed;
	bool rests;		/* consumer_rest's fiber has not ended: it may be asking the broker */
};
extern struct consumer consumer;

/* consumer_group.c: what is ours and from where */
int group_subscribe(struct error *e);
void group_rebalance(rd_kafka_event_t *ev);
/* Reads the lane's positions again and follows; returns how many had been moved, or -1. */
int group_resync(const struct lane *lane);
void group_pause(const struct lane *lane, const struct part *part);	/* part NULL: all of the lane */
void group_resume(const struct lane *lane, const struct part *part);
unsigned group_rest(int64_t silent_since_ms);	/* pauses those not heard of since; how many */
rd_kafka_topic_partition_list_t *group_list_resting(void);
/* Fetches a resting one again where its log does not end at what comes next; -1: unknown. */
void group_wake(const char *topic, int32_t partition, int64_t end);
void group_commit_lag(bool now);
/* Takes a polled message into the queue, or drops it where it does not belong there. */
void group_take(rd_kafka_event_t *ev, const rd_kafka_message_t *m);
void message_free(struct message *msg);	/* out of the queue */

/* consumer.c */
void consumer_wait_for_lanes(void);	/* until none works; none begins while nothing is assigned */

/* consumer_rest.c: a fiber */
void consumer_rest(void *arg);

/* consumer_batch.c: applying */
/* Tries what is queued for the lane; false: nothing could be tried now. */
bool batch_run(struct lane *lane);
/* When the earliest held back message may be tried again; INT64_MAX: none. */
int64_t batch_next_ms(const struct lane *lane);
/* The unit is what this event caused. */
void unit_from_event(struct request *rq, const struct event_in *ev);
/* Everything this service does with an event, in the open transaction. */
int event_apply(struct request *rq, const struct event_in *ev);

#endif
