/* Companies: one per user of account type COMPANY; only an active, approved one publishes jobs. */
#include "gst.h"
#include "profiles.h"

static const struct column company_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER, .doc = "The owner." },
	{ "company_name", COL_TEXT, COL_REQUIRED | COL_FILTER | COL_SORT | COL_SEARCH | COL_JUDGED,
	    .max = 200 },
	{ "business_type", COL_TEXT, COL_FILTER | COL_JUDGED | COL_NO_CONTACT, .max = 100 },
	{ "industry", COL_TEXT, COL_FILTER | COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 100 },
	{ "contact_person_name", COL_TEXT, COL_PRIVATE | COL_PERSONAL, .max = 200 },
	{ "email", COL_EMAIL, COL_PRIVATE | COL_PERSONAL },
	{ "phone", COL_PHONE, COL_PRIVATE | COL_PERSONAL },
	{ "location", COL_TEXT, COL_FILTER | COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 200 },
	{ "bio", COL_TEXT, COL_SEARCH | COL_JUDGED | COL_NO_CONTACT, .max = 4000 },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = profile_statuses },
	{ "verification_status", COL_ENUM, COL_READONLY | COL_FILTER,
	    .values = verification_statuses },
	{ "approval_status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "gstin", COL_TEXT, COL_PRIVATE | COL_TO_UPPER | COL_JUDGED, .max = 20,
	    .doc = "GST registration." },
	{ "state_code", COL_TEXT, COL_PRIVATE, .max = 2, .pattern = GST_STATE_PATTERN,
	    .doc = "GST state code; follows the GSTIN." },
	{ "rejection_reason", COL_TEXT, COL_READONLY | COL_PRIVATE },
	{ "verified_until", COL_TIME, COL_READONLY | COL_PRIVATE, .doc = "VERIFIED ends then." },
	{ "suspended_cause", COL_TEXT, COL_READONLY | COL_PRIVATE },
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

#define APPROVAL	.column = "approval_status"
#define VERIFICATION	.event = &EV_COMPANY_VERIFICATION_CHANGED, .guard = reviewed_verification, \
	.column = "verification_status"

static const struct transition company_transitions[] = {
	{ NULL, NULL, "DRAFT", SIGNED_IN },
	{ "activate", "DRAFT", "ACTIVE", SYS, &EV_COMPANY_ACTIVATED, reviewed_activate },
	{ "suspend", "ACTIVE", "SUSPENDED",
	    STAFF_NOT_OWNER_OR_SYS("company-profiles.suspend"),
	    &EV_COMPANY_SUSPENDED, reviewed_suspend, .body = reason_body,
	    .doc = "Take the company off the market; its jobs close." },
	{ "reinstate", "SUSPENDED", "ACTIVE",
	    STAFF_NOT_OWNER_OR_SYS("company-profiles.reinstate"),
	    &EV_COMPANY_REINSTATED, reviewed_reinstate, .body = reinstate_body,
	    .doc = "Bring a suspended company back." },

	{ "submit", NULL, "PENDING", OWNER, &EV_COMPANY_SUBMITTED, reviewed_submit, APPROVAL,
	    .doc = "Ask for approval." },
	{ "submit", "REJECTED", "PENDING", OWNER, &EV_COMPANY_SUBMITTED, reviewed_submit,
	    APPROVAL },
	{ "resubmit", "APPROVED", "PENDING", SYS, &EV_COMPANY_SUBMITTED, reviewed_submit,
	    APPROVAL },
	{ "approve", "PENDING", "APPROVED", SYS, NULL, NULL, APPROVAL },
	{ "reject", "PENDING", "REJECTED", SYS, NULL, NULL, APPROVAL },

	{ "ask-verification", NULL, "PENDING", SYS, VERIFICATION },
	{ "ask-verification", "REJECTED", "PENDING", SYS, VERIFICATION },
	{ "verify", "PENDING", "VERIFIED", SYS, VERIFICATION },
	{ "refuse-verification", "PENDING", "REJECTED", SYS, VERIFICATION },
	{ "lapse", "VERIFIED", "PENDING", { .who = WHO_SYS | WHO_CLK }, VERIFICATION },
	{ 0 }
};

const struct resource company_profile_resource = {
	.table = "company_profiles",
	.noun = "company",
	.module_key = "profiles",
	.label = "company_name",
	.recipient = "user_id",
	.columns = company_columns,
	.transitions = company_transitions,
	.flags = RES_REVIEWED,
	.visible = "t.status = 'ACTIVE' AND t.approval_status = 'APPROVED'",
	.read = ANYONE_OR("company-profiles.read"),
	.create = { .who = WHO_SIGNED_IN, .conditions = NEEDS_COMPANY },
	.update = OWNER_OR("company-profiles.update"),
	.remove = OWNER,
	.on_create = party_check_gst,
	.on_update = reviewed_edit,
	.on_remove = reviewed_remove,
	.changed = &EV_COMPANY_CHANGED,
	.doc = "A company that posts jobs. Contact details are for its owner and staff.",
};
