/*
 * A quote: what an order would cost and why. Reads the catalogue, the rules, the coupon and the
 * parties; the arithmetic is pricing.c's. A preview shows it, an order binds it.
 */
#include "finance.h"

#include <string.h>

#include "clock.h"
#include "db.h"
#include "gst.h"

_Static_assert(PRICE_LINES_MAX == 50, "the same as maxItems below");
const struct column order_body[] = {
	{ "order_type", COL_ENUM, COL_REQUIRED, .values = order_types },
	{ "items", COL_JSON, COL_REQUIRED, .schema = "{\"type\": \"array\", \"minItems\": 1, \"maxItems\": 50,"
	    " \"items\": {\"type\": \"object\", \"required\": [\"item_type\", \"item_id\", \"quantity\"],"
	    " \"additionalProperties\": false, \"properties\": {"
	    "\"item_type\": {\"type\": \"string\", \"enum\": [\"PACKAGE\", \"SERVICE\"]},"
	    " \"item_id\": {\"type\": \"string\", \"format\": \"uuid\"},"
	    " \"quantity\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000}}}}",
	    .doc = "Each of the order's own type." },
	{ "coupon_code", COL_TEXT, 0, .max = 60 },
	{ "place_of_supply", COL_TEXT, 0, .min = 2, .max = 2, .pattern = GST_STATE_PATTERN,
	    .doc = "GST state code of a buyer without a GSTIN whose profile names no state." },
	{ 0 }
};

/* ---- the items of the body ---- */

static int
fail_item(struct request *rq, size_t i, const char *field, const char *code, const char *detail)
{
	return fail_field(rq, arena_printf(rq->arena, "items/%zu/%s", i, field), code, "%s", detail);
}

/* Its form is order_body's schema. */
static void
take_item(struct request *rq, struct quote *q, size_t i, json_t *item)
{
	const char *type = json_string_value(json_object_get(item, "item_type"));
	const char *id = json_string_value(json_object_get(item, "item_id"));

	if (strcmp(type, q->order_type) != 0)
		fail_item(rq, i, "item_type", "not_allowed", "the same as order_type");
	q->items[i] = (struct quote_item){ .item_type = q->order_type, .item_id = id };
	q->lines[i].quantity = json_integer_value(json_object_get(item, "quantity"));
}

static int
take_items(struct request *rq, struct quote *q)
{
	json_t *items = body_json(rq, "items"), *item;
	size_t i;

	q->n = (unsigned)json_array_size(items);
	json_array_foreach(items, i, item)
		take_item(rq, q, i, item);
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

/* ---- the catalogue ---- */

static const char *
item_ids(struct request *rq, const struct quote *q)
{
	const char *ids[PRICE_LINES_MAX];

	for (unsigned i = 0; i < q->n; i++)
		ids[i] = q->items[i].item_id;
	return db_text_array(rq->arena, ids, q->n);
}

static const char *
now_text(struct request *rq)
{
	char *text = arena_alloc(rq->arena, CLOCK_TEXT);

	clock_format(rq->now_us, text);
	return text;
}

/* The rate of the GST rule in force; the nearest rule wins, see tax_rules.c. */
#define GST_RATE(nearest, general) \
	"(SELECT r.tax_rate FROM tax_rules r WHERE r.tax_type = 'GST' AND r.is_active" \
	" AND r.effective_from <= $2 AND (r.effective_to IS NULL OR r.effective_to > $2)" \
	" AND r.applies_to IN (" nearest ", " general ")" \
	" ORDER BY r.applies_to = " nearest " DESC, r.effective_from DESC, r.id DESC LIMIT 1)"

static struct db_result *
read_packages(struct request *rq, const struct quote *q)
{
	return db_query(rq,
	    "SELECT p.id, p.name, p.price_inr, p.package_type, p.tracecoins_included,"
	    " coalesce(p.validity_days, 0), p.tax_point, p.sac,"
	    " " GST_RATE("p.package_type", "'PACKAGE'")
	    " FROM pricing_packages p WHERE p.id = ANY ($1::uuid[]) AND p.is_active"
	    " AND p.effective_from <= $2 AND (p.effective_to IS NULL OR p.effective_to > $2)",
	    DB(item_ids(rq, q), now_text(rq)));
}

static int
row_of_item(const struct db_result *r, const char *item_id)
{
	for (int i = 0; i < db_rows(r); i++)
		if (strcasecmp(db_text(r, i, 0), item_id) == 0)
			return i;
	return -1;
}

/* Line i from tuple t. A voucher is taxed at redemption (M13), so its sale carries no tax. */
static int
fill_line(struct request *rq, struct quote *q, unsigned i, const struct db_result *r, int t)
{
	struct quote_item *item = &q->items[i];
	struct price_line *line = &q->lines[i];
	bool at_sale;

	item->item_id = db_text(r, t, 0);
	item->name = db_text(r, t, 1);
	item->package_type = db_text(r, t, 3);
	item->coins = db_int(r, t, 4) * line->quantity;
	item->validity_days = db_int(r, t, 5);
	item->tax_point = db_text(r, t, 6);
	item->sac = db_text(r, t, 7);
	at_sale = strcmp(item->tax_point, "SALE") == 0;
	item->tax_rate = at_sale && db_text(r, t, 8) != NULL ? db_text(r, t, 8) : "0.000";
	line->unit_price = db_int(r, t, 2);
	line->rate = price_rate(item->tax_rate);
	if (item->coins > INT32_MAX)
		return fail_item(rq, i, "quantity", "out_of_range", "too many tracecoins at once");
	return 0;
}

static int
fill_lines(struct request *rq, struct quote *q)
{
	struct db_result *r = read_packages(rq, q);

	if (r == NULL)
		return -1;
	for (unsigned i = 0; i < q->n; i++) {
		int t = row_of_item(r, q->items[i].item_id);
		if (t < 0)
			fail_item(rq, i, "item_id", "not_on_sale", "no such package is on sale");
		else
			fill_line(rq, q, i, r, t);
	}
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

/* ---- discounts ---- */

static struct price_discount
discount(const char *type, int64_t value, int64_t cap)
{
	return (struct price_discount){ .value = value, .cap = cap,
		.kind = strcmp(type, "PERCENT") == 0 ? PRICE_PERCENT : PRICE_FLAT };
}

/* Lines that a rule is for. Packages have no profession, so CATEGORY rules touch none of them. */
static uint64_t
lines_of_rule(const struct quote *q, const char *scope_type, const char *scope_id)
{
	uint64_t lines = 0;

	if (strcmp(scope_type, "GLOBAL") == 0)
		return ~(uint64_t)0;
	for (unsigned i = 0; i < q->n; i++)
		if (strcmp(scope_type, "SERVICE") == 0 && strcmp(q->items[i].item_id, scope_id) == 0)
			lines |= (uint64_t)1 << i;
	return lines;
}

static int
fill_rules(struct request *rq, struct quote *q)
{
	struct db_result *r = db_query(rq,
	    "SELECT id, name, scope_type, scope_id, discount_type, discount_value FROM discount_rules"
	    " WHERE is_active AND starts_at <= $2 AND (ends_at IS NULL OR ends_at > $2)"
	    " AND (scope_type = 'GLOBAL' OR scope_id = ANY ($1::uuid[])) ORDER BY id LIMIT 50",
	    DB(item_ids(rq, q), now_text(rq)));

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		q->rule_ids[i] = db_text(r, i, 0);
		q->rule_names[i] = db_text(r, i, 1);
		q->rules[i] = discount(db_text(r, i, 4), db_int(r, i, 5), NO_CAP);
		q->rules[i].lines = lines_of_rule(q, db_text(r, i, 2), db_text(r, i, 3));
		q->price.nrules = (unsigned)i + 1;
	}
	return r == NULL ? -1 : 0;
}

static int
fill_coupon(struct request *rq, struct quote *q, bool lock)
{
	int64_t cap;

	if (q->coupon_code == NULL)
		return 0;
	q->coupon = coupon_find(rq, q->coupon_code, lock);
	if (q->coupon == NULL || coupon_check_minimum(rq, q->coupon, q->price.after_rules) < 0)
		return -1;
	cap = row_is_set(q->coupon, "max_discount_inr") &&
	    strcmp(row_text(q->coupon, "discount_type"), "PERCENT") == 0 ?
	    row_int(q->coupon, "max_discount_inr") : NO_CAP;
	q->coupon_code = row_text(q->coupon, "code");
	q->coupon_discount = discount(row_text(q->coupon, "discount_type"),
	    row_int(q->coupon, "discount_value"), cap);
	q->price.coupon = &q->coupon_discount;
	return 0;
}

/* ---- parties ---- */

static int
fill_parties(struct request *rq, struct quote *q)
{
	const char *told = body_text(rq, "place_of_supply");

	party_ourselves(rq, &q->supplier);
	if (party_of_user(rq, rq->caller.user_id, &q->buyer) < 0)
		return -1;
	if (told != NULL && !gst_state_is_valid(told))
		return fail_field(rq, "place_of_supply", "not_allowed", "a GST state code");
	if (told != NULL && q->buyer.gstin != NULL && strcmp(told, q->buyer.state_code) != 0)
		return fail_field(rq, "place_of_supply", "not_allowed", "the GSTIN says %s",
		    q->buyer.state_code);
	q->place_of_supply = told != NULL ? told : q->buyer.state_code;
	q->price.inter_state = q->place_of_supply != NULL && q->supplier.state_code != NULL &&
	    strcmp(q->place_of_supply, q->supplier.state_code) != 0;
	return 0;
}

/* ---- all together ---- */

int64_t
quote_coins(const struct quote *q)
{
	int64_t coins = 0;

	for (unsigned i = 0; i < q->n; i++)
		coins += q->items[i].coins;
	return coins;
}

static int
refuse_size(struct request *rq)
{
	return fail_field(rq, "items", "out_of_range", "an order this large cannot be placed");
}

static int
fill_price(struct request *rq, struct quote *q, bool binding)
{
	q->price.lines = q->lines;
	q->price.nlines = q->n;
	q->price.rules = q->rules;
	if (fill_rules(rq, q) < 0)
		return -1;
	if (price_before_coupon(&q->price) < 0 || quote_coins(q) > INT32_MAX)
		return refuse_size(rq);
	if (fill_coupon(rq, q, binding) < 0)
		return -1;
	if (price_compute(&q->price) < 0)	/* the tax comes on top */
		return refuse_size(rq);
	if (binding && q->price.total > 0 && q->place_of_supply == NULL)
		return fail_field(rq, "place_of_supply", "required",
		    "your state decides the tax; name it here or in your profile");
	return 0;
}

int
quote_make(struct request *rq, bool binding, struct quote *ret_quote)
{
	struct quote *q = ret_quote;

	memset(q, 0, sizeof(*q));
	q->order_type = body_text(rq, "order_type");
	q->coupon_code = body_text(rq, "coupon_code");
	if (strcmp(q->order_type, "PACKAGE") != 0)
		return fail_field(rq, "order_type", "not_allowed", "services cannot be ordered yet");
	if (take_items(rq, q) < 0 || fill_lines(rq, q) < 0 || fill_parties(rq, q) < 0)
		return -1;
	return fill_price(rq, q, binding);
}
