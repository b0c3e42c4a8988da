/* Words and rules that the tables of prices share: packages, coupons, discount rules, tax rules. */
#include "finance.h"

#include <string.h>

#include "clock.h"

const char *const discount_types[] = { "PERCENT", "FLAT", NULL };
const char *const package_types[] = { "JOB_POSTING", "CONTACT_VIEWS", "TRACECOIN_BUNDLE", NULL };
const char *const order_types[] = { "PACKAGE", "SERVICE", NULL };

int
check_discount(struct request *rq, const struct row *row)
{
	const char *type = row_text(row, "discount_type");

	if (type != NULL && strcmp(type, "PERCENT") == 0 && row_int(row, "discount_value") > 100)
		return fail_field(rq, "discount_value", "out_of_range", "a whole percent from 1 to 100");
	return 0;
}

int
check_period(struct request *rq, struct row *row, const char *from, const char *to)
{
	if (!row_is_set(row, from))
		row_set_now(rq, row, from);
	if (row_is_set(row, to) && clock_parse(row_text(row, to)) <= clock_parse(row_text(row, from)))
		return fail_field(rq, to, "out_of_range", "later than %s", from);
	return 0;
}
