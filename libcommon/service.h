/*
 * A daemon: what one of the six declares, and the start-up, loop and drain they share.
 *
 * A service's main.c is a table of contents: this struct and main(), no logic.
 */
#ifndef NXT_SERVICE_H
#define NXT_SERVICE_H

#include "config.h"
#include "event.h"
#include "request.h"
#include "resource.h"

struct event_base;

/* Work by the clock: one replica at a time, each run a unit of its own with actor CRON. */
struct clock_job {
	const char *name;
	int every_s;
	int (*run)(struct request *rq);	/* in a transaction */
	const char *doc;
};
/* A word on the command line: nxt-identity admin create. */
struct command {
	const char *words;	/* "admin create" */
	const char *usage;
	int (*run)(struct request *rq, int argc, char **argv);	/* on a fiber, in a transaction; returns like a handler */
	const char *doc;
};
/* A runtime configuration key that this service reads; the value lives in identity. */
struct config_key {
	const char *key, *group;
	const char *schema;	/* JSON Schema of the value */
	const char *initial;	/* JSON; used until identity says otherwise */
	const char *doc;
};
struct metric;
struct service {
	const char *name;	/* "marketplace" */
	int port;		/* default public port; the operations port is port + 1000 */
	const struct resource *const *resources;	/* NULL-terminated */
	const struct route *routes;			/* {0}-terminated, or NULL */
	const struct subscription *subscriptions;	/* {0}-terminated, or NULL */
	/* audit: every topic, a whole batch at once, instead of subscriptions */
	int (*consume_batch)(struct request *rq, const struct event_in *const *events, size_t n);
	const struct option *options;			/* {0}-terminated, or NULL: beyond the common ones */
	const struct clock_job *clocks;			/* {0}-terminated, or NULL */
	const struct command *commands;			/* {0}-terminated, or NULL */
	const struct config_key *config_keys;		/* {0}-terminated, or NULL */
	const char *const *republish;			/* tables whose rows can be republished */
	int (*start)(struct event_base *base, struct error *e);	/* after the common parts, before ready; may be NULL */
	void (*stop)(void);
};
extern const struct service *service_self;	/* the running daemon's */

int service_main(int argc, char **argv, const struct service *svc);

struct db *service_db(void);
struct event_base *service_base(void);
/* Runs fn on a fiber as a unit of its own (actor CRON), in a transaction, for background senders. */
void service_spawn(const char *name, void (*fn)(void *arg), void *arg);
bool service_stopping(void);
bool service_has_role(const char *role);	/* api, relay or consumer, by the option ROLES */

#endif
