/* Small helpers of this service's aggregates; see marketplace.h. */
#include <string.h>

#include "db.h"
#include "event.h"
#include "marketplace.h"

bool
text_is(const char *value, const char *wanted)
{
	return value != NULL && strcmp(value, wanted) == 0;
}

bool
by_person(const struct request *rq)
{
	return rq->actor == ACTOR_USER || rq->actor == ACTOR_EMPLOYEE;
}

struct row *
load_if_there(struct request *rq, const struct resource *res, const char *id)
{
	struct row *row = id == NULL ? NULL : row_load(rq, res, id, true);

	if (row == NULL && rq->problem.code == ERR_NOT_FOUND)
		rq->problem.code = ERR_NONE;
	return row;
}

int
user_is_suspended(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq, "SELECT status = 'SUSPENDED' FROM user_refs WHERE id = $1",
	    DB(user_id));

	return r == NULL ? -1 : db_rows(r) > 0 && db_bool(r, 0, 0);
}

int
row_end(struct request *rq, struct row *row, const struct step *steps)
{
	for (; steps->from != NULL; steps++) {
		if (!text_is(row_text(row, "status"), steps->from))
			continue;
		if (steps->column != NULL)
			row_set(row, steps->column, steps->value);
		return row_follow(rq, row, steps->verb) < 0 ? -1 : 1;
	}
	return 0;
}

int
rows_end(struct request *rq, const struct resource *res, const char *ids, const char *param,
    const struct step *steps)
{
	struct db_result *r = db_query(rq, ids, DB(param));

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *row = load_if_there(rq, res, db_text(r, i, 0));
		if (rq->problem.code != ERR_NONE || (row != NULL && row_end(rq, row, steps) < 0))
			return -1;
	}
	return r == NULL ? -1 : 0;
}

/* ---- review ---- */

struct row *
load_judged(struct request *rq, const struct resource *res, const struct event_in *ev)
{
	struct row *row = load_if_there(rq, res, event_text(ev, "entity_id"));

	return row != NULL && text_is(row_text(row, "status"), "PENDING") &&
	    text_is(row_text(row, "content_hash"), event_text(ev, "content_hash")) ? row : NULL;
}

/* NOT_ACTIVE is whatever else brings it back: company or customer may not publish now. */
static const char *
return_cause(const struct event_in *trigger)
{
	if (trigger->type == &EV_WALLET_DEBIT_REFUSED)
		return "DEBIT_REFUSED";
	if (trigger->type == &EV_USER_ERASED)
		return "WITHDRAWN";
	if (trigger->type != &EV_APPROVAL_DECIDED || text_is(event_text(trigger, "decision"), "APPROVED"))
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
