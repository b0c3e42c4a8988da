/* access.denied events; see denied.h and events.md, "Refused actions". */
#include "denied.h"

#include "clock.h"
#include "dispatch.h"
#include "event.h"
#include "fiber.h"
#include "request.h"

#define PER_SECOND 20	/* events; a scanner must not fill the log of those who matter */

static int
add_denied(struct request *rq, void *arg)
{
	const struct request *was = arg;
	struct event_out *ev = event_publish(rq, &EV_ACCESS_DENIED, was->caller.user_id, 0);

	event_set_text(ev, "method", was->route->method);
	event_set_text(ev, "route", was->route->path);
	event_set_text(ev, "permission", was->route->access.permission);
	event_entity(ev, "user", was->caller.user_id);
	event_failed(ev);
	return 0;
}

static bool
sampled(void)
{
	static int64_t second;
	static unsigned count;
	int64_t now = clock_mono_ms() / 1000;

	if (now != second) {
		second = now;
		count = 0;
	}
	return count++ < PER_SECOND;
}

void
denied_report(const struct request *was)
{
	struct request *rq;

	if (was->route == NULL || was->caller.user_id == NULL || !sampled())
		return;
	rq = request_new(was->db);
	rq->caller = was->caller;
	rq->actor = was->actor;
	rq->source_type = was->source_type;
	rq->source_id = was->source_id;
	rq->request_id = was->request_id;
	rq->request_ref = was->request_ref;
	rq->correlation_id = was->correlation_id;
	rq->traceparent = was->traceparent;
	rq->ip_address = was->ip_address;
	rq->user_agent = was->user_agent;
	unit_run(rq, add_denied, (void *)was);
	request_free(rq);
}
