/*
 * Invoices: issued when an order is completed, with both parties and every line frozen. Never
 * changed but for their payment, never deleted, never renumbered.
 *
 * The number comes from a counter row that stays locked until the commit, so a rollback gives it
 * back and none is missing (M8). It is taken as late as can be: every invoice of a supplier waits
 * for that row.
 */
#include "finance.h"

#include <string.h>

#include "config.h"
#include "db.h"
#include "numbers.h"

static const char *const invoice_statuses[] = { "ISSUED", "PAID", NULL };

static const struct column invoice_columns[] = {
	COLUMN_ID,
	{ "order_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "orders" },
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER, .ref = "user_refs" },
	{ "invoice_number", COL_TEXT, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT },
	{ "subtotal_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "discount_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "tax_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "total_inr", COL_MONEY, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT },
	{ "status", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER, .values = invoice_statuses },
	{ "issued_at", COL_TIME, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT },
	{ "due_at", COL_TIME, COL_READONLY },
	{ "paid_at", COL_TIME, COL_READONLY | COL_FILTER },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "series", COL_TEXT, COL_READONLY | COL_REQUIRED },
	{ "financial_year", COL_TEXT, COL_READONLY | COL_REQUIRED | COL_FILTER, .doc = "2026-27." },
	{ "sequence", COL_INT, COL_READONLY | COL_REQUIRED, .doc = "The number's place in its series." },
	{ "supplier_user_id", COL_UUID, COL_READONLY, .ref = "user_refs", .doc = "Null: ourselves." },
	{ "supplier_name", COL_TEXT, COL_READONLY | COL_REQUIRED },
	{ "supplier_gstin", COL_TEXT, COL_READONLY | COL_REQUIRED, .doc = "Empty: not registered." },
	{ "supplier_state_code", COL_TEXT, COL_READONLY },
	{ "supplier_address", COL_TEXT, COL_READONLY },
	{ "buyer_name", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "buyer_gstin", COL_TEXT, COL_READONLY },
	{ "buyer_state_code", COL_TEXT, COL_READONLY },
	{ "buyer_address", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "place_of_supply", COL_TEXT, COL_READONLY, .doc = "GST state code." },
	{ "reverse_charge", COL_BOOL, COL_READONLY, .initial = "f" },
	{ "cgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "sgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "igst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ 0 }
};

static int invoice_pay(struct request *rq, struct row *invoice);

static const struct transition invoice_transitions[] = {
	{ NULL, NULL, "ISSUED", SYS, &EV_INVOICE_ISSUED, NULL },
	{ "pay", "ISSUED", "PAID", SYS, &EV_INVOICE_PAID, invoice_pay, .stamp = "paid_at" },
	{ 0 }
};

const struct resource invoice_resource = {
	.table = "invoices",
	.noun = "invoice",
	.module_key = "finance",
	.label = "invoice_number",
	.recipient = "user_id",
	.columns = invoice_columns,
	.transitions = invoice_transitions,
	.owner = "t.user_id = :me OR t.supplier_user_id = :me",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("invoices.read"),
	.created = &EV_INVOICE_ISSUED,
	.doc = "Tax invoices with both parties as they were.",
};

static const struct column line_columns[] = {
	COLUMN_ID,
	{ "invoice_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "invoices" },
	{ "line_number", COL_INT, COL_READONLY | COL_REQUIRED | COL_SORT },
	{ "order_item_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "order_items" },
	{ "description", COL_TEXT, COL_READONLY | COL_REQUIRED },
	{ "sac", COL_TEXT, COL_READONLY, .doc = "Services accounting code." },
	{ "quantity", COL_INT, COL_READONLY | COL_REQUIRED },
	{ "unit_price_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "discount_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "taxable_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ "tax_rate", COL_DECIMAL, COL_READONLY, .initial = "0.000" },
	{ "cgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "sgst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "igst_inr", COL_MONEY, COL_READONLY, .initial = "0" },
	{ "total_inr", COL_MONEY, COL_READONLY | COL_REQUIRED },
	{ 0 }
};

const struct resource invoice_line_resource = {
	.table = "invoice_lines",
	.noun = "invoice_line",
	.module_key = "finance",
	.columns = line_columns,
	.flags = RES_NO_VERSION,
	.owner = "EXISTS (SELECT FROM invoices i WHERE i.id = t.invoice_id"
	    " AND (i.user_id = :me OR i.supplier_user_id = :me))",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("invoices.read"),
	.child = { "invoices", "lines", "invoice_id" },
	.doc = "Lines of invoices with their tax.",
};

/* ---- issuing ---- */

static int
set_number(struct request *rq, struct row *invoice)
{
	char year[FINANCIAL_YEAR_TEXT], number[NUMBER_TEXT];
	json_t *setting = json_loads(setting_json("finance.invoice_series"), JSON_DECODE_ANY, NULL);
	const char *series = arena_strdup(rq->arena, json_string_value(setting));
	struct db_result *r;

	json_decref(setting);
	financial_year(rq->now_us, year);
	r = db_query(rq, "INSERT INTO invoice_counters (supplier_gstin, series, financial_year,"
	    " last_number) VALUES ($1, $2, $3, 1) ON CONFLICT (supplier_gstin, series, financial_year)"
	    " DO UPDATE SET last_number = invoice_counters.last_number + 1 RETURNING last_number",
	    DB(row_text(invoice, "supplier_gstin"), series, year));
	if (r == NULL)
		return -1;
	if (series == NULL || number_format(series, year, db_int(r, 0, 0), number) < 0) {
		rq->problem.internal = "finance.invoice_series makes no valid invoice number";
		return fail(rq, ERR_INTERNAL, "invoices cannot be numbered now");
	}
	row_set(invoice, "invoice_number", number);
	row_set(invoice, "series", series);
	row_set(invoice, "financial_year", year);
	row_set(invoice, "sequence", db_text(r, 0, 0));
	return 0;
}

static int
set_parties(struct request *rq, struct row *invoice, const struct row *order)
{
	struct party supplier, buyer;
	const char *gstin = row_text(order, "buyer_gstin");
	const char *place = row_text(order, "place_of_supply");

	party_ourselves(rq, &supplier);
	if (party_of_user(rq, row_text(order, "user_id"), &buyer) < 0)
		return -1;
	row_set(invoice, "supplier_name", supplier.name);
	row_set(invoice, "supplier_gstin", supplier.gstin != NULL ? supplier.gstin : "");
	row_set(invoice, "supplier_state_code", supplier.state_code);
	row_set(invoice, "supplier_address", supplier.address);
	row_set(invoice, "buyer_name", row_text(order, "buyer_name"));
	row_set(invoice, "buyer_gstin", gstin);
	row_set(invoice, "buyer_state_code", gstin != NULL ? arena_strndup(rq->arena, gstin, 2) : place);
	row_set(invoice, "buyer_address", buyer.address);
	row_set(invoice, "place_of_supply", place);
	return 0;
}

static void
set_amounts(struct row *invoice, const struct row *order, struct row *const *items)
{
	static const char *const copied[] = { "subtotal_inr", "discount_inr", "tax_inr", "total_inr" };
	static const char *const summed[] = { "cgst_inr", "sgst_inr", "igst_inr" };

	for (size_t i = 0; i < COUNT_OF(copied); i++)
		row_set(invoice, copied[i], row_text(order, copied[i]));
	for (size_t i = 0; i < COUNT_OF(summed); i++) {
		int64_t sum = 0;
		for (unsigned j = 0; items[j] != NULL; j++)
			sum += row_int(items[j], summed[i]);
		row_set_int(invoice, summed[i], sum);
	}
}

static struct row *
line_of_item(struct request *rq, const struct row *invoice, const struct row *item)
{
	static const char *const copied[] = { "line_number", "sac", "quantity", "unit_price_inr",
		"discount_inr", "taxable_inr", "tax_rate", "cgst_inr", "sgst_inr", "igst_inr" };
	struct row *line = row_new(rq, &invoice_line_resource);

	for (size_t i = 0; i < COUNT_OF(copied); i++)
		row_set(line, copied[i], row_text(item, copied[i]));
	row_set(line, "invoice_id", row_id(invoice));
	row_set(line, "order_item_id", row_id(item));
	row_set(line, "description", row_text(item, "item_name"));
	row_set_int(line, "total_inr", row_int(item, "taxable_inr") + row_int(item, "cgst_inr") +
	    row_int(item, "sgst_inr") + row_int(item, "igst_inr"));
	return line;
}

static int
insert_lines(struct request *rq, const struct row *invoice, struct row *const *items,
    struct row **lines)
{
	for (unsigned i = 0; items[i] != NULL; i++) {
		lines[i] = line_of_item(rq, invoice, items[i]);
		if (row_insert(rq, lines[i]) < 0)
			return -1;
	}
	return 0;
}

static void
tell_lines(struct event_out *ev, struct row *const *lines)
{
	for (; *lines != NULL; lines++)
		event_fill_from_row(event_add_message(ev, "lines"), *lines);
}

static int
invoice_pay(struct request *rq, struct row *invoice)
{
	struct event_out *ev = row_event(rq, invoice);
	struct row **lines = row_load_all(rq, &invoice_line_resource, "invoice_id", row_id(invoice));

	if (lines == NULL)
		return -1;
	tell_lines(ev, lines);
	return 0;
}

static unsigned
count_rows(struct row *const *rows)
{
	unsigned n = 0;

	while (rows[n] != NULL)
		n++;
	return n;
}

struct row *
invoice_issue(struct request *rq, const struct row *order, struct row *const *items)
{
	struct row *invoice = row_new(rq, &invoice_resource);
	struct row **lines = arena_alloc(rq->arena, (count_rows(items) + 1) * sizeof(*lines));
	struct event_out *ev;

	row_set(invoice, "order_id", row_id(order));
	row_set(invoice, "user_id", row_text(order, "user_id"));
	row_set_now(rq, invoice, "issued_at");
	row_set_now(rq, invoice, "due_at");
	set_amounts(invoice, order, items);
	if (set_parties(rq, invoice, order) < 0 || set_number(rq, invoice) < 0)
		return NULL;
	ev = row_event(rq, invoice);
	if (row_insert(rq, invoice) < 0 || insert_lines(rq, invoice, items, lines) < 0)
		return NULL;
	tell_lines(ev, lines);
	return row_follow(rq, invoice, "pay") < 0 ? NULL : invoice;
}
