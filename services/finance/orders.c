/*
 * Orders and their items. An order is placed by checkout.c, completed here once nothing is left to
 * pay, and cancelled by its owner, by staff or by the clock. Both ends are final.
 *
 * Completion is one transaction: invoice with its number, coins, order.completed.
 */
#include "finance.h"

#include <string.h>

#include "clock.h"
#include "db.h"

#define DAY_US (24 * 3600 * 1000000LL)

static const char *const order_statuses[] = { "PENDING", "COMPLETED", "CANCELLED", NULL };
static const char *const tax_points[] = { "SALE", "REDEMPTION", NULL };

static const struct column order_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER, .ref = "user_refs" },
	{ "order_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = order_types },
	{ "subtotal_inr", COL_MONEY, COL_READONLY | COL_REQUIRED, .doc = "Paise before discount and tax." },
	{ "discount_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "tax_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "total_inr", COL_MONEY, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT,
	    .doc = "subtotal - discount + tax." },
	{ "status", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = order_statuses },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "coupon_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "coupons" },
	{ "supplier_profile_id", COL_UUID, COL_READONLY, .ref = "role_profile_refs",
	    .doc = "The professional who supplies a SERVICE order; null: ourselves." },
	{ "buyer_name", COL_TEXT, COL_PERSONAL, .max = 200,
	    .doc = "Name on the invoice; may be changed until the order is completed." },
	{ "buyer_gstin", COL_TEXT, COL_READONLY },
	{ "place_of_supply", COL_TEXT, COL_READONLY, .doc = "GST state code." },
	{ "expires_at", COL_TIME, COL_READONLY, .doc = "When it is cancelled if still unpaid." },
	{ "completed_at", COL_TIME, COL_READONLY | COL_FILTER },
	{ "cancelled_at", COL_TIME, COL_READONLY },
	{ "cancel_reason", COL_TEXT, COL_READONLY },
	{ 0 }
};

static int order_update(struct request *rq, struct row *order);
static int order_complete(struct request *rq, struct row *order);
static int order_cancel(struct request *rq, struct row *order);
static int order_expire(struct request *rq, struct row *order);

static const struct column cancel_body[] = {
	{ "reason", COL_TEXT, 0, .max = 500 },
	{ 0 }
};

static const struct transition order_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN, &EV_ORDER_CREATED, NULL },
	{ "complete", "PENDING", "COMPLETED", SYS, &EV_ORDER_COMPLETED, order_complete,
	    .stamp = "completed_at" },
	{ "cancel", "PENDING", "CANCELLED", OWNER_OR("orders.cancel"), &EV_ORDER_CANCELLED,
	    order_cancel, .stamp = "cancelled_at", .body = cancel_body,
	    .doc = "Give an unpaid order up; its coupon's slot comes free." },
	{ "expire", "PENDING", "CANCELLED", CLK, &EV_ORDER_CANCELLED, order_expire,
	    .stamp = "cancelled_at" },
	{ 0 }
};

const struct resource order_resource = {
	.table = "orders",
	.noun = "order",
	.module_key = "finance",
	.recipient = "user_id",
	.columns = order_columns,
	.transitions = order_transitions,
	.flags = RES_IF_MATCH,
	.read = OWNER_OR("orders.read"),
	.update = OWNER,
	.on_update = order_update,
	.created = &EV_ORDER_CREATED,
	.changed = &EV_ORDER_CHANGED,
	.doc = "Orders; made by POST /v1/orders with their items.",
};

static const struct column item_columns[] = {
	COLUMN_ID,
	{ "order_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "orders" },
	{ "item_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = order_types },
	{ "item_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER },
	{ "item_name", COL_TEXT, COL_READONLY | COL_REQUIRED, .doc = "As it was called then." },
	{ "quantity", COL_INT, COL_READONLY | COL_REQUIRED },
	{ "unit_price_inr", COL_MONEY, COL_READONLY | COL_REQUIRED, .doc = "Paise, without tax." },
	{ "total_price_inr", COL_MONEY, COL_READONLY | COL_REQUIRED,
	    .doc = "Paise before discount and tax." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "line_number", COL_INT, COL_READONLY | COL_REQUIRED | COL_SORT },
	{ "discount_inr", COL_MONEY, COL_READONLY, .initial = "0",
	    .doc = "The line's share of the order's discount." },
	{ "taxable_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "tax_rate", COL_DECIMAL, COL_READONLY, .initial = "0.000", .doc = "Percent." },
	{ "cgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "sgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "igst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "tracecoins", COL_INT, COL_READONLY, .initial = "0", .doc = "All units together." },
	{ "validity_days", COL_INT, COL_READONLY, .doc = "Life of those tracecoins; null: for ever." },
	{ "tax_point", COL_ENUM, COL_READONLY, .values = tax_points, .initial = "SALE" },
	{ "sac", COL_TEXT, COL_READONLY },
	{ "package_type", COL_ENUM, COL_READONLY | COL_FILTER, .values = package_types },
	{ 0 }
};

const struct resource order_item_resource = {
	.table = "order_items",
	.noun = "order_item",
	.module_key = "finance",
	.label = "item_name",
	.columns = item_columns,
	.owner = "EXISTS (SELECT FROM orders o WHERE o.id = t.order_id AND o.user_id = :me)",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("orders.read"),
	.child = { "orders", "items", "order_id" },
	.doc = "What was bought, frozen as bought.",
};

/* ---- events ---- */

void
order_describe(struct event_out *ev, struct row *const *items, const char *coupon_code)
{
	for (; *items != NULL; items++)
		event_fill_from_row(event_add_message(ev, "items"), *items);
	event_set_text(ev, "coupon_code", coupon_code);
}

static int
describe_stored(struct request *rq, struct event_out *ev, const struct row *order,
    struct row ***ret_items)
{
	struct row **items = row_load_all(rq, &order_item_resource, "order_id", row_id(order));
	struct row *coupon = NULL;

	if (items == NULL)
		return -1;
	if (row_is_set(order, "coupon_id")) {
		coupon = row_load(rq, &coupon_resource, row_text(order, "coupon_id"), false);
		if (coupon == NULL)
			return -1;
	}
	order_describe(ev, items, coupon != NULL ? row_text(coupon, "code") : NULL);
	*ret_items = items;
	return 0;
}

static int
order_update(struct request *rq, struct row *order)
{
	struct row **items;

	if (strcmp(row_text(order, "status"), "PENDING") != 0)
		return fail(rq, ERR_CONFLICT, "this order is %s and stays as it is",
		    row_text(order, "status"));
	return describe_stored(rq, row_event(rq, order), order, &items);
}

/* ---- completion ---- */

/* Coins of one line; a line without any is not booked. */
static int
credit_item(struct request *rq, struct row *wallet, const struct row *item)
{
	struct movement m = { .amount = row_int(item, "tracecoins"), .reference_type = "PURCHASE",
		.reference_id = row_id(item), .remarks = row_text(item, "item_name") };
	int64_t days = row_int(item, "validity_days");

	if (m.amount == 0)
		return 0;
	return wallet_credit(rq, wallet, &m, days > 0 ? rq->now_us + days * DAY_US : 0);
}

static int
credit_items(struct request *rq, const struct row *order, struct row *const *items,
    struct event_out *ev)
{
	int64_t coins = 0;
	struct row *wallet;

	for (unsigned i = 0; items[i] != NULL; i++)
		coins += row_int(items[i], "tracecoins");
	if (coins == 0)
		return 0;
	wallet = wallet_open(rq, row_text(order, "user_id"));
	if (wallet == NULL)
		return -1;
	for (unsigned i = 0; items[i] != NULL; i++)
		if (credit_item(rq, wallet, items[i]) < 0)
			return -1;
	event_set_text(ev, "wallet_id", row_id(wallet));
	event_set_int(ev, "tracecoins_credited", coins);
	event_set_int(ev, "balance_after", row_int(wallet, "current_balance"));
	return 0;
}

/*
 * The coins before the invoice: its number's counter is the row that all orders of a supplier
 * share, so it is locked last. Everything a receipt needs goes into the event.
 */
static int
order_complete(struct request *rq, struct row *order)
{
	struct event_out *ev = row_event(rq, order);
	struct row **items, *invoice;

	if (describe_stored(rq, ev, order, &items) < 0 || credit_items(rq, order, items, ev) < 0)
		return -1;
	invoice = invoice_issue(rq, order, items);
	if (invoice == NULL)
		return -1;
	event_set_int(ev, "cgst_inr", row_int(invoice, "cgst_inr"));
	event_set_int(ev, "sgst_inr", row_int(invoice, "sgst_inr"));
	event_set_int(ev, "igst_inr", row_int(invoice, "igst_inr"));
	event_set_text(ev, "invoice_id", row_id(invoice));
	event_set_text(ev, "invoice_number", row_text(invoice, "invoice_number"));
	event_label(ev, row_text(invoice, "invoice_number"));
	return 0;
}

/* ---- cancellation ---- */

static int
cancel(struct request *rq, struct row *order, const char *cause, const char *reason)
{
	struct event_out *ev = row_event(rq, order);
	struct row **items;

	row_set(order, "cancel_reason", reason);
	event_set_text(ev, "cause", cause);
	if (describe_stored(rq, ev, order, &items) < 0)
		return -1;
	return coupon_release(rq, row_id(order));
}

static int
order_cancel(struct request *rq, struct row *order)
{
	bool own = caller_is(rq, row_text(order, "user_id"));

	return cancel(rq, order, own ? "USER" : "STAFF", body_text(rq, "reason"));
}

static int
order_expire(struct request *rq, struct row *order)
{
	return cancel(rq, order, "EXPIRED", "not paid in time");
}

/* An order with a payment under way is left to whoever settles that payment. */
int
orders_expire_clock(struct request *rq)
{
	char now[CLOCK_TEXT];
	struct db_result *r;

	clock_format(rq->now_us, now);
	r = db_query(rq, "SELECT id FROM orders o WHERE status = 'PENDING' AND expires_at <= $1"
	    " AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = o.id"
	    " AND p.status IN ('PENDING', 'SUCCESS')) ORDER BY id LIMIT 100"
	    " FOR NO KEY UPDATE SKIP LOCKED", DB(now));
	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *order = row_load(rq, &order_resource, db_text(r, i, 0), true);
		if (order == NULL || row_transition(rq, order, "expire") < 0)
			return -1;
	}
	return r == NULL ? -1 : 0;
}
