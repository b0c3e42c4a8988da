/*
 * Wallets: one per user, made when the user is activated. A balance changes by a ledger entry
 * alone, with the wallet's row locked; it is never negative (L1).
 *
 * Order of locks: an order, its coupon, the wallet, the invoice counter.
 */
#include "finance.h"

#include <string.h>

#include "config.h"
#include "db.h"
#include "refs.h"
#include "uuid.h"

static const struct column wallet_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED | COL_FILTER, .ref = "user_refs" },
	{ "current_balance", COL_INT, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT,
	    .initial = "0", .doc = "Tracecoins." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource wallet_resource = {
	.table = "tracecoin_wallets",
	.noun = "wallet",
	.module_key = "finance",
	.recipient = "user_id",
	.columns = wallet_columns,
	.read = OWNER_OR("tracecoin-wallets.read"),
	.changed = &EV_TRACECOIN_WALLET_CHANGED,
	.doc = "The tracecoins of a user.",
};

/* ---- opening ---- */

static struct row *
find_wallet(struct request *rq, const char *user_id)
{
	return row_load_by_if_there(rq, &wallet_resource, "user_id", user_id, true);
}

struct row *
wallet_open(struct request *rq, const char *user_id)
{
	struct row *wallet = find_wallet(rq, user_id);

	if (wallet != NULL || rq->problem.code != ERR_NONE)
		return wallet;
	/* two events of a new user may ask for it at once */
	if (db_lock(rq, arena_printf(rq->arena, "wallet:%s", user_id)) < 0)
		return NULL;
	wallet = find_wallet(rq, user_id);
	if (wallet != NULL || rq->problem.code != ERR_NONE)
		return wallet;
	refs_stub_user(rq, user_id);
	wallet = row_new(rq, &wallet_resource);
	row_set(wallet, "user_id", user_id);
	return row_insert(rq, wallet) < 0 ? NULL : wallet;
}

/* ---- moving coins ---- */

int
wallet_credit(struct request *rq, struct row *wallet, const struct movement *m, int64_t expires_us)
{
	const char *ledger_id;
	struct event_out *ev = ledger_book(rq, wallet, "CREDIT", m, &ledger_id);

	return ev == NULL ? -1 : lot_add(rq, wallet, ledger_id, m->amount, expires_us, ev);
}

static int
refuse_debit(struct request *rq, struct row *wallet, const struct movement *m)
{
	struct event_out *ev = row_event_as(rq, wallet, &EV_WALLET_DEBIT_REFUSED);

	event_set_int(ev, "needed", m->amount);
	event_set_int(ev, "balance", row_int(wallet, "current_balance"));
	event_set_text(ev, "reference_type", m->reference_type);
	event_set_text(ev, "reference_id", m->reference_id);
	event_set_text(ev, "subject_id", m->subject_id);
	return row_touch(rq, wallet);
}

/* Told once, when the balance crosses the threshold from above. */
void
wallet_tell_if_low(struct request *rq, const struct row *wallet, int64_t before)
{
	int64_t threshold = setting_int("finance.wallet_low_threshold");
	int64_t balance = row_int(wallet, "current_balance");
	struct event_out *ev;

	if (before < threshold || balance >= threshold)
		return;
	ev = event_publish(rq, &EV_WALLET_LOW, row_id(wallet), row_version(wallet));
	event_fill_from_row(ev, wallet);
	event_set_int(ev, "balance", balance);
	event_set_int(ev, "threshold", threshold);
	event_recipient(ev, row_text(wallet, "user_id"));
}

int
wallet_debit(struct request *rq, struct row *wallet, const struct movement *m, bool *ret_taken)
{
	int64_t before = row_int(wallet, "current_balance");
	struct lot_share *shares;
	struct event_out *ev;
	const char *ledger_id;
	unsigned n;

	if (lots_choose(rq, wallet, m->amount, &shares, &n) < 0)
		return -1;
	*ret_taken = shares != NULL;
	if (shares == NULL)
		return refuse_debit(rq, wallet, m);
	ev = ledger_book(rq, wallet, "DEBIT", m, &ledger_id);
	if (ev == NULL)
		return -1;
	lots_take(rq, ledger_id, shares, n, ev);
	wallet_tell_if_low(rq, wallet, before);
	return 0;
}

/* The debit of a reference and whether it was given back; both false where there was none. */
static int
find_debit(struct request *rq, const struct row *wallet, const struct movement *m,
    const char **ret_ledger_id, int64_t *ret_amount, bool *ret_returned)
{
	struct db_result *r = db_query(rq,
	    "SELECT d.id, d.amount, c.id IS NOT NULL FROM tracecoin_ledger d"
	    " LEFT JOIN tracecoin_ledger c ON c.reference_type = d.reference_type"
	    " AND c.reference_id = d.reference_id AND c.transaction_type = 'CREDIT'"
	    " AND c.wallet_id = d.wallet_id"
	    " WHERE d.reference_type = $1 AND d.reference_id = $2 AND d.transaction_type = 'DEBIT'"
	    " AND d.wallet_id = $3", DB(m->reference_type, m->reference_id, row_id(wallet)));
	bool any = r != NULL && db_rows(r) == 1;

	*ret_ledger_id = any ? db_text(r, 0, 0) : NULL;
	*ret_amount = any ? db_int(r, 0, 1) : 0;
	*ret_returned = any && db_bool(r, 0, 2);
	return r == NULL ? -1 : 0;
}

int
wallet_return(struct request *rq, struct row *wallet, const struct movement *m)
{
	struct movement back = *m;
	const char *debit_id, *ledger_id;
	struct event_out *ev;
	bool returned;

	if (find_debit(rq, wallet, m, &debit_id, &back.amount, &returned) < 0)
		return -1;
	if (debit_id == NULL)
		return fail(rq, ERR_CONFLICT, "nothing was taken under this reference");
	if (returned)
		return fail(rq, ERR_CONFLICT, "what was taken under this reference was given back already");
	if (m->amount != 0 && m->amount != back.amount)
		return fail_field(rq, "amount", "not_allowed", "%lld were taken", (long long)back.amount);
	if (lots_expire(rq, wallet) < 0)	/* what is past must not live on with what comes back */
		return -1;
	ev = ledger_book(rq, wallet, "CREDIT", &back, &ledger_id);
	return ev == NULL ? -1 : lots_give_back(rq, debit_id, ev);
}

/* ---- holds: asked for and ended by marketplace's events, in whatever order they come ---- */

/* 1: its end was heard of already; -1: failed. */
static int
was_ended(struct request *rq, const struct movement *m)
{
	struct db_result *r = db_query(rq,
	    "SELECT FROM ended_holds WHERE reference_type = $1 AND reference_id = $2",
	    DB(m->reference_type, m->reference_id));

	return r == NULL ? -1 : db_rows(r) > 0;
}

int
wallet_hold(struct request *rq, const char *user_id, const struct movement *m)
{
	struct row *wallet = wallet_open(rq, user_id);
	const char *debit_id;
	int64_t amount;
	bool returned, taken;
	int ended;

	if (wallet == NULL || find_debit(rq, wallet, m, &debit_id, &amount, &returned) < 0)
		return -1;
	if (debit_id != NULL)
		return 0;
	ended = was_ended(rq, m);
	return ended != 0 ? (ended < 0 ? -1 : 0) : wallet_debit(rq, wallet, m, &taken);
}

int
wallet_release(struct request *rq, const char *user_id, const struct movement *m)
{
	struct row *wallet = wallet_open(rq, user_id);
	const char *debit_id;
	int64_t amount;
	bool returned;

	if (wallet == NULL || find_debit(rq, wallet, m, &debit_id, &amount, &returned) < 0)
		return -1;
	if (debit_id == NULL)
		return db_exec(rq, "INSERT INTO ended_holds (reference_type, reference_id)"
		    " VALUES ($1, $2) ON CONFLICT DO NOTHING", DB(m->reference_type, m->reference_id));
	return returned ? 0 : wallet_return(rq, wallet, m);
}

/* ---- by hand ---- */

const struct column wallet_movement_body[] = {
	{ "amount", COL_INT, COL_REQUIRED, .min = 1, .max = INT32_MAX, .doc = "Tracecoins." },
	{ "reference_type", COL_ENUM, COL_REQUIRED, .values = reference_types },
	{ "reference_id", COL_UUID, 0, .doc = "A fresh one where it is missing." },
	{ "remarks", COL_TEXT, 0, .max = 500, .doc = "Why; the owner reads it. A BONUS needs it." },
	{ 0 }
};

struct movement
wallet_movement_of_body(struct request *rq)
{
	const char *id = body_text(rq, "reference_id");

	return (struct movement){ .amount = body_int(rq, "amount", 0),
		.reference_type = body_text(rq, "reference_type"),
		.reference_id = id != NULL ? id : uuid_new(rq->arena),
		.remarks = body_text(rq, "remarks") };
}

static bool
is_for(const struct movement *m, const char *reference_type)
{
	return strcmp(m->reference_type, reference_type) == 0;
}

int
wallet_debit_route(struct request *rq)
{
	struct movement m = wallet_movement_of_body(rq);
	struct row *wallet;
	bool taken;

	if (is_for(&m, "PURCHASE") && !body_has(rq, "reference_id"))
		return fail_field(rq, "reference_id", "required", "the order item that is clawed back");
	wallet = row_load(rq, &wallet_resource, rq->id, true);
	if (wallet == NULL || wallet_debit(rq, wallet, &m, &taken) < 0)
		return -1;
	if (!taken)
		return refuse_and_commit(rq, ERR_CONFLICT, "the balance is %lld, %lld are needed",
		    (long long)row_int(wallet, "current_balance"), (long long)m.amount);
	return reply_row(rq, 200, wallet);
}

/* A gift says why, and a large one is decided by somebody who decides requests too. */
static int
check_gift(struct request *rq, const struct movement *m)
{
	int64_t limit = setting_int("finance.bonus_limit_coins");

	if (m->remarks == NULL || m->remarks[strspn(m->remarks, " ")] == '\0')
		return fail_field(rq, "remarks", "required", "why the coins are given");
	if (m->amount > limit && !caller_can_approve(rq))
		return fail_as_staff(rq, arena_printf(rq->arena, "a bonus above %lld tracecoins is given by somebody whose"
		    " role may approve requests", (long long)limit));
	return 0;
}

/* Bought coins come by orders alone; LEAD and JOB give back what was taken for them. */
int
wallet_credit_route(struct request *rq)
{
	struct movement m = wallet_movement_of_body(rq);
	struct row *wallet;
	int result;

	if (is_for(&m, "PURCHASE"))
		return fail_field(rq, "reference_type", "not_allowed", "bought coins come by an order");
	if (!is_for(&m, "BONUS") && !body_has(rq, "reference_id"))
		return fail_field(rq, "reference_id", "required", "what was taken and is given back");
	if (is_for(&m, "BONUS") && check_gift(rq, &m) < 0)
		return -1;
	wallet = row_load(rq, &wallet_resource, rq->id, true);
	if (wallet == NULL)
		return -1;
	if (caller_is(rq, row_text(wallet, "user_id")))
		return fail(rq, ERR_OWN_SUBMISSION, "nobody gives coins to himself");
	result = is_for(&m, "BONUS") ? wallet_credit(rq, wallet, &m, 0) :
	    wallet_return(rq, wallet, &m);
	return result < 0 ? -1 : reply_row(rq, 200, wallet);
}
