/*
 * What companies and professionals have in common: approval of what they show, verification of who
 * they are, and being ACTIVE on the market.
 */
#include <string.h>

#include "config.h"
#include "db.h"
#include "gst.h"
#include "profiles.h"
#include "refs.h"

const char *const review_statuses[] = { "PENDING", "APPROVED", "REJECTED", NULL };
const char *const verification_statuses[] = { "PENDING", "VERIFIED", "REJECTED", NULL };
const char *const profile_statuses[] = { "DRAFT", "ACTIVE", "SUSPENDED", NULL };

/* ---- approval ---- */

/* A submission freezes what the reviewer will judge. */
int
reviewed_submit(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);

	if (row_is(row, "status", "SUSPENDED"))
		return fail(rq, ERR_CONFLICT,
		    "it is suspended; nothing is reviewed until that is lifted");
	row_set(row, "rejection_reason", NULL);
	event_set_text(ev, "content_hash", row_content_hash(rq, row));
	event_set_int(ev, "content_version", row_version(row) + 1);
	return 0;
}

/* Who was verified: a verified name or phone that changes goes back to PENDING. */
static bool
identity_changed(const struct row *row)
{
	const char *name = resource_column(row_resource(row), "company_name") != NULL ?
	    "company_name" : "display_name";

	return row_changed(row, name) || row_changed(row, "phone");
}

/* on_update: an approved text that changes is approved again, a verified name verified again. */
int
reviewed_edit(struct request *rq, struct row *row)
{
	bool lapses = row_is(row, "verification_status", "VERIFIED") && identity_changed(row);

	if (party_check_gst(rq, row) < 0)
		return -1;
	if (row_is(row, "approval_status", "APPROVED") && row_judged_changed(row) &&
	    row_follow(rq, row, "resubmit") < 0)
		return -1;
	return lapses ? row_follow(rq, row, "lapse") : 0;
}

/* on_remove: only what never reached anybody else may go. */
int
reviewed_remove(struct request *rq, struct row *row)
{
	if (row_is(row, "status", "DRAFT") && !row_is(row, "approval_status", "PENDING"))
		return 0;
	return fail(rq, ERR_CONFLICT, "only a draft that is not under review can be removed");
}

/* ---- on the market ---- */

static bool
profile_needs_verification(const struct row *row)
{
	json_t *roles = json_loads(setting_json("profiles.roles_needing_verification"), 0, NULL),
	    *v;
	bool found = false;
	size_t i;

	json_array_foreach(roles, i, v)
		found = found || text_is(json_string_value(v), row_text(row, "role_key"));
	json_decref(roles);
	return found;
}

static bool
needs_verification(const struct row *row)
{
	return row_resource(row) == &company_profile_resource ?
	    setting_bool("profiles.company_needs_verification") : profile_needs_verification(row);
}

static int
activate_if_ready(struct request *rq, struct row *row)
{
	int suspended;

	if (!row_is(row, "status", "DRAFT") || !row_is(row, "approval_status", "APPROVED"))
		return 0;
	if (needs_verification(row) && !row_is(row, "verification_status", "VERIFIED"))
		return 0;
	suspended = refs_user_is_suspended(rq, row_text(row, "user_id"));
	if (suspended != 0)
		return suspended < 0 ? -1 : 0;
	return row_transition(rq, row, "activate");
}

int
reviewed_activate(struct request *rq, struct row *row)
{
	event_set_text(row_event(rq, row), "cause", needs_verification(row) ? "VERIFIED" :
	    "APPROVED");
	return 0;
}

int
reviewed_decide(struct request *rq, struct row *row, bool approved, const char *remarks)
{
	if (!row_is(row, "approval_status", "PENDING"))
		return 0;	/* overtaken */
	row_set(row, "rejection_reason", approved ? NULL : remarks != NULL ? remarks :
	    "Withdrawn.");
	if (row_transition(rq, row, approved ? "approve" : "reject") < 0)
		return -1;
	return activate_if_ready(rq, row);
}

int
reviewed_suspend(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);

	if (by_person(rq))
		row_set(row, "suspended_cause", "STAFF");
	event_set_text(ev, "cause", row_text(row, "suspended_cause"));
	event_set_text(ev, "reason", body_text(rq, "reason"));
	return 0;
}

int
reviewed_reinstate(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);
	int suspended = by_person(rq) ? refs_user_is_suspended(rq, row_text(row, "user_id")) : 0;

	if (suspended != 0)
		return suspended < 0 ? -1 : fail(rq, ERR_CONFLICT,
		    "the user's account is suspended");
	row_set(row, "suspended_cause", NULL);
	event_set_text(ev, "cause", by_person(rq) ? "STAFF" : "USER_REINSTATED");
	event_set_text(ev, "reason", body_text(rq, "reason"));
	return 0;
}

/* ---- verification ---- */

static const char *
verification_cause(const struct request *rq, const char *was, const char *becomes)
{
	if (!text_is(becomes, "PENDING"))
		return "DECIDED";
	if (!text_is(was, "VERIFIED"))
		return "SUBMITTED";
	return rq->actor == ACTOR_CRON ? "EXPIRED" : "CONTACT_CHANGED";
}

static void
set_verified_until(struct request *rq, struct row *row, bool verified)
{
	int64_t days = setting_int("profiles.verification_valid_days");

	row_set(row, "verified_until", NULL);
	if (verified && days > 0)
		row_set_time(row, "verified_until", rq->now_us + days * 86400 * INT64_C(1000000));
}

/* Guard of every change of verification_status. */
int
reviewed_verification(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);
	const char *was = row_text(row, "verification_status");
	const struct event_in *trigger = rq->trigger;
	const char *decision = trigger != NULL && event_has_field(trigger, "decision") ?
	    event_text(trigger, "decision") : NULL;
	const char *becomes = decision == NULL || !text_is(was, "PENDING") ? "PENDING" :
	    text_is(decision, "APPROVED") ? "VERIFIED" : "REJECTED";
	bool company = row_resource(row) == &company_profile_resource;

	set_verified_until(rq, row, text_is(becomes, "VERIFIED"));
	event_set_text(ev, "old_status", was);
	event_set_text(ev, "new_status", becomes);
	event_set_text(ev, "cause", verification_cause(rq, was, becomes));
	if (trigger == NULL)
		return 0;
	event_set_text(ev, company ? "approval_request_id" : "verification_request_id",
	    event_text(trigger, "id"));
	if (!company)
		event_set_text(ev, "verification_type", event_text(trigger, "verification_type"));
	event_set_text(ev, "reason", event_text(trigger, "remarks"));
	return 0;
}

int
reviewed_verify(struct request *rq, struct row *row, const char *to)
{
	const char *now = row_text(row, "verification_status");

	if (text_is(now, "VERIFIED") || text_is(now, to))
		return 0;	/* a second proof takes nothing away */
	if (!text_is(now, "PENDING") && row_transition(rq, row, "ask-verification") < 0)
		return -1;
	if (text_is(to, "PENDING"))
		return 0;
	if (row_transition(rq, row, text_is(to, "VERIFIED") ? "verify" : "refuse-verification") < 0)
		return -1;
	return activate_if_ready(rq, row);
}

int
verifications_lapse(struct request *rq)
{
	if (transition_each(rq, &user_role_profile_resource, "SELECT id FROM user_role_profiles"
	    " WHERE verification_status = 'VERIFIED' AND verified_until < now() ORDER BY id LIMIT 100",
	    NULL, "lapse", NULL, NULL) < 0)
		return -1;
	return transition_each(rq, &company_profile_resource, "SELECT id FROM company_profiles"
	    " WHERE verification_status = 'VERIFIED' AND verified_until < now() ORDER BY id LIMIT 100",
	    NULL, "lapse", NULL, NULL);
}

/* ---- GST ---- */

int
party_check_gst(struct request *rq, struct row *row)
{
	bool may = resource_column(row_resource(row), "gstin") != NULL;
	const char *gstin = may ? row_text(row, "gstin") : NULL, *state = row_text(row, "state_code");

	if (gstin != NULL && !gstin_is_valid(gstin))
		fail_field(rq, "gstin", "bad_gstin", "15 characters whose check digit is right");
	if (state != NULL && !gst_state_is_valid(state))
		fail_field(rq, "state_code", "not_allowed", "a two-digit GST state code");
	if (rq->problem.code != ERR_NONE)
		return -1;
	if (gstin == NULL)
		return 0;
	if (state != NULL && strncmp(gstin, state, 2) != 0 && row_changed(row, "state_code"))
		return fail_field(rq, "state_code", "wrong_state", "the GSTIN is of another state");
	row_set(row, "state_code", arena_strndup(rq->arena, gstin, 2));
	return 0;
}

/* ---- the user behind it ---- */

struct party {
	const struct resource *res;
	const char *ids;	/* all rows of a user */
};
static const struct party parties[] = {
	{ &user_role_profile_resource,
	    "SELECT id FROM user_role_profiles WHERE user_id = $1 ORDER BY id" },
	{ &company_profile_resource, "SELECT id FROM company_profiles WHERE user_id = $1" },
	{ &customer_profile_resource, "SELECT id FROM customer_profiles WHERE user_id = $1" },
	{ &candidate_profile_resource, "SELECT id FROM candidate_profiles WHERE user_id = $1" },
};

static int
party_follow_user(struct request *rq, struct row *row, const void *is_suspended)
{
	bool suspended = *(const int *)is_suspended != 0;
	bool keeps_cause = resource_column(row_resource(row), "suspended_cause") != NULL;

	if (suspended && row_is(row, "status", "ACTIVE")) {
		if (keeps_cause)
			row_set(row, "suspended_cause", "USER_SUSPENDED");
		return row_transition(rq, row, "suspend");
	}
	if (suspended)
		return 0;
	if (row_is(row, "status", "SUSPENDED") && (!keeps_cause ||
	    row_is(row, "suspended_cause", "USER_SUSPENDED")))
		return row_transition(rq, row, "reinstate");
	return keeps_cause ? activate_if_ready(rq, row) : 0;
}

/* The events of a user may arrive in either order: user_refs holds the newest word. */
int
parties_follow_user(struct request *rq, const char *user_id)
{
	int suspended = refs_user_is_suspended(rq, user_id);

	if (suspended < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(parties); i++)
		if (rows_each(rq, parties[i].res, parties[i].ids, user_id, party_follow_user, &suspended) < 0)
			return -1;
	return 0;
}
