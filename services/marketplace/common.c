/* What several of this service's aggregates share; see marketplace.h. */
#include "event.h"
#include "marketplace.h"

int
row_end(struct request *rq, struct row *row, const struct step *steps)
{
	for (; steps->from != NULL; steps++) {
		if (!row_is(row, "status", steps->from))
			continue;
		if (steps->column != NULL)
			row_set(row, steps->column, steps->value);
		return row_follow(rq, row, steps->verb) < 0 ? -1 : 1;
	}
	return 0;
}

static int
end_one(struct request *rq, struct row *row, const void *steps)
{
	return row_end(rq, row, steps);
}

int
rows_end(struct request *rq, const struct resource *res, const char *ids, const char *param,
    const struct step *steps)
{
	return rows_each(rq, res, ids, param, end_one, steps);
}

/* ---- review ---- */

struct row *
load_judged(struct request *rq, const struct resource *res, const struct event_in *ev)
{
	struct row *row = row_load_if_there(rq, res, event_text(ev, "entity_id"));

	return row != NULL && row_is(row, "status", "PENDING") &&
	    row_is(row, "content_hash", event_text(ev, "content_hash")) ? row : NULL;
}

/* NOT_ACTIVE is whatever else brings it back: company or customer may not publish now. */
static const char *
return_cause(const struct event_in *trigger)
{
	if (trigger->type == &EV_WALLET_DEBIT_REFUSED)
		return "DEBIT_REFUSED";
	if (trigger->type == &EV_USER_ERASED)
		return "WITHDRAWN";
	if (trigger->type != &EV_APPROVAL_DECIDED || event_is(trigger, "decision", "APPROVED"))
		return "NOT_ACTIVE";
	return event_bool(trigger, "withdrawn") ? "WITHDRAWN" : "REJECTED";
}

int
tell_returned(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);

	event_set_text(ev, "cause", return_cause(rq->trigger));
	event_set_text(ev, "reason", row_text(row, "rejection_reason"));
	if (rq->trigger->type == &EV_APPROVAL_DECIDED)
		event_set_text(ev, "approval_request_id", event_text(rq->trigger, "request_id"));
	return 0;
}

int
tell_closed(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);
	const char *owner = row_text(row, row_resource(row)->recipient);
	const char *cause = row_changed(row, "close_reason") ? row_text(row, "close_reason") :
	    rq->actor == ACTOR_CRON ? "EXPIRED" : caller_is(rq, owner) ? "OWNER" : "STAFF";
	const char *words = body_text(rq, "reason");

	row_set(row, "close_reason", words != NULL ? words : cause);
	event_set_text(ev, "cause", cause);
	event_set_text(ev, "reason", words);
	return 0;
}
