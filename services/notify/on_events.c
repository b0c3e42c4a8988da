/*
 * What notify does when others' events arrive: keeps the addresses, keeps what tickets may be
 * about, and tells whom the rule of the event names (rules_*.c).
 */
#include <string.h>

#include "db.h"
#include "notify.h"
#include "people.h"
#include "tickets.h"

/* ---- entity_refs: what a ticket may be about, and whose it is ---- */

static const char *const owner_fields[] = { "user_id", "posted_by_user_id", "created_by_user_id",
	"applicant_user_id", "requested_by_user_id", "submitted_by_user_id", "reviewer_user_id" };

static const char *
owner_of(const struct event_in *ev)
{
	for (size_t i = 0; i < COUNT_OF(owner_fields); i++)
		if (event_has_field(ev, owner_fields[i]))
			return event_text(ev, owner_fields[i]);
	return NULL;
}

static const char *
status_of(const struct event_in *ev)
{
	return event_has_field(ev, "status") ? event_text(ev, "status") : NULL;
}

static int
entity_keep(struct request *rq, const struct event_in *ev)
{
	const Nxtgauge__Events__V1__Context *c = ev->context;

	return db_exec(rq, "INSERT INTO entity_refs AS e (entity_type, id, user_id, label, status, version)"
	    " VALUES ($1, $2, $3, nullif($4, ''), $5, $6) ON CONFLICT (entity_type, id) DO UPDATE SET"
	    " user_id = coalesce(excluded.user_id, e.user_id), label = coalesce(excluded.label, e.label),"
	    " status = excluded.status, version = excluded.version, known = true, updated_at = now()"
	    " WHERE e.version < excluded.version",
	    DB(c->aggregate_type, ev->aggregate_id, owner_of(ev), c->entity_label, status_of(ev),
	    arena_printf(rq->arena, "%lld", (long long)ev->aggregate_version)));
}

static int
keep_and_tell(struct request *rq, const struct event_in *ev)
{
	return entity_keep(rq, ev) < 0 ? -1 : tell(rq, ev);
}

static int
greet(struct request *rq, const struct event_in *ev)
{
	return tell_known_user(rq, ev->aggregate_id) < 0 ? -1 : tell(rq, ev);
}

static int
mismatched(struct request *rq, const struct event_in *ev)
{
	return keep_and_tell(rq, ev) < 0 ? -1 : ticket_of_payment(rq, ev);
}

static int
employment_changed(struct request *rq, const struct event_in *ev)
{
	return tickets_of_agent_return(rq, ev) < 0 ? -1 : tell(rq, ev);
}

const struct subscription notify_subscriptions[] = {
	/* accounts */
	{ &EV_USER_REGISTERED, &user_map, greet },
	{ &EV_USER_ACTIVATED, &user_map, greet },
	{ &EV_USER_REINSTATED, &user_map, tell },
	{ &EV_USER_SUSPENDED, &user_map, tell },
	{ &EV_USER_CONTACT_CHANGED, &user_map, greet },
	{ &EV_USER_CHANGED, &user_map, greet },
	{ &EV_USER_SETTINGS_CHANGED, NULL, user_settings_keep },
	{ &EV_USER_ERASED, &user_map, user_erased },
	{ &EV_AUTH_TOKEN_ISSUED, NULL, tell },
	{ &EV_TOKEN_REUSE_DETECTED, NULL, tell },
	{ &EV_SESSION_OPENED, NULL, tell },
	{ &EV_SECOND_FACTOR_ENABLED, NULL, tell },
	{ &EV_SECOND_FACTOR_DISABLED, NULL, tell },
	{ &EV_SECOND_FACTOR_REFUSED, NULL, tell },
	{ &EV_RECOVERY_CODE_USED, NULL, tell },
	{ &EV_RECOVERY_CODES_RENEWED, NULL, tell },
	{ &EV_PASSKEY_ADDED, NULL, tell },
	{ &EV_PASSKEY_REMOVED, NULL, tell },
	{ &EV_PASSKEY_CLONE_SUSPECTED, NULL, tell },
	{ &EV_ROLE_REQUESTED, NULL, tell },
	{ &EV_ROLE_DECIDED, NULL, tell },
	{ &EV_EMPLOYEE_HIRED, &employee_map, tell },
	{ &EV_EMPLOYEE_MOVED, &employee_map, NULL },
	{ &EV_EMPLOYEE_CHANGED, &employee_map, NULL },
	{ &EV_EMPLOYEE_STATUS_CHANGED, &employee_map, employment_changed },
	/* profiles */
	{ &EV_APPROVAL_REQUESTED, NULL, tell },
	{ &EV_APPROVAL_DECIDED, NULL, tell },
	{ &EV_COMPANY_CHANGED, NULL, entity_keep },
	{ &EV_COMPANY_SUBMITTED, NULL, entity_keep },
	{ &EV_COMPANY_ACTIVATED, NULL, keep_and_tell },
	{ &EV_COMPANY_SUSPENDED, NULL, keep_and_tell },
	{ &EV_COMPANY_REINSTATED, NULL, keep_and_tell },
	{ &EV_COMPANY_VERIFICATION_CHANGED, NULL, keep_and_tell },
	{ &EV_PROFILE_CHANGED, NULL, entity_keep },
	{ &EV_PROFILE_SUBMITTED, NULL, entity_keep },
	{ &EV_PROFILE_ACTIVATED, NULL, keep_and_tell },
	{ &EV_PROFILE_SUSPENDED, NULL, keep_and_tell },
	{ &EV_PROFILE_REINSTATED, NULL, keep_and_tell },
	{ &EV_PROFILE_VERIFICATION_CHANGED, NULL, keep_and_tell },
	{ &EV_VERIFICATION_SUBMITTED, NULL, tell },
	{ &EV_VERIFICATION_DOCUMENT_REQUESTED, NULL, tell },
	{ &EV_VERIFICATION_DOCUMENT_REVIEWED, NULL, tell },
	{ &EV_VERIFICATION_DECIDED, NULL, tell },
	/* marketplace */
	{ &EV_JOB_CHANGED, NULL, entity_keep },
	{ &EV_JOB_SUBMITTED, NULL, entity_keep },
	{ &EV_JOB_PUBLISHED, NULL, keep_and_tell },
	{ &EV_JOB_RETURNED, NULL, keep_and_tell },
	{ &EV_JOB_CLOSED, NULL, keep_and_tell },
	{ &EV_APPLICATION_SUBMITTED, NULL, keep_and_tell },
	{ &EV_APPLICATION_ADVANCED, NULL, keep_and_tell },
	{ &EV_APPLICATION_REJECTED, NULL, keep_and_tell },
	{ &EV_LEAD_CHANGED, NULL, entity_keep },
	{ &EV_LEAD_SUBMITTED, NULL, entity_keep },
	{ &EV_LEAD_OPENED, NULL, keep_and_tell },
	{ &EV_LEAD_RETURNED, NULL, keep_and_tell },
	{ &EV_LEAD_CLOSED, NULL, keep_and_tell },
	{ &EV_LEAD_REQUEST_CREATED, NULL, entity_keep },
	{ &EV_LEAD_REQUEST_ACCEPTED, NULL, keep_and_tell },
	{ &EV_LEAD_REQUEST_REJECTED, NULL, keep_and_tell },
	{ &EV_CONTACT_REVEALED, NULL, tell },
	{ &EV_REVIEW_SUBMITTED, NULL, keep_and_tell },
	{ &EV_REVIEW_PUBLISHED, NULL, keep_and_tell },
	{ &EV_REVIEW_HIDDEN, NULL, keep_and_tell },
	/* finance */
	{ &EV_ORDER_CREATED, NULL, entity_keep },
	{ &EV_ORDER_COMPLETED, NULL, keep_and_tell },
	{ &EV_ORDER_CANCELLED, NULL, keep_and_tell },
	{ &EV_INVOICE_ISSUED, NULL, entity_keep },
	{ &EV_INVOICE_PAID, NULL, entity_keep },
	{ &EV_PAYMENT_INITIATED, NULL, entity_keep },
	{ &EV_PAYMENT_SUCCEEDED, NULL, entity_keep },
	{ &EV_PAYMENT_FAILED, NULL, keep_and_tell },
	{ &EV_PAYMENT_REFUNDED, NULL, keep_and_tell },
	{ &EV_PAYMENT_MISMATCHED, NULL, mismatched },
	{ &EV_PAYMENT_REFUND_REQUIRED, NULL, keep_and_tell },
	{ &EV_CREDIT_NOTE_ISSUED, NULL, tell },
	{ &EV_WALLET_CREDITED, NULL, tell },
	{ &EV_WALLET_DEBITED, NULL, tell },
	{ &EV_WALLET_DEBIT_REFUSED, NULL, tell },
	{ &EV_WALLET_LOW, NULL, tell },
	{ &EV_WALLET_LOT_EXPIRING, NULL, tell },
	/* support and the log */
	{ &EV_TICKET_OPENED, NULL, tell },
	{ &EV_TICKET_ASSIGNED, NULL, tell },
	{ &EV_TICKET_REPLIED, NULL, tell },
	{ &EV_TICKET_RESOLVED, NULL, tell },
	{ &EV_TICKET_REOPENED, NULL, tell },
	{ &EV_TICKET_CLOSED, NULL, tell },
	{ &EV_TICKET_OVERDUE, NULL, tell },
	{ &EV_AUDIT_GAP_FOUND, NULL, tell },
	{ 0 }
};
