/* nxt-finance: prices, orders, invoices, payments, tracecoins. A table of contents. */
#include "finance.h"

static const struct resource *const resources[] = {
	&pricing_package_resource,
	&coupon_resource,
	&coupon_redemption_resource,
	&discount_rule_resource,
	&tax_rule_resource,
	&wallet_resource,
	&ledger_resource,
	&coin_lot_resource,
	&order_resource,
	&order_item_resource,
	&invoice_resource,
	&invoice_line_resource,
	&payment_resource,
	&payment_transaction_resource,
	&payment_gateway_config_resource,
	NULL
};

static const struct route routes[] = {
	{ "POST", "/v1/orders", SIGNED_IN, order_create_route, .flags = ROUTE_IDEMPOTENCY,
	    .body = order_body, .summary = "Place an order; nothing to pay completes it at once.",
	    .answer = "orders", .status = 201 },
	{ "POST", "/v1/orders/preview", SIGNED_IN, order_preview_route, .flags = ROUTE_NO_TX,
	    .body = order_body, .summary = "What an order would cost, line by line.",
	    .answer = "{\"order_type\":\"…\",\"currency_code\":\"INR\",\"items\":[{\"line_number\":1,"
	    "\"item_type\":\"…\",\"item_id\":\"0192…\",\"item_name\":\"…\",\"quantity\":1,"
	    "\"unit_price_inr\":0,\"total_price_inr\":0,\"discount_inr\":0,\"taxable_inr\":0,"
	    "\"tax_rate\":\"18.000\",\"cgst_inr\":0,\"sgst_inr\":0,\"igst_inr\":0,\"total_inr\":0,"
	    "\"tracecoins\":0,\"validity_days?\":30,\"explanation\":\"…\"}],\"discounts\":[{"
	    "\"kind\":\"COUPON\",\"id\":\"0192…\",\"name\":\"…\",\"discount_type\":\"PERCENT\","
	    "\"discount_value\":10,\"amount_inr\":0}],\"coupon_code?\":\"…\",\"subtotal_inr\":0,"
	    "\"discount_inr\":0,\"taxable_inr\":0,\"cgst_inr\":0,\"sgst_inr\":0,\"igst_inr\":0,"
	    "\"tax_inr\":0,\"total_inr\":0,\"tracecoins\":0,\"place_of_supply?\":\"29\","
	    "\"supply?\":\"INTRA_STATE\",\"place_of_supply_needed\":false}" },
	{ "POST", "/v1/tracecoin-wallets/{id}/credit", STAFF("tracecoin-wallets.credit"),
	    wallet_credit_route, .flags = ROUTE_IDEMPOTENCY, .body = wallet_movement_body,
	    .summary = "Give coins: a BONUS, or what was taken for a LEAD or JOB back.",
	    .answer = "tracecoin_wallets" },
	{ "POST", "/v1/tracecoin-wallets/{id}/debit", STAFF("tracecoin-wallets.debit"),
	    wallet_debit_route, .flags = ROUTE_IDEMPOTENCY, .body = wallet_movement_body,
	    .summary = "Take coins; too few are refused.", .answer = "tracecoin_wallets",
	    .together = debits_together },
	{ "GET", "/v1/finance-checks", STAFF("finance-checks.read"), finance_check_route,
	    .summary = "Do coins, orders, invoices, payments and numbers agree?",
	    .answer = "{\"all_hold\": true, \"checks\": [{\"check\": \"…\", \"found\": 0,"
	    " \"expected\": 0, \"holds\": true}]}" },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "orders_expire", 30, orders_expire_clock, "Cancels orders not paid in time." },
	{ "lots_expire", 30, lots_clock, "Books the expiry of coins." },
	{ "lots_warn", 600, lots_warn_clock, "Tells owners of coins that end soon." },
	{ "finance_check", 3600, finance_check_clock, "Checks the books; the result is a metric." },
	{ 0 }
};

static const struct config_key config_keys[] = {
	{ "finance.bonus_limit_coins", "finance", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}", "1000",
	    "A bonus of more tracecoins is given by somebody whose role may approve requests." },
	{ "finance.supplier", "finance", "{\"type\":\"object\",\"properties\":{"
	    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},"
	    "\"gstin\":{\"type\":\"string\",\"pattern\":\"^([0-9]{2}[0-9A-Z]{13})?$\"},"
	    "\"state_code\":{\"type\":\"string\",\"pattern\":\"^[0-9]{2}$\"},"
	    "\"address\":{\"type\":\"string\",\"maxLength\":500}},"
	    "\"required\":[\"name\",\"state_code\"],\"additionalProperties\":false}",
	    "{\"name\":\"Nxtgauge\",\"gstin\":\"\",\"state_code\":\"29\",\"address\":\"\"}",
	    "Ourselves as supplier on invoices; a GSTIN decides the state." },
	{ "finance.invoice_series", "finance", "{\"type\":\"string\",\"pattern\":\"^[A-Z][A-Z0-9]{0,2}$\"}",
	    "\"NX\"", "First part of our invoice numbers." },
	{ "finance.order_ttl_minutes", "finance", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10080}", "30",
	    "How long an order waits for its payment." },
	{ "finance.wallet_low_threshold", "finance", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}", "10",
	    "The owner is told when the balance falls below this many tracecoins." },
	{ "finance.lot_warning_days", "finance", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":365}", "7",
	    "How many days before their end the owner is told of expiring coins." },
	{ 0 }
};

static const char *const republish[] = { "pricing_packages", "coupons", "discount_rules",
	"tax_rules", "tracecoin_wallets", "payment_gateway_configs", NULL };

static const struct service finance = {
	.name = "finance",
	.port = 8103,
	.resources = resources,
	.routes = routes,
	.subscriptions = finance_subscriptions,
	.clocks = clocks,
	.config_keys = config_keys,
	.republish = republish,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &finance);
}
