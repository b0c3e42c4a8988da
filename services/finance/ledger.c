/*
 * The ledger of tracecoins: one insert-only entry per movement, each with the balance it leaves
 * (L1). The database checks the chain once more and refuses every change of an entry.
 *
 * References (L2): a purchase is CREDIT PURCHASE(order item), its expiry DEBIT PURCHASE; a gift is
 * CREDIT BONUS, its expiry DEBIT BONUS; a hold is DEBIT LEAD(request) or JOB(posting), its return
 * CREDIT of the same. So each reference has at most one debit and one credit.
 */
#include "finance.h"

#include <string.h>

static const char *const transaction_types[] = { "CREDIT", "DEBIT", NULL };
const char *const reference_types[] = { "JOB", "LEAD", "PURCHASE", "BONUS", NULL };

static const struct column ledger_columns[] = {
	COLUMN_ID,
	{ "wallet_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "tracecoin_wallets" },
	{ "transaction_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .values = transaction_types },
	{ "amount", COL_INT, COL_READONLY | COL_REQUIRED | COL_FILTER, .doc = "Tracecoins, above 0." },
	{ "balance_after", COL_INT, COL_READONLY | COL_REQUIRED, .doc = "Tracecoins." },
	{ "reference_type", COL_ENUM, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .values = reference_types },
	{ "reference_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER,
	    .doc = "PURCHASE: an order item; LEAD: a lead request; JOB: a posting of a job; BONUS: a"
	    " gift." },
	{ "remarks", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	{ "sequence", COL_INT, COL_READONLY, .doc = "1, 2, 3 … per wallet." },
	{ 0 }
};

const struct resource ledger_resource = {
	.table = "tracecoin_ledger",
	.noun = "ledger_entry",
	.module_key = "finance",
	.columns = ledger_columns,
	.flags = RES_NO_VERSION,
	.owner = "EXISTS (SELECT FROM tracecoin_wallets w WHERE w.id = t.wallet_id AND w.user_id = :me)",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("tracecoin-ledger.read"),
	.child = { "tracecoin_wallets", "ledger", "wallet_id" },
	.doc = "Every movement of tracecoins; nothing in it ever changes.",
};

static struct row *
new_entry(struct request *rq, const struct row *wallet, const char *transaction_type,
    const struct movement *m, int64_t balance)
{
	struct row *entry = row_new(rq, &ledger_resource);

	row_set(entry, "wallet_id", row_id(wallet));
	row_set(entry, "transaction_type", transaction_type);
	row_set_int(entry, "amount", m->amount);
	row_set_int(entry, "balance_after", balance);
	row_set(entry, "reference_type", m->reference_type);
	row_set(entry, "reference_id", m->reference_id);
	row_set(entry, "remarks", m->remarks);
	return entry;
}

static void
describe(struct event_out *ev, const struct row *entry, const struct movement *m)
{
	event_set_text(ev, "ledger_id", row_id(entry));
	event_set_text(ev, "transaction_type", row_text(entry, "transaction_type"));
	event_set_int(ev, "amount", m->amount);
	event_set_int(ev, "balance_after", row_int(entry, "balance_after"));
	event_set_text(ev, "reference_type", m->reference_type);
	event_set_text(ev, "reference_id", m->reference_id);
	event_set_text(ev, "subject_id", m->subject_id);
	event_set_text(ev, "remarks", m->remarks);
}

struct row *
ledger_entry(struct request *rq, struct row *wallet, const char *transaction_type,
    const struct movement *m, struct event_out **ret_event)
{
	bool credit = strcmp(transaction_type, "CREDIT") == 0;
	int64_t balance = row_int(wallet, "current_balance") + (credit ? m->amount : -m->amount);
	struct row *entry = new_entry(rq, wallet, transaction_type, m, balance);

	if (m->amount < 1 || balance < 0 || balance > INT32_MAX) {
		fail(rq, ERR_CONFLICT, "a balance stays from 0 to %d tracecoins", INT32_MAX);
		return NULL;
	}
	*ret_event = row_event_as(rq, wallet, credit ? &EV_WALLET_CREDITED : &EV_WALLET_DEBITED);
	describe(*ret_event, entry, m);
	row_set_int(wallet, "current_balance", balance);
	return entry;
}

struct event_out *
ledger_book(struct request *rq, struct row *wallet, const char *transaction_type,
    const struct movement *m, const char **ret_ledger_id)
{
	struct event_out *ev;
	struct row *entry = ledger_entry(rq, wallet, transaction_type, m, &ev);

	if (entry == NULL || row_insert(rq, entry) < 0 || row_update(rq, wallet) < 0)
		return NULL;
	*ret_ledger_id = row_id(entry);
	return ev;
}
