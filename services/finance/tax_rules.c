/*
 * Rates of tax. Of the GST rules in force the one for the package type comes before that for
 * PACKAGE, a later effective_from before an earlier one. Orders and invoices copy the rate, so a
 * change touches none of them. TCS is withheld from payouts, never part of an order.
 */
#include "finance.h"

static const char *const tax_types[] = { "GST", "TCS", NULL };
static const char *const tax_subjects[] = { "PACKAGE", "SERVICE", "JOB_POSTING", "CONTACT_VIEWS",
	"TRACECOIN_BUNDLE", NULL };

static const struct column tax_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH, .max = 200 },
	{ "tax_type", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = tax_types },
	{ "tax_rate", COL_DECIMAL, COL_REQUIRED,
	    .pattern = "^(0?[0-9]{1,2}(\\.[0-9]{1,3})?|100(\\.0{1,3})?)$",
	    .doc = "Percent from 0 to 100 with three places, \"18.000\"." },
	{ "applies_to", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = tax_subjects },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "effective_from", COL_TIME, COL_FILTER, .doc = "Default: now." },
	{ "effective_to", COL_TIME, COL_FILTER, .doc = "Exclusive, later than effective_from; null: no end." },
	{ 0 }
};

static int
tax_check(struct request *rq, struct row *rule)
{
	int64_t rate = price_rate(row_text(rule, "tax_rate"));

	if (rate < 0)
		return fail_field(rq, "tax_rate", "out_of_range", "a percent from 0 to 100");
	row_set(rule, "tax_rate", arena_printf(rq->arena, "%lld.%03lld", (long long)rate / 1000,
	    (long long)rate % 1000));
	return check_period(rq, rule, "effective_from", "effective_to");
}

const struct resource tax_rule_resource = {
	.table = "tax_rules",
	.noun = "tax_rule",
	.module_key = "finance",
	.label = "name",
	.columns = tax_columns,
	.subject = SUBJECT_NOBODY,
	.read = SIGNED_IN,
	.create = STAFF("tax-rules.create"),
	.update = STAFF("tax-rules.update"),
	.remove = STAFF("tax-rules.delete"),
	.on_create = tax_check,
	.on_update = tax_check,
	.changed = &EV_TAX_RULE_CHANGED,
	.doc = "Rates of GST and TCS by what they apply to, with their time in force.",
};
