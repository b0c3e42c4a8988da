/*
 * The spine: every request walks through here, in the order of architecture.md §2.
 *
 * limits → route → authenticate → permission → body → begin → lock and transition → handler →
 * status, version, log row, outbox row → commit → reply.
 */
#ifndef NXT_DISPATCH_H
#define NXT_DISPATCH_H

#include <stdbool.h>

#include "service.h"

struct error;
struct event_base;

/* Units at once; beyond, refused at the door. Throughput peaks at about 256 of them; more only lengthen the queue. */
#define DISPATCH_IN_FLIGHT_MAX 512

/*
 * Makes the routes of all resources. -1 names the one that has no rule, or the column whose schema cannot be checked.
 */
int dispatch_init(const struct service *svc, struct error *e);
int dispatch_listen(struct event_base *base, const char *host, int port, struct error *e);
int dispatch_port(void);
void dispatch_retire(void);	/* answers end their connections, new ones are still taken */
void dispatch_drain(void);
struct http_stats;
const struct http_stats *dispatch_stats(void);	/* NULL before dispatch_listen */
unsigned dispatch_connections(void);	/* open ones; after dispatch_drain each is there for a request only */
/* Each route once, for --routes, --openapi, --permissions and the tests. */
void dispatch_each_route(void (*fn)(const struct route *route, void *arg), void *arg);

/*
 * Runs fn as one unit: begin, fn, outbox, commit; again after a serialization failure. Used by
 * consumers, clocks and commands. 0, or -1 with the reason in rq.
 */
int unit_run(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg);
/*
 * Begin, fn, commit of a transaction that several units share, once: fn puts those it served into
 * done, their events written, and returns 0 or -1. Returns 0, or -1: nothing of it was done, or it is unknown
 * where the connection was lost; what they said is forgotten, and each is to be run alone.
 */
int unit_run_together(struct request *rq, int (*fn)(struct request *rq, void *arg), void *arg,
    struct request *const *done, const unsigned *ndone);

#endif
