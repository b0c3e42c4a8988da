/* Professionals: one profile per user and profession. Contact never stands in public answers. */
#include <string.h>

#include "db.h"
#include "gst.h"
#include "professions.h"
#include "profiles.h"

static const struct column profile_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER, .doc = "The professional." },
	{ "role_key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT, .max = 64,
	    .doc = "photographer, tutor, developer, …" },
	{ "display_name", COL_TEXT,
	    COL_SEARCH | COL_SORT | COL_JUDGED | COL_PERSONAL | COL_NO_CONTACT, .max = 200,
	    .doc = "It or bio is needed before review." },
	{ "bio", COL_TEXT, COL_SEARCH | COL_JUDGED | COL_PERSONAL | COL_NO_CONTACT, .max = 4000 },
	{ "location", COL_TEXT, COL_FILTER | COL_SEARCH | COL_JUDGED | COL_PERSONAL | COL_NO_CONTACT, .max = 200 },
	{ "avatar_url", COL_URL, COL_JUDGED | COL_PERSONAL, .max = 2000,
	    .doc = "Reference into the object store." },
	{ "phone", COL_PHONE, COL_PRIVATE | COL_PERSONAL },
	{ "email", COL_EMAIL, COL_PRIVATE | COL_PERSONAL },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = profile_statuses },
	{ "verification_status", COL_ENUM, COL_READONLY | COL_FILTER,
	    .values = verification_statuses },
	{ "approval_status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "rejection_reason", COL_TEXT, COL_READONLY | COL_PRIVATE },
	{ "approved_at", COL_TIME, COL_READONLY | COL_FILTER },
	{ "verified_at", COL_TIME, COL_READONLY | COL_FILTER },
	{ "is_profile_public", COL_BOOL, COL_FILTER | COL_REQUIRED, .initial = "f" },
	{ "verified_until", COL_TIME, COL_READONLY | COL_PRIVATE, .doc = "VERIFIED ends then." },
	{ "suspended_cause", COL_TEXT, COL_READONLY | COL_PRIVATE },
	{ "gstin", COL_TEXT, COL_PRIVATE | COL_TO_UPPER, .max = 20, .doc = "GST registration." },
	{ "state_code", COL_TEXT, COL_PRIVATE, .max = 2, .pattern = GST_STATE_PATTERN,
	    .doc = "GST state code; follows the GSTIN." },
	{ "rating_sum", COL_INT, COL_READONLY, .initial = "0" },
	{ "rating_count", COL_INT, COL_READONLY | COL_FILTER | COL_SORT, .initial = "0" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column reason_body[] = {
	{ "reason", COL_TEXT, COL_REQUIRED, .max = 1000, .doc = "Told to the owner." }, { 0 }
};
static const struct column reinstate_body[] = { { "reason", COL_TEXT, 0, .max = 1000 }, { 0 } };

static row_guard profile_submit;

#define APPROVAL	.column = "approval_status"
#define VERIFICATION	.event = &EV_PROFILE_VERIFICATION_CHANGED, .guard = reviewed_verification, \
	.column = "verification_status"

static const struct transition profile_transitions[] = {
	{ NULL, NULL, "DRAFT", { .who = WHO_SIGNED_IN | WHO_SYS } },
	{ "activate", "DRAFT", "ACTIVE", SYS, &EV_PROFILE_ACTIVATED, reviewed_activate },
	{ "suspend", "ACTIVE", "SUSPENDED",
	    STAFF_NOT_OWNER_OR_SYS("user-role-profiles.suspend"),
	    &EV_PROFILE_SUSPENDED, reviewed_suspend, .body = reason_body,
	    .doc = "Take the profile off the market." },
	{ "reinstate", "SUSPENDED", "ACTIVE",
	    STAFF_NOT_OWNER_OR_SYS("user-role-profiles.reinstate"),
	    &EV_PROFILE_REINSTATED, reviewed_reinstate, .body = reinstate_body,
	    .doc = "Bring a suspended profile back." },

	{ "submit", NULL, "PENDING", OWNER, &EV_PROFILE_SUBMITTED, profile_submit, APPROVAL,
	    .doc = "Ask for approval." },
	{ "submit", "REJECTED", "PENDING", OWNER, &EV_PROFILE_SUBMITTED, profile_submit,
	    APPROVAL },
	{ "resubmit", "APPROVED", "PENDING", SYS, &EV_PROFILE_SUBMITTED, profile_submit,
	    APPROVAL },
	{ "approve", "PENDING", "APPROVED", SYS, NULL, NULL, APPROVAL, .stamp = "approved_at" },
	{ "reject", "PENDING", "REJECTED", SYS, NULL, NULL, APPROVAL },

	{ "ask-verification", NULL, "PENDING", SYS, VERIFICATION },
	{ "ask-verification", "REJECTED", "PENDING", SYS, VERIFICATION },
	{ "verify", "PENDING", "VERIFIED", SYS, VERIFICATION, .stamp = "verified_at" },
	{ "refuse-verification", "PENDING", "REJECTED", SYS, VERIFICATION },
	{ "lapse", "VERIFIED", "PENDING", { .who = WHO_SYS | WHO_CLK }, VERIFICATION },
	{ 0 }
};

/* A profession of ours, or a role that the caller holds: the list of role keys is open. */
static int
profile_create(struct request *rq, struct row *row)
{
	const char *role_key = row_text(row, "role_key");

	if (!profession_is_known(role_key) && !caller_has_role(rq, role_key))
		return fail_field(rq, "role_key", "not_allowed",
		    "no profession, and no role of yours");
	return party_check_gst(rq, row);
}

/* A reviewer has something to judge, and a customer somebody to choose. */
static int
profile_submit(struct request *rq, struct row *row)
{
	if (!row_is_set(row, "display_name") && !row_is_set(row, "bio"))
		return fail_field(rq, "display_name", "required", "a profile needs a name or a bio before review");
	return reviewed_submit(rq, row);
}

const struct resource user_role_profile_resource = {
	.table = "user_role_profiles",
	.noun = "profile",
	.module_key = "profiles",
	.label = "display_name",
	.recipient = "user_id",
	.columns = profile_columns,
	.transitions = profile_transitions,
	.flags = RES_REVIEWED,
	.visible = "t.status = 'ACTIVE' AND t.approval_status = 'APPROVED' AND t.is_profile_public",
	.read = ANYONE_OR("user-role-profiles.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("user-role-profiles.update"),
	.remove = OWNER,
	.on_create = profile_create,
	.on_update = reviewed_edit,
	.on_remove = reviewed_remove,
	.changed = &EV_PROFILE_CHANGED,
	.doc = "A professional. The profession's own fields are in its extension,"
	    " /v1/<profession>-profiles.",
};

/* ---- for the rows that belong to a profile ---- */

int
profile_facts(struct request *rq, const char *profile_id, struct profile_facts *ret_facts)
{
	struct db_result *r = db_one_or_fail(rq, ERR_NOT_FOUND, "there is no such profile",
	    "SELECT user_id, role_key, status FROM user_role_profiles WHERE id = $1",
	    DB(profile_id));

	if (r == NULL)
		return -1;
	ret_facts->user_id = db_text(r, 0, 0);
	ret_facts->role_key = db_text(r, 0, 1);
	ret_facts->status = db_text(r, 0, 2);
	return 0;
}

/* Somebody else's profile and none at all give the same answer: drafts are private. */
int
profile_must_be_own(struct request *rq, const struct row *row, struct profile_facts *ret_facts)
{
	const char *id = row_text(row, "user_role_profile_id");
	struct db_result *r = db_query(rq,
	    "SELECT user_id, role_key, status FROM user_role_profiles"
	    " WHERE id = $1 AND user_id = $2", DB(id, rq->caller.user_id));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "user_role_profile_id", "unknown_reference",
		    "no profile of yours has this id");
	ret_facts->user_id = db_text(r, 0, 0);
	ret_facts->role_key = db_text(r, 0, 1);
	ret_facts->status = db_text(r, 0, 2);
	return 0;
}
