/* Refusals as events; see denied.h and events.md, "Refused actions". */
#include "denied.h"

#include "clock.h"
#include "dispatch.h"
#include "error.h"
#include "event.h"
#include "fiber.h"
#include "request.h"
#include "service.h"

#define PER_SECOND 20	/* events; a scanner must not fill the log of those who matter */

static int64_t untold;		/* refusals since the last event that there was no room for */

void
denied_tell(struct request *rq, int (*publish)(struct request *rq, const void *arg), const void *arg)
{
	rq->problem.tell = publish;
	rq->problem.tell_arg = arg;
}

static int
access_denied(struct request *rq, const struct request *was)
{
	struct event_out *ev = event_publish(rq, &EV_ACCESS_DENIED, was->caller.user_id, 0);

	event_set_text(ev, "method", was->route->method);
	event_set_text(ev, "route", was->route->path);
	event_set_text(ev, "permission", was->route->access.permission);
	event_set_text(ev, "reason", error_info(was->problem.code)->code);
	event_set_text(ev, "service", service_self->name);
	event_set_int(ev, "weight", 1 + untold);
	untold = 0;
	event_entity(ev, "user", was->caller.user_id);
	event_failed(ev);
	return 0;
}

static int
tell(struct request *rq, void *arg)
{
	const struct request *was = arg;

	return was->problem.tell != NULL ? was->problem.tell(rq, was->problem.tell_arg) : access_denied(rq, was);
}

static bool
is_to_be_told(const struct request *was)
{
	if (was->problem.tell != NULL)
		return true;
	return was->route != NULL && was->caller.user_id != NULL &&
	    (error_info(was->problem.code)->status == 403 || was->problem.code == ERR_STEP_UP_REQUIRED);
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

	if (!is_to_be_told(was))
		return;
	if (!sampled()) {
		untold++;
		return;
	}
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
	unit_run(rq, tell, (void *)(uintptr_t)was);
	request_free(rq);
}
