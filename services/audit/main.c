/* audit: the long memory. Table of contents; see README.md for the service's canvas. */
#include "audit.h"
#include "service.h"

static const struct resource *const resources[] = {
	&audit_logs_resource,
	&audit_log_changes_resource,
	NULL
};

static const struct clock_job clocks[] = {
	{ "partitions", 3600, partitions_make, "Makes the partitions of this month and the next two." },
	{ 0 }
};

static const struct service audit = {
	.name = "audit",
	.port = 8106,
	.resources = resources,
	.consume_batch = audit_events,
	.clocks = clocks,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &audit);
}
