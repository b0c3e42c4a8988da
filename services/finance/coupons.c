/*
 * Coupons and their redemptions. A redemption is made with its order and counts against the limit
 * until the order is cancelled (C2); slots are counted with the coupon's row locked.
 */
#include "finance.h"

#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "db.h"

static const struct column coupon_columns[] = {
	COLUMN_ID,
	{ "code", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_TO_UPPER | COL_FILTER | COL_SORT,
	    .min = 1, .max = 40, .doc = "Compared in upper case without spaces around." },
	{ "description", COL_TEXT, COL_SEARCH },
	{ "discount_type", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = discount_types },
	{ "discount_value", COL_INT, COL_REQUIRED, .min = 1, .max = INT32_MAX,
	    .doc = "PERCENT: a whole percent; FLAT: paise." },
	{ "max_discount_inr", COL_MONEY, 0, .doc = "Cap of a PERCENT in paise; null: none." },
	{ "min_order_value_inr", COL_MONEY, 0,
	    .doc = "Paise after discount rules, before tax; null: none." },
	{ "valid_from", COL_TIME, COL_FILTER, .doc = "Default: now." },
	{ "valid_to", COL_TIME, COL_FILTER, .doc = "Exclusive, later than valid_from; null: no end." },
	{ "usage_limit", COL_INT, 0, .min = 1, .max = INT32_MAX, .doc = "Null: unlimited." },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

/* Live redemptions of a coupon; -1: failed. */
static int64_t
count_used(struct request *rq, const char *coupon_id)
{
	struct db_result *r = db_query(rq,
	    "SELECT count(*) FROM coupon_redemptions WHERE coupon_id = $1 AND released_at IS NULL",
	    DB(coupon_id));

	return r == NULL ? -1 : db_int(r, 0, 0);
}

static int
coupon_check(struct request *rq, struct row *coupon)
{
	const char *code = row_text(coupon, "code");

	if (strpbrk(code, " \t\n\r") != NULL)
		return fail_field(rq, "code", "not_allowed", "a code has no spaces inside");
	if (check_discount(rq, coupon) < 0)
		return -1;
	return check_period(rq, coupon, "valid_from", "valid_to");
}

static int
coupon_update(struct request *rq, struct row *coupon)
{
	int64_t used = count_used(rq, row_id(coupon));

	if (used < 0)
		return -1;
	event_set_int(row_event(rq, coupon), "used_count", used);
	return coupon_check(rq, coupon);
}

const struct resource coupon_resource = {
	.table = "coupons",
	.noun = "coupon",
	.module_key = "finance",
	.label = "code",
	.columns = coupon_columns,
	.flags = RES_IF_MATCH,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("coupons.read"),
	.create = STAFF("coupons.create"),
	.update = STAFF("coupons.update"),
	.remove = STAFF("coupons.delete"),
	.on_create = coupon_check,
	.on_update = coupon_update,
	.changed = &EV_COUPON_CHANGED,
	.doc = "Codes that lower the price of an order; one per order.",
};

static const struct column redemption_columns[] = {
	COLUMN_ID,
	{ "coupon_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "coupons" },
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER, .ref = "user_refs" },
	{ "order_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "orders" },
	{ "redeemed_at", COL_TIME, COL_READONLY | COL_REQUIRED | COL_FILTER },
	{ "discount_amount_inr", COL_MONEY, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .doc = "Paise." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "released_at", COL_TIME, COL_READONLY,
	    .doc = "When the order was cancelled and the slot came free." },
	{ 0 }
};

const struct resource coupon_redemption_resource = {
	.table = "coupon_redemptions",
	.noun = "coupon_redemption",
	.module_key = "finance",
	.recipient = "user_id",
	.columns = redemption_columns,
	.read = OWNER_OR("coupon-redemptions.read"),
	.child = { "coupons", "redemptions", "coupon_id" },
	.doc = "Which order used which coupon; made and released with the order.",
};

/* ---- use ---- */

static const char *
upper_trimmed(struct request *rq, const char *code)
{
	size_t n;
	char *copy;

	while (isspace((unsigned char)*code))
		code++;
	n = strlen(code);
	while (n > 0 && isspace((unsigned char)code[n - 1]))
		n--;
	copy = arena_strndup(rq->arena, code, n);
	for (char *p = copy; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return copy;
}

/* Validity (C1) but for the amount. */
static int
check_usable(struct request *rq, const struct row *coupon)
{
	int64_t used;

	if (!row_bool(coupon, "is_active"))
		return fail_field(rq, "coupon_code", "inactive", "this coupon is switched off");
	if (clock_parse(row_text(coupon, "valid_from")) > rq->now_us)
		return fail_field(rq, "coupon_code", "not_yet_valid", "this coupon is not valid yet");
	if (row_is_set(coupon, "valid_to") && clock_parse(row_text(coupon, "valid_to")) <= rq->now_us)
		return fail_field(rq, "coupon_code", "expired", "this coupon is not valid any more");
	if (!row_is_set(coupon, "usage_limit"))
		return 0;
	used = count_used(rq, row_id(coupon));
	if (used < 0)
		return -1;
	return used < row_int(coupon, "usage_limit") ? 0 :
	    fail(rq, ERR_CONFLICT, "this coupon is used up");
}

struct row *
coupon_find(struct request *rq, const char *code, bool lock)
{
	struct row *coupon = row_load_by_if_there(rq, &coupon_resource, "code", upper_trimmed(rq, code), lock);

	if (coupon == NULL && rq->problem.code == ERR_NONE)
		fail_field(rq, "coupon_code", "unknown", "there is no such coupon");
	return coupon == NULL || check_usable(rq, coupon) < 0 ? NULL : coupon;
}

int
coupon_check_minimum(struct request *rq, const struct row *coupon, int64_t amount)
{
	int64_t minimum = row_int(coupon, "min_order_value_inr");

	if (amount >= minimum)
		return 0;
	return fail_field(rq, "coupon_code", "below_minimum",
	    "this coupon needs an order of %lld paise; this one has %lld", (long long)minimum,
	    (long long)amount);
}

/*
 * A slot was taken or freed: told as a change of the coupon, whose version counts it. The fields
 * of that event are the redemption's.
 */
static int
tell(struct request *rq, struct row *coupon, const struct row *redemption,
    const struct event_type *type)
{
	int64_t used = count_used(rq, row_id(coupon));
	struct event_out *ev = row_event_as(rq, coupon, type);

	if (used < 0 || row_touch(rq, coupon) < 0)
		return -1;
	event_fill_from_row(ev, redemption);
	event_set_text(ev, "code", row_text(coupon, "code"));
	event_set_int(ev, "used_count", used);
	event_set_int(ev, "usage_limit", row_int(coupon, "usage_limit"));
	if (type == &EV_COUPON_RELEASED)
		event_set_text(ev, "cause", "ORDER_CANCELLED");
	return 0;
}

int
coupon_redeem(struct request *rq, struct row *coupon, const struct row *order, int64_t amount)
{
	struct row *redemption = row_new(rq, &coupon_redemption_resource);

	row_set(redemption, "coupon_id", row_id(coupon));
	row_set(redemption, "user_id", row_text(order, "user_id"));
	row_set(redemption, "order_id", row_id(order));
	row_set_now(rq, redemption, "redeemed_at");
	row_set_int(redemption, "discount_amount_inr", amount);
	if (row_insert(rq, redemption) < 0)
		return -1;
	return tell(rq, coupon, redemption, &EV_COUPON_REDEEMED);
}

int
coupon_release(struct request *rq, const char *order_id)
{
	struct row **held = row_load_all(rq, &coupon_redemption_resource, "order_id", order_id);
	struct row *coupon;

	if (held == NULL)
		return -1;
	if (held[0] == NULL || row_is_set(held[0], "released_at"))
		return 0;
	coupon = row_load(rq, &coupon_resource, row_text(held[0], "coupon_id"), true);
	if (coupon == NULL)
		return -1;
	row_set_now(rq, held[0], "released_at");
	if (row_update(rq, held[0]) < 0)
		return -1;
	return tell(rq, coupon, held[0], &EV_COUPON_RELEASED);
}
