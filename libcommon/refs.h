/*
 * Reference tables: other services' rows as this one knows them, so that a foreign key can point
 * at something. A row with known = false is a stub: an id that was seen before its event.
 */
#ifndef NXT_REFS_H
#define NXT_REFS_H

#include "event.h"

struct service;

/*
 * Queues a stub (known = false) where the id is not known yet. Does nothing for NULL, for what is
 * no UUID, and in a service that keeps no such table (none of its subscriptions does).
 */
void refs_stub(struct request *rq, const char *table, const char *id);
void refs_stub_user(struct request *rq, const char *user_id);
void refs_stub_employee(struct request *rq, const char *employee_id);
/* Keeps the row that the event tells of; an event older than what is stored changes nothing. */
int refs_apply(struct request *rq, const struct ref_map *map, const struct event_in *ev);
/* Whether the account is, by the newest word that came here: of events in either order. -1: failed. */
int refs_user_is_suspended(struct request *rq, const char *user_id);
/* Stubs older than five minutes, into the metric. */
int refs_count_stubs(struct request *rq, const struct service *svc);

/* Every service's own: who may do what (access_*), and runtime configuration. {0}-terminated. */
extern const struct subscription access_subscriptions[];

#endif
