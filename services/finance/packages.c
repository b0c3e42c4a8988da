/*
 * Packages on sale: what they cost and bring. An order copies what it needs, so a change here
 * touches no order; a package that was ever ordered is switched off, not deleted.
 */
#include "finance.h"

#include "db.h"

static const char *const tax_points[] = { "SALE", "REDEMPTION", NULL };

static const struct column package_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT, .max = 200 },
	{ "description", COL_TEXT, COL_SEARCH },
	{ "package_type", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = package_types },
	{ "price_inr", COL_MONEY, COL_REQUIRED | COL_FILTER | COL_SORT,
	    .doc = "Paise, without tax." },
	{ "tracecoins_included", COL_INT, COL_REQUIRED | COL_FILTER | COL_SORT, .min = 0,
	    .max = 1000000, .initial = "0", .doc = "Tracecoins that one unit brings." },
	{ "validity_days", COL_INT, 0, .min = 1, .max = 36500,
	    .doc = "Life of those tracecoins; null: for ever." },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "tax_point", COL_ENUM, COL_REQUIRED, .values = tax_points, .initial = "SALE",
	    .doc = "REDEMPTION: a voucher, taxed when it is used and not when it is sold." },
	{ "sac", COL_TEXT, 0, .max = 8, .doc = "Services accounting code on the invoice." },
	{ "effective_from", COL_TIME, COL_FILTER, .doc = "On sale from then on; default: now." },
	{ "effective_to", COL_TIME, 0, .doc = "On sale until then, later than effective_from; null: no end." },
	{ 0 }
};

static int
package_check(struct request *rq, struct row *package)
{
	return check_period(rq, package, "effective_from", "effective_to");
}

static int
package_remove(struct request *rq, struct row *package)
{
	struct db_result *r = db_query(rq, "SELECT FROM order_items WHERE item_id = $1 LIMIT 1",
	    DB(row_id(package)));

	if (r == NULL)
		return -1;
	return db_rows(r) == 0 ? 0 : fail(rq, ERR_IN_USE,
	    "this package was ordered; switch it off with is_active false instead");
}

const struct resource pricing_package_resource = {
	.table = "pricing_packages",
	.noun = "pricing",
	.module_key = "finance",
	.label = "name",
	.columns = package_columns,
	.flags = RES_IF_MATCH,
	.visible = "t.is_active AND t.effective_from <= now()"
	    " AND (t.effective_to IS NULL OR t.effective_to > now())",
	.subject = SUBJECT_NOBODY,
	.read = ANYONE_OR("pricing-packages.read"),
	.create = STAFF("pricing-packages.create"),
	.update = STAFF("pricing-packages.update"),
	.remove = STAFF("pricing-packages.delete"),
	.on_create = package_check,
	.on_update = package_check,
	.on_remove = package_remove,
	.changed = &EV_PRICING_CHANGED,
	.doc = "Packages of tracecoins, job postings and contact views; anyone sees what is on sale.",
};
