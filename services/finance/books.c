/*
 * The books: do coins, orders, invoices, payments and numbers agree? Each check compares what is
 * with what must be (T30), all in one statement, so that they see one moment. A sub-select for each row of a table
 * needs an index: that of coin_lots holds the open ones, and no others hold coins.
 */
#include "finance.h"

#include <jansson.h>

#include "db.h"
#include "log.h"
#include "metrics.h"

static const char checks[] =
    "SELECT 'balances are credits less debits',"
    " (SELECT coalesce(sum(current_balance), 0) FROM tracecoin_wallets),"
    " (SELECT coalesce(sum(CASE transaction_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)"
    " FROM tracecoin_ledger)"
    " UNION ALL SELECT 'wallets whose balance is not their last entry''s',"
    " (SELECT count(*) FROM tracecoin_wallets w WHERE current_balance <> coalesce((SELECT"
    " balance_after FROM tracecoin_ledger l WHERE l.wallet_id = w.id ORDER BY sequence DESC"
    " LIMIT 1), 0)), 0"
    " UNION ALL SELECT 'wallets whose lots are not their balance',"
    " (SELECT count(*) FROM tracecoin_wallets w WHERE current_balance <> (SELECT"
    " coalesce(sum(remaining), 0) FROM coin_lots c WHERE c.wallet_id = w.id AND is_open)), 0"
    " UNION ALL SELECT 'coins bought are those of completed orders',"
    " (SELECT coalesce(sum(amount), 0) FROM tracecoin_ledger WHERE reference_type = 'PURCHASE'"
    " AND transaction_type = 'CREDIT'), (SELECT coalesce(sum(i.tracecoins), 0) FROM order_items i"
    " JOIN orders o ON o.id = i.order_id WHERE o.status = 'COMPLETED')"
    " UNION ALL SELECT 'paid invoices are captured payments',"
    " (SELECT coalesce(sum(total_inr), 0) FROM invoices WHERE status = 'PAID'),"
    " (SELECT coalesce(sum(p.captured_amount_inr), 0) FROM payments p"
    " WHERE p.status = 'SUCCESS' AND p.invoice_id IS NOT NULL)"
    " UNION ALL SELECT 'completed orders without one invoice',"
    " (SELECT count(*) FROM orders o WHERE status = 'COMPLETED' AND (SELECT count(*) FROM invoices"
    " i WHERE i.order_id = o.id AND i.total_inr = o.total_inr AND i.tax_inr = o.tax_inr) <> 1), 0"
    " UNION ALL SELECT 'orders whose lines do not add up',"
    " (SELECT count(*) FROM orders o JOIN (SELECT order_id, sum(total_price_inr) AS subtotal,"
    " sum(discount_inr) AS discount, sum(cgst_inr + sgst_inr + igst_inr) AS tax FROM order_items"
    " GROUP BY order_id) i ON i.order_id = o.id WHERE (o.subtotal_inr, o.discount_inr, o.tax_inr)"
    " <> (i.subtotal, i.discount, i.tax)), 0"
    " UNION ALL SELECT 'invoices whose lines do not add up',"
    " (SELECT count(*) FROM invoices i JOIN (SELECT invoice_id, sum(total_inr) AS total,"
    " sum(cgst_inr + sgst_inr + igst_inr) AS tax FROM invoice_lines GROUP BY invoice_id) l"
    " ON l.invoice_id = i.id WHERE (i.total_inr, i.tax_inr) <> (l.total, l.tax)), 0"
    " UNION ALL SELECT 'invoice series with gaps',"
    " (SELECT count(*) FROM invoice_counters c LEFT JOIN (SELECT supplier_gstin, series,"
    " financial_year, count(*) AS n, max(sequence) AS last FROM invoices GROUP BY 1, 2, 3) i"
    " USING (supplier_gstin, series, financial_year)"
    " WHERE c.last_number IS DISTINCT FROM i.n OR i.n IS DISTINCT FROM i.last), 0"
    " UNION ALL SELECT 'coupons used beyond their limit',"
    " (SELECT count(*) FROM coupons c WHERE usage_limit < (SELECT count(*) FROM coupon_redemptions"
    " r WHERE r.coupon_id = c.id AND r.released_at IS NULL)), 0";

/* GET /v1/finance-checks */
int
finance_check_route(struct request *rq)
{
	struct db_result *r = db_query(rq, checks, DB0);
	json_t *items = json_array();
	bool all = true;

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		bool holds = db_int(r, i, 1) == db_int(r, i, 2);
		json_array_append_new(items, json_pack("{s:s, s:I, s:I, s:b}", "check", db_text(r, i, 0),
		    "found", (json_int_t)db_int(r, i, 1), "expected", (json_int_t)db_int(r, i, 2),
		    "holds", holds));
		all = all && holds;
	}
	if (r == NULL) {
		json_decref(items);
		return -1;
	}
	return reply_json(rq, 200, json_pack("{s:b, s:o}", "all_hold", all, "checks", items));
}

int
finance_check_clock(struct request *rq)
{
	struct db_result *r = db_query(rq, checks, DB0);
	int wrong = 0;

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		if (db_int(r, i, 1) == db_int(r, i, 2))
			continue;
		log_error("books: %s: found %s, expected %s", db_text(r, i, 0), db_text(r, i, 1),
		    db_text(r, i, 2));
		wrong++;
	}
	metric_set(M_BOOKS_WRONG, wrong);
	return r == NULL ? -1 : 0;
}
