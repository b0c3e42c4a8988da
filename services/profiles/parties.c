/* Customers, who post leads, and candidates, who apply for jobs: one of each per user, private. */
#include "gst.h"
#include "profiles.h"

static const char *const party_statuses[] = { "ACTIVE", "SUSPENDED", NULL };

static const struct column customer_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "display_name", COL_TEXT, COL_SEARCH | COL_SORT | COL_PERSONAL, .max = 200 },
	{ "phone", COL_PHONE, COL_PRIVATE | COL_PERSONAL,
	    .doc = "Shown to a professional whose request was accepted." },
	{ "email", COL_EMAIL, COL_PRIVATE | COL_PERSONAL, .doc = "As phone." },
	{ "location", COL_TEXT, COL_FILTER | COL_PERSONAL, .max = 200 },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = party_statuses },
	{ "state_code", COL_TEXT, 0, .max = 2, .pattern = GST_STATE_PATTERN,
	    .doc = "GST state code: place of supply." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column candidate_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "display_name", COL_TEXT, COL_SEARCH | COL_SORT | COL_PERSONAL, .max = 200 },
	{ "bio", COL_TEXT, COL_SEARCH | COL_PERSONAL | COL_NO_CONTACT, .max = 4000 },
	{ "location", COL_TEXT, COL_FILTER | COL_PERSONAL, .max = 200 },
	{ "experience_years", COL_INT, COL_FILTER | COL_SORT, .max = 80 },
	{ "preferred_roles", COL_TEXT_ARRAY, COL_FILTER | COL_REQUIRED, .initial = "[]",
	    .max = 50 },
	{ "expected_salary_inr", COL_MONEY, COL_PRIVATE | COL_PERSONAL, .doc = "In paise." },
	{ "resume_file_url", COL_URL, COL_PRIVATE | COL_PERSONAL, .max = 2000,
	    .doc = "Reference into the object store; shown only to companies applied to." },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = party_statuses },
	{ "state_code", COL_TEXT, 0, .max = 2, .pattern = GST_STATE_PATTERN,
	    .doc = "GST state code: place of supply." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

/* The status follows the user's account. */
static const struct transition party_transitions[] = {
	{ NULL, NULL, "ACTIVE", SIGNED_IN },
	{ "suspend", "ACTIVE", "SUSPENDED", SYS },
	{ "reinstate", "SUSPENDED", "ACTIVE", SYS },
	{ 0 }
};

const struct resource customer_profile_resource = {
	.table = "customer_profiles",
	.noun = "customer",
	.module_key = "profiles",
	.label = "display_name",
	.recipient = "user_id",
	.columns = customer_columns,
	.transitions = party_transitions,
	.read = OWNER_OR("customer-profiles.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("customer-profiles.update"),
	.on_create = party_check_gst,
	.on_update = party_check_gst,
	.changed = &EV_CUSTOMER_CHANGED,
	.doc = "Who posts leads.",
};

const struct resource candidate_profile_resource = {
	.table = "candidate_profiles",
	.noun = "candidate",
	.module_key = "profiles",
	.label = "display_name",
	.recipient = "user_id",
	.columns = candidate_columns,
	.transitions = party_transitions,
	.read = OWNER_OR("candidate-profiles.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("candidate-profiles.update"),
	.on_create = party_check_gst,
	.on_update = party_check_gst,
	.changed = &EV_CANDIDATE_CHANGED,
	.doc = "Who applies for jobs.",
};
