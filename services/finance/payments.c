/*
 * Payments, the transactions with their gateways, and the gateways' configuration. A payment is
 * moved by proof from the gateway alone; its machine is declared here, and the words that move it
 * are the service's own. Secrets are named in a configuration and live elsewhere.
 */
#include "finance.h"

#include <jansson.h>
#include <string.h>

static const char *const payment_statuses[] = { "PENDING", "SUCCESS", "FAILED", NULL };
static const char *const currencies[] = { "INR", NULL };

static const struct column payment_columns[] = {
	COLUMN_ID,
	{ "order_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "orders" },
	{ "invoice_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "invoices",
	    .doc = "Null until the capture: the invoice is issued with it." },
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER, .ref = "user_refs" },
	{ "payment_gateway_config_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .ref = "payment_gateway_configs" },
	{ "payment_method", COL_TEXT, COL_READONLY },
	{ "provider_payment_ref", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "The gateway's own id." },
	{ "amount_inr", COL_MONEY, COL_READONLY | COL_REQUIRED | COL_FILTER },
	{ "currency_code", COL_ENUM, COL_READONLY | COL_REQUIRED, .values = currencies,
	    .initial = "INR" },
	{ "status", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = payment_statuses },
	{ "initiated_at", COL_TIME, COL_READONLY | COL_REQUIRED | COL_FILTER },
	{ "completed_at", COL_TIME, COL_READONLY | COL_FILTER },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "provider_order_ref", COL_TEXT, COL_READONLY | COL_FILTER,
	    .doc = "The gateway's order or intent." },
	{ "captured_amount_inr", COL_MONEY, COL_READONLY, .doc = "Paise, as the gateway says." },
	{ "refunded_amount_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "error_class", COL_TEXT, COL_READONLY },
	{ "next_poll_at", COL_TIME, COL_READONLY | COL_STAFF_ONLY },
	{ "poll_attempts", COL_INT, COL_READONLY | COL_STAFF_ONLY, .initial = "0" },
	{ 0 }
};

static const struct transition payment_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN, &EV_PAYMENT_INITIATED, NULL },
	{ "succeed", "PENDING", "SUCCESS", SYS, &EV_PAYMENT_SUCCEEDED, NULL, .stamp = "completed_at" },
	{ "fail", "PENDING", "FAILED", SYS, &EV_PAYMENT_FAILED, NULL, .stamp = "completed_at" },
	{ "succeed", "FAILED", "SUCCESS", SYS, &EV_PAYMENT_SUCCEEDED, NULL, .stamp = "completed_at" },
	{ 0 }
};

const struct resource payment_resource = {
	.table = "payments",
	.noun = "payment",
	.module_key = "finance",
	.recipient = "user_id",
	.columns = payment_columns,
	.transitions = payment_transitions,
	.read = OWNER_OR("payments.read"),
	.created = &EV_PAYMENT_INITIATED,
	.child = { "orders", "payments", "order_id" },
	.doc = "Attempts to pay an order.",
};

/* ---- what was said to and by gateways ---- */

static const char *const transaction_types[] = { "INITIATED", "COMPLETED", "FAILED", NULL };

static const struct column transaction_columns[] = {
	COLUMN_ID,
	{ "payment_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "payments" },
	{ "transaction_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .values = transaction_types },
	{ "provider_reference", COL_TEXT, COL_READONLY | COL_FILTER },
	{ "request_payload_json", COL_JSON, COL_READONLY | COL_STAFF_ONLY, .doc = "Secrets masked." },
	{ "response_payload_json", COL_JSON, COL_READONLY | COL_STAFF_ONLY, .doc = "Secrets masked." },
	{ "status", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = transaction_types },
	COLUMN_CREATED,
	{ 0 }
};

static const struct transition transaction_births[] = {
	{ NULL, NULL, "INITIATED", SYS, NULL, NULL },
	{ NULL, NULL, "COMPLETED", SYS, NULL, NULL },
	{ NULL, NULL, "FAILED", SYS, NULL, NULL },
	{ 0 }
};

const struct resource payment_transaction_resource = {
	.table = "payment_transactions",
	.noun = "payment_transaction",
	.module_key = "finance",
	.columns = transaction_columns,
	.transitions = transaction_births,
	.flags = RES_NO_VERSION,
	.owner = "EXISTS (SELECT FROM payments p WHERE p.id = t.payment_id AND p.user_id = :me)",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("payments.read"),
	.child = { "payments", "transactions", "payment_id" },
	.doc = "One row per request to a gateway or word from it; nothing in it ever changes.",
};

/* ---- gateways ---- */

static const char *const gateway_keys[] = { "RAZORPAY", "STRIPE", NULL };

static const struct column gateway_columns[] = {
	COLUMN_ID,
	{ "gateway_key", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .values = gateway_keys },
	{ "display_name", COL_TEXT, COL_REQUIRED | COL_SEARCH, .max = 100 },
	{ "config_json", COL_JSON, COL_REQUIRED | COL_OBJECT, .initial = "{}",
	    .doc = "base_url, key_id, and names of secrets: key_secret_name, webhook_secret_name,"
	    " old_webhook_secret_name. Never a secret itself." },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

/* A name of a secret is short and plain, so that nobody can put the secret there. */
static bool
is_secret_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 64 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

static int
check_setting(struct request *rq, const char *name, const json_t *value)
{
	static const char *const known[] = { "base_url", "key_id", "key_secret_name",
		"webhook_secret_name", "old_webhook_secret_name" };
	const char *text = json_string_value(value);
	const char *field = arena_printf(rq->arena, "config_json/%s", name);
	size_t i = 0;

	while (i < COUNT_OF(known) && strcmp(known[i], name) != 0)
		i++;
	if (i == COUNT_OF(known))
		return fail_field(rq, field, "unknown_field", "no such setting; secrets are named only");
	if (text == NULL)
		return fail_field(rq, field, "wrong_type", "a string");
	if (strstr(name, "secret_name") != NULL && !is_secret_name(text))
		return fail_field(rq, field, "not_allowed",
		    "the name of a secret: small letters, digits, '-', '_', '.'");
	return 0;
}

static int
gateway_check(struct request *rq, struct row *gateway)
{
	json_t *config = json_loads(row_text(gateway, "config_json"), 0, NULL), *value;
	const char *name;

	json_object_foreach(config, name, value)
		check_setting(rq, arena_strdup(rq->arena, name), value);
	json_decref(config);
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

const struct resource payment_gateway_config_resource = {
	.table = "payment_gateway_configs",
	.noun = "payment_gateway_config",
	.module_key = "finance",
	.label = "display_name",
	.columns = gateway_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("payment-gateway-configs.read"),
	.create = SETTINGS("payment-gateway-configs.create"),
	.update = SETTINGS("payment-gateway-configs.update"),
	.remove = SETTINGS("payment-gateway-configs.delete"),
	.on_create = gateway_check,
	.on_update = gateway_check,
	.changed = &EV_PAYMENT_GATEWAY_CONFIG_CHANGED,
	.doc = "Payment gateways and the names of their secrets.",
};
