/* What audit's files know of each other. */
#ifndef NXT_AUDIT_H
#define NXT_AUDIT_H

#include "event.h"
#include "request.h"
#include "resource.h"

extern const struct resource audit_logs_resource, audit_log_changes_resource;

/* Writes one audit_logs row with its changes for each event; events known already change nothing. */
int audit_events(struct request *rq, const struct event_in *const *events, size_t n);
/* Keeps the names of users and employees, and a stub for everyone whom the events name. */
int people_keep(struct request *rq, const struct event_in *const *events, size_t n);
/* GET /v1/audit-logs/export: what a list would show, all of it, as a file. */
int audit_logs_export(struct request *rq);
extern const struct column audit_export_query[];
/* By the clock: this month's partitions and the next two. */
int partitions_make(struct request *rq);

#endif
