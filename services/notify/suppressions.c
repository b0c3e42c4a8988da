/* Addresses that get no mail any more, of one topic or of all. */
#include "notify.h"

static const char *const reasons[] = { "BOUNCE", "COMPLAINT", "UNSUBSCRIBE", "MANUAL", NULL };

static const struct column suppression_columns[] = {
	COLUMN_ID,
	{ "email", COL_EMAIL, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_PERSONAL },
	{ "reason", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = reasons, .initial = "MANUAL" },
	{ "topic", COL_TEXT, COL_CREATE_ONLY | COL_FILTER, .max = 60, .doc = "null: every topic." },
	{ "email_log_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "email_logs", .doc = "The mail that told." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource suppressions_resource = {
	.table = "suppressions",
	.noun = "suppression",
	.module_key = "notifications",
	.columns = suppression_columns,
	.subject = "EXISTS (SELECT FROM user_refs u WHERE u.id = :me AND lower(u.email) = lower(t.email))",
	.read = STAFF("suppressions.read"),
	.create = STAFF("suppressions.create"),
	.remove = STAFF("suppressions.delete"),
	.changed = &EV_SUPPRESSION_CHANGED,
	.doc = "Addresses that are not written to. Critical mails stop for dead addresses alone.",
};
