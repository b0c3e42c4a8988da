/* What people are told of orders, payments and tracecoins. Amounts: <name>_rs is <name>_inr in rupees. */
#include "rules.h"

static bool
is_cancelled_by_others(const struct event_in *ev)
{
	return !event_is(ev, "cause", "USER");
}

/* A purchase is told by its receipt. */
static bool
is_no_purchase(const struct event_in *ev)
{
	return !event_is(ev, "reference_type", "PURCHASE");
}

const struct rule rules_finance[] = {
	{
		.type = &EV_ORDER_COMPLETED, .topic = "billing", .channels = IN_APP | EMAIL, .is_critical = true,
		.to = { "user_id" }, .link = "/orders/{{id}}",
		.title = "Your order is complete: {{total_rs}}",
		.push = "{{#tracecoins_credited}}{{tracecoins_credited}} tracecoins were added to your wallet.{{/tracecoins_credited}}"
		    "{{^tracecoins_credited}}Thank you for your order.{{/tracecoins_credited}}",
		.subject = "Receipt for your order{{#invoice_number}} ({{invoice_number}}){{/invoice_number}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Thank you for your order of {{created_time}}.\n\n"
		    "{{#items}}\n{{quantity}} x {{item_name}}: {{total_price_rs}}\n{{/items}}\n\n"
		    "Subtotal: {{subtotal_rs}}\n"
		    "{{#discount_inr}}\nDiscount{{#coupon_code}} ({{coupon_code}}){{/coupon_code}}: -{{discount_rs}}\n{{/discount_inr}}\n"
		    "{{#cgst_inr}}\nCGST: {{cgst_rs}}\n{{/cgst_inr}}\n"
		    "{{#sgst_inr}}\nSGST: {{sgst_rs}}\n{{/sgst_inr}}\n"
		    "{{#igst_inr}}\nIGST: {{igst_rs}}\n{{/igst_inr}}\n"
		    "Total: {{total_rs}}\n\n"
		    "{{#invoice_number}}\nInvoice: {{invoice_number}}\n{{/invoice_number}}\n"
		    "{{#tracecoins_credited}}\nTracecoins credited: {{tracecoins_credited}}; balance: {{balance_after}}\n{{/tracecoins_credited}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_ORDER_CANCELLED, .topic = "billing", .channels = IN_APP | EMAIL,
		.when = is_cancelled_by_others, .to = { "user_id" }, .link = "/orders/{{id}}",
		.flags = { { "is_expired", "cause", "EXPIRED" } },
		.title = "Your order was cancelled",
		.push = "{{#is_expired}}It was not paid in time.{{/is_expired}}"
		    "{{^is_expired}}{{cancel_reason}}{{^cancel_reason}}You have not been charged.{{/cancel_reason}}{{/is_expired}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your order of {{created_time}} for {{total_rs}} was cancelled"
		    "{{#is_expired}} because it was not paid in time{{/is_expired}}.\n\n"
		    "{{#cancel_reason}}\nReason: {{cancel_reason}}\n{{/cancel_reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PAYMENT_FAILED, .topic = "billing", .channels = IN_APP | EMAIL, .to = { "user_id" },
		.link = "/orders/{{order_id}}",
		.title = "Your payment of {{amount_rs}} failed",
		.push = "{{#retriable}}You can try again.{{/retriable}}{{^retriable}}Please use another payment method.{{/retriable}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your payment of {{amount_rs}} failed. You have not been charged.\n\n"
		    "{{#retriable}}\nYou can try again:\n{{/retriable}}\n"
		    "{{^retriable}}\nPlease use another payment method:\n{{/retriable}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PAYMENT_REFUNDED, .topic = "billing", .channels = IN_APP | EMAIL, .is_critical = true,
		.to = { "user_id" }, .link = "/orders/{{order_id}}",
		.title = "Your refund of {{refund_rs}}",
		.push = "It should appear in your account within a few days.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We have refunded {{refund_rs}} of your payment of {{amount_rs}}. It should appear in your account "
		    "within a few days.\n\n"
		    "{{#refund_ref}}\nReference: {{refund_ref}}\n{{/refund_ref}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PAYMENT_MISMATCHED, .topic = "finance", .channels = IN_APP, .is_critical = true,
		.holders = "payments.read", .link = "/payments/{{id}}",
		.title = "Payment mismatch: {{expected_rs}} expected, {{got_rs}} received",
		.push = "{{gateway_key}} {{provider_payment_ref}}: {{cause}}. The order was not completed.",
	},
	{
		.type = &EV_PAYMENT_REFUND_REQUIRED, .topic = "finance", .channels = IN_APP, .is_critical = true,
		.holders = "payments.read", .link = "/payments/{{id}}",
		.title = "Refund required: {{refund_rs}}",
		.push = "{{gateway_key}} {{provider_payment_ref}}: {{cause}}.",
	},
	{
		.type = &EV_CREDIT_NOTE_ISSUED, .topic = "billing", .channels = IN_APP | EMAIL, .is_critical = true,
		.to = { "user_id" }, .link = "/orders/{{order_id}}",
		.title = "Credit note {{credit_note_number}}",
		.push = "We credited {{total_rs}} of invoice {{invoice_number}}.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We credited {{total_rs}} of invoice {{invoice_number}} with credit note {{credit_note_number}}.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_WALLET_CREDITED, .topic = "wallet", .channels = IN_APP, .when = is_no_purchase,
		.to = { "user_id" }, .link = "/tracecoin-wallets/{{id}}",
		.flags = { { "is_bonus", "reference_type", "BONUS" } },
		.title = "{{amount}} tracecoins {{#is_bonus}}were added to your wallet{{/is_bonus}}"
		    "{{^is_bonus}}were returned to your wallet{{/is_bonus}}",
		.push = "Your balance is now {{balance_after}}.{{#remarks}} {{remarks}}{{/remarks}}",
	},
	{
		.type = &EV_WALLET_DEBIT_REFUSED, .topic = "wallet", .channels = IN_APP, .to = { "user_id" },
		.link = "/pricing-packages",
		.title = "You do not have enough tracecoins",
		.push = "You need {{needed}} and have {{balance}}.",
	},
	{
		.type = &EV_WALLET_LOW, .topic = "wallet", .channels = IN_APP | EMAIL, .to = { "user_id" },
		.link = "/pricing-packages",
		.title = "You have {{balance}} tracecoins left",
		.push = "You may want to buy more.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "You have {{balance}} tracecoins left in your wallet. You can buy more here:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_WALLET_LOT_EXPIRING, .topic = "wallet", .channels = IN_APP | EMAIL, .to = { "user_id" },
		.link = "/tracecoin-wallets/{{id}}",
		.title = "{{lot_amount}} of your tracecoins will expire soon",
		.push = "They expire on {{expires_time}}.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{lot_amount}} of your {{balance}} tracecoins will expire on {{expires_time}}. The next time that "
		    "you spend tracecoins, these are used first.\n\n"
		    "{{link}}\n",
	},
	{ 0 }
};
