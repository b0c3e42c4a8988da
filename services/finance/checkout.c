/* POST /v1/orders and its preview: a quote, bound into an order or explained line by line. */
#include "finance.h"

#include <jansson.h>

#include "clock.h"
#include "config.h"

#define MINUTE_US 60000000LL

/* ---- the order ---- */

static struct row *
order_of_quote(struct request *rq, const struct quote *q)
{
	struct row *order = row_new(rq, &order_resource);
	char expires_at[CLOCK_TEXT];

	clock_format(rq->now_us + setting_int("finance.order_ttl_minutes") * MINUTE_US, expires_at);
	row_set(order, "order_type", q->order_type);
	row_set_int(order, "subtotal_inr", q->price.subtotal);
	row_set_int(order, "discount_inr", q->price.discount);
	row_set_int(order, "tax_inr", q->price.tax);
	row_set_int(order, "total_inr", q->price.total);
	row_set(order, "coupon_id", q->coupon != NULL ? row_id(q->coupon) : NULL);
	row_set(order, "buyer_name", q->buyer.name);
	row_set(order, "buyer_gstin", q->buyer.gstin);
	row_set(order, "place_of_supply", q->place_of_supply);
	row_set(order, "expires_at", q->price.total > 0 ? expires_at : NULL);
	return order;
}

static struct row *
item_of_quote(struct request *rq, const struct quote *q, unsigned i, const char *order_id)
{
	struct row *row = row_new(rq, &order_item_resource);
	const struct quote_item *item = &q->items[i];
	const struct price_line *line = &q->lines[i];

	row_set(row, "order_id", order_id);
	row_set(row, "item_type", item->item_type);
	row_set(row, "item_id", item->item_id);
	row_set(row, "item_name", item->name);
	row_set_int(row, "quantity", line->quantity);
	row_set_int(row, "unit_price_inr", line->unit_price);
	row_set_int(row, "total_price_inr", line->total);
	row_set_int(row, "line_number", i + 1);
	row_set_int(row, "discount_inr", line->discount);
	row_set_int(row, "taxable_inr", line->taxable);
	row_set(row, "tax_rate", item->tax_rate);
	row_set_int(row, "cgst_inr", line->cgst);
	row_set_int(row, "sgst_inr", line->sgst);
	row_set_int(row, "igst_inr", line->igst);
	row_set_int(row, "tracecoins", item->coins);
	if (item->validity_days > 0)
		row_set_int(row, "validity_days", item->validity_days);
	row_set(row, "tax_point", item->tax_point);
	row_set(row, "sac", item->sac);
	row_set(row, "package_type", item->package_type);
	return row;
}

static int
place(struct request *rq, const struct quote *q, struct row *order)
{
	struct event_out *ev = row_event(rq, order);
	struct row **items = arena_alloc(rq->arena, (q->n + 1) * sizeof(*items));

	if (row_insert(rq, order) < 0)
		return -1;
	for (unsigned i = 0; i < q->n; i++) {
		items[i] = item_of_quote(rq, q, i, row_id(order));
		if (row_insert(rq, items[i]) < 0)
			return -1;
	}
	order_describe(ev, items, q->coupon_code);
	if (q->coupon == NULL)
		return 0;
	return coupon_redeem(rq, q->coupon, order, q->coupon_discount.amount);
}

/* Nothing to pay completes it at once; else it waits for its payment until the clock ends it. */
int
order_create_route(struct request *rq)
{
	struct quote *q = arena_alloc(rq->arena, sizeof(*q));
	struct row *order;

	if (quote_make(rq, true, q) < 0)
		return -1;
	order = order_of_quote(rq, q);
	if (place(rq, q, order) < 0)
		return -1;
	if (q->price.total == 0 && row_follow(rq, order, "complete") < 0)
		return -1;
	return reply_row(rq, 201, order);
}

/* ---- the preview ---- */

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static const char *
tax_words(struct request *rq, const struct quote *q, unsigned i)
{
	const struct price_line *l = &q->lines[i];
	const char *rate = q->items[i].tax_rate;

	if (l->rate == 0)
		return "no GST";
	if (q->price.inter_state)
		return arena_printf(rq->arena, "IGST %s %% = %lld", rate, (long long)l->igst);
	return arena_printf(rq->arena, "GST %s %% half each: CGST %lld + SGST %lld", rate,
	    (long long)l->cgst, (long long)l->sgst);
}

/* One sentence from quantity to total, all in paise. */
static const char *
explain(struct request *rq, const struct quote *q, unsigned i)
{
	const struct price_line *l = &q->lines[i];

	return arena_printf(rq->arena,
	    "%lld x %lld = %lld; less %lld of the discounts = %lld taxable; %s; total %lld paise",
	    (long long)l->quantity, (long long)l->unit_price, (long long)l->total,
	    (long long)l->discount, (long long)l->taxable, tax_words(rq, q, i),
	    (long long)l->taxable + l->cgst + l->sgst + l->igst);
}

static json_t *
item_json(struct request *rq, const struct quote *q, unsigned i)
{
	const struct quote_item *item = &q->items[i];
	const struct price_line *l = &q->lines[i];

	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I,"
	    " s:o, s:s}", "line_number", (int)i + 1, "item_type", item->item_type, "item_id",
	    item->item_id, "item_name", item->name, "quantity", (json_int_t)l->quantity,
	    "unit_price_inr", (json_int_t)l->unit_price, "total_price_inr", (json_int_t)l->total,
	    "discount_inr", (json_int_t)l->discount, "taxable_inr", (json_int_t)l->taxable,
	    "tax_rate", item->tax_rate, "cgst_inr", (json_int_t)l->cgst,
	    "sgst_inr", (json_int_t)l->sgst, "igst_inr", (json_int_t)l->igst,
	    "total_inr", (json_int_t)l->taxable + l->cgst + l->sgst + l->igst,
	    "tracecoins", (json_int_t)item->coins, "validity_days",
	    item->validity_days > 0 ? json_integer(item->validity_days) : json_null(),
	    "explanation", explain(rq, q, i));
}

static json_t *
items_json(struct request *rq, const struct quote *q)
{
	json_t *items = json_array();

	for (unsigned i = 0; i < q->n; i++)
		json_array_append_new(items, item_json(rq, q, i));
	return items;
}

static json_t *
discount_json(const char *kind, const char *id, const char *name, const struct price_discount *d)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "kind", kind, "id", id, "name", name,
	    "discount_type", d->kind == PRICE_PERCENT ? "PERCENT" : "FLAT",
	    "discount_value", (json_int_t)d->value, "amount_inr", (json_int_t)d->amount);
}

static json_t *
discounts_json(const struct quote *q)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < q->price.nrules; i++)
		if (q->rules[i].amount > 0)
			json_array_append_new(all, discount_json("RULE", q->rule_ids[i],
			    q->rule_names[i], &q->rules[i]));
	if (q->coupon != NULL)
		json_array_append_new(all, discount_json("COUPON", row_id(q->coupon), q->coupon_code,
		    &q->coupon_discount));
	return all;
}

static const char *
supply_word(const struct quote *q)
{
	if (q->place_of_supply == NULL)
		return NULL;
	return q->price.inter_state ? "INTER_STATE" : "INTRA_STATE";
}

/* Shown also where the buyer's state is not known yet: the tax is then that of our own state. */
int
order_preview_route(struct request *rq)
{
	struct quote *q = arena_alloc(rq->arena, sizeof(*q));
	const struct price *p = &q->price;

	if (quote_make(rq, false, q) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I,"
	    " s:I, s:I, s:o, s:o, s:o, s:b}",
	    "order_type", q->order_type, "currency_code", "INR", "items", items_json(rq, q),
	    "discounts", discounts_json(q), "coupon_code", text_or_null(q->coupon_code),
	    "subtotal_inr", (json_int_t)p->subtotal, "discount_inr", (json_int_t)p->discount,
	    "taxable_inr", (json_int_t)p->taxable, "cgst_inr", (json_int_t)p->cgst,
	    "sgst_inr", (json_int_t)p->sgst, "igst_inr", (json_int_t)p->igst,
	    "tax_inr", (json_int_t)p->tax, "total_inr", (json_int_t)p->total,
	    "tracecoins", json_integer(quote_coins(q)), "place_of_supply",
	    text_or_null(q->place_of_supply), "supply", text_or_null(supply_word(q)),
	    "place_of_supply_needed", p->total > 0 && q->place_of_supply == NULL));
}
