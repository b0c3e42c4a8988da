/*
 * Discounts that need no code. All rules in force apply, each to the totals of its lines; together
 * they never take more than there is. They come before the coupon (M3).
 */
#include "finance.h"

#include <string.h>

static const char *const scope_types[] = { "GLOBAL", "CATEGORY", "SERVICE", NULL };

static const struct column rule_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH, .max = 200 },
	{ "scope_type", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = scope_types,
	    .doc = "GLOBAL: every line; SERVICE: lines of the package or service scope_id; CATEGORY:"
	    " services of the profession whose role is scope_id." },
	{ "scope_id", COL_UUID, COL_FILTER, .doc = "Null for GLOBAL." },
	{ "discount_type", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = discount_types },
	{ "discount_value", COL_INT, COL_REQUIRED, .min = 1, .max = INT32_MAX,
	    .doc = "PERCENT: a whole percent; FLAT: paise off the document." },
	{ "starts_at", COL_TIME, COL_FILTER, .doc = "Default: now." },
	{ "ends_at", COL_TIME, COL_FILTER, .doc = "Exclusive; null: no end." },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static int
rule_check(struct request *rq, struct row *rule)
{
	bool global = strcmp(row_text(rule, "scope_type"), "GLOBAL") == 0;

	if (global && row_is_set(rule, "scope_id"))
		return fail_field(rq, "scope_id", "not_allowed", "a GLOBAL rule has no scope_id");
	if (!global && !row_is_set(rule, "scope_id"))
		return fail_field(rq, "scope_id", "required", "what the rule is for");
	if (check_discount(rq, rule) < 0)
		return -1;
	return check_period(rq, rule, "starts_at", "ends_at");
}

const struct resource discount_rule_resource = {
	.table = "discount_rules",
	.noun = "discount_rule",
	.module_key = "finance",
	.label = "name",
	.columns = rule_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("discount-rules.read"),
	.create = STAFF("discount-rules.create"),
	.update = STAFF("discount-rules.update"),
	.remove = STAFF("discount-rules.delete"),
	.on_create = rule_check,
	.on_update = rule_check,
	.changed = &EV_DISCOUNT_RULE_CHANGED,
	.doc = "Discounts without a code, before the coupon.",
};
