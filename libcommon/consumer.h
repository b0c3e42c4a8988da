/*
 * The consumer: Kafka → effects, exactly once.
 *
 * A batch is one transaction: effects, then consumer_offsets moved conditionally on its old value. A service
 * that takes whole batches has two of them at work at once, each of partitions of its own.
 * A bad event goes to dead_letters in the transaction that moves the position.
 */
#ifndef NXT_CONSUMER_H
#define NXT_CONSUMER_H

#include <stdbool.h>

struct db;
struct error;
struct event_base;
struct service;

int consumer_start(struct event_base *base, struct db *db, const struct service *svc,
    struct error *e);
bool consumer_is_up(void);
void consumer_stop(int timeout_ms);	/* leaves the group; called on a fiber */

#endif
