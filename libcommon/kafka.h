/*
 * What relay, consumer and nxtctl share of librdkafka: its settings with every trap of 2.0.2
 * avoided, its queue on the event loop, and an end that cannot hang.
 */
#ifndef NXT_KAFKA_H
#define NXT_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct error;
struct event_base;

/* A setting; tables of them end with {0}. */
struct kafka_setting {
	const char *name, *value;
};

/*
 * A client of `brokers` with the common settings, then `own`. `events` is what its queue gives
 * beside messages (RD_KAFKA_EVENT_…). NULL: e says which setting was refused.
 */
rd_kafka_t *kafka_client_new(rd_kafka_type_t type, const char *brokers, const char *client_id,
    const struct kafka_setting *own, int events, struct error *e);
/* As above for the running daemon: brokers from KAFKA_BROKERS. */
rd_kafka_t *kafka_daemon_client_new(rd_kafka_type_t type, const char *role,
    const struct kafka_setting *own, int events, struct error *e);
/*
 * Destroys the client on a thread of its own, because that may block when brokers are gone, and
 * waits for it at most timeout_ms; 0 does not wait. All its queues and events must be freed before.
 */
void kafka_dispose(rd_kafka_t *rk, int timeout_ms);
/* prefix + type, as the broker knows it. */
void kafka_topic_name(char *out, size_t size, const char *type);
/* The event type of a topic: its name without the prefix. Points into `topic`. */
const char *kafka_topic_type(const char *topic);

/* ---- a queue of librdkafka on the event loop ---- */
struct kafka_feed;
/* Calls on_ready(arg) on the loop when the queue may hold events. Takes over the queue. */
struct kafka_feed *kafka_feed_new(struct event_base *base, rd_kafka_queue_t *queue,
    void (*on_ready)(void *arg), void *arg);
/* The next event or NULL. Drain until NULL, or call kafka_feed_again to be called next turn. */
rd_kafka_event_t *kafka_feed_next(struct kafka_feed *feed);
void kafka_feed_again(struct kafka_feed *feed);
/* Begins to leave the group; what that brings comes through the feed until it is closed. */
rd_kafka_error_t *kafka_feed_close_consumer(struct kafka_feed *feed, rd_kafka_t *rk);
void kafka_feed_free(struct kafka_feed *feed);

/* ---- health ---- */
struct kafka_health {
	bool known;		/* the cluster answered once */
	int64_t down_ms;	/* when librdkafka last said that all brokers are down; 0: never */
};
/* Logs and errors of librdkafka. true: it was one and is freed; *ret_fatal tells a fatal one. */
bool kafka_take_notice(rd_kafka_t *rk, rd_kafka_event_t *ev, struct kafka_health *h,
    bool *ret_fatal);
bool kafka_is_up(rd_kafka_t *rk, struct kafka_health *h);

#endif
