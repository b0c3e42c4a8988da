/*
 * The relay: outbox_events → Kafka, at least once, in order per key.
 *
 * One relay is active per service (lease with epoch in relay_lease). See architecture.md §5 for
 * why each rule is there.
 */
#ifndef NXT_RELAY_H
#define NXT_RELAY_H

#include <stdbool.h>

struct error;
struct event_base;

int relay_start(struct event_base *base, const char *database_url, struct error *e);
/* A transaction with events was committed here: wakes an idle relay, at most every 2 ms. */
void relay_wake(void);
bool relay_kafka_is_up(void);
/* Drain: flush what is in flight, delete what was reported, release the lease; within timeout_ms. Called on a fiber. */
void relay_stop(int timeout_ms);

#endif
