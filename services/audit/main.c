/* audit: the long memory. Table of contents; see README.md for the service's canvas. */
#include "audit.h"
#include "service.h"

static const struct resource *const resources[] = {
	&audit_logs_resource,
	&audit_log_changes_resource,
	NULL
};

static const struct route routes[] = {
	{ "GET", "/v1/audit-logs/export", STAFF("audit-logs.export"), audit_logs_export, ROUTE_STREAM,
	    .query = audit_export_query, .res = &audit_logs_resource, .verb = "list",
	    .summary = "The whole list as CSV or JSON lines; itself audited.", .answer = "text/csv" },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "partitions", 3600, partitions_make, "Makes the partitions of this month and the next two." },
	{ 0 }
};

static const struct service audit = {
	.name = "audit",
	.port = 8106,
	.resources = resources,
	.routes = routes,
	.consume_batch = audit_events,
	.clocks = clocks,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &audit);
}
