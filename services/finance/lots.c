/*
 * Lots: what was credited, until it is spent or its time has come. The wallet's row is locked by
 * whoever changes its lots, so they need no lock of their own.
 *
 * The soonest to expire is spent first. A return goes back to the lots it came from with their old
 * expiry, but at least 72 hours from now; what then expires again is booked under a reference
 * derived from the lot and the count of its expiries (L3).
 */
#include "finance.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "uuid.h"

#define RETURN_LIFE "72 hours"
#define DAY_US (24 * 3600 * 1000000LL)

static const struct column lot_columns[] = {
	COLUMN_ID,
	{ "wallet_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "tracecoin_wallets" },
	{ "ledger_id", COL_UUID, COL_READONLY | COL_REQUIRED | COL_FILTER, .ref = "tracecoin_ledger",
	    .doc = "The credit it came from." },
	{ "amount", COL_INT, COL_READONLY | COL_REQUIRED, .doc = "Tracecoins credited." },
	{ "remaining", COL_INT, COL_READONLY | COL_REQUIRED | COL_FILTER, .doc = "Tracecoins left." },
	{ "expires_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT, .doc = "Null: never." },
	{ "expirations", COL_INT, COL_READONLY, .initial = "0",
	    .doc = "How often what was left has expired; a return can revive a lot." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "warned_at", COL_TIME, COL_READONLY, .doc = "When the owner was told that it ends soon." },
	{ 0 }
};

const struct resource coin_lot_resource = {
	.table = "coin_lots",
	.noun = "coin_lot",
	.module_key = "finance",
	.columns = lot_columns,
	.owner = "EXISTS (SELECT FROM tracecoin_wallets w WHERE w.id = t.wallet_id AND w.user_id = :me)",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("tracecoin-wallets.read"),
	.child = { "tracecoin_wallets", "lots", "wallet_id" },
	.doc = "Tracecoins by when they expire; together they are the balance.",
};

void
lot_tell(struct event_out *ev, const char *lot_id, int64_t amount, const char *expires_at)
{
	struct event_out *lot = event_add_message(ev, "lots");

	event_set_text(lot, "id", lot_id);
	event_set_int(lot, "amount", amount);
	if (expires_at != NULL)
		event_set_time(lot, "expires_at", clock_parse(expires_at));
}

int
lot_add(struct request *rq, const struct row *wallet, const char *ledger_id, int64_t amount,
    int64_t expires_us, struct event_out *ev)
{
	struct row *lot = row_new(rq, &coin_lot_resource);
	char expires_at[CLOCK_TEXT];

	clock_format(expires_us, expires_at);
	row_set(lot, "wallet_id", row_id(wallet));
	row_set(lot, "ledger_id", ledger_id);
	row_set_int(lot, "amount", amount);
	row_set_int(lot, "remaining", amount);
	row_set(lot, "expires_at", expires_us > 0 ? expires_at : NULL);
	lot_tell(ev, row_id(lot), amount, row_text(lot, "expires_at"));
	return row_insert(rq, lot);
}

/* ---- expiry ---- */

static const char *
now_text(struct request *rq)
{
	char *text = arena_alloc(rq->arena, CLOCK_TEXT);

	clock_format(rq->now_us, text);
	return text;
}

/* The first expiry of a lot ends its credit's reference; later ones have a reference of their own. */
static const char *
expiry_reference(struct request *rq, const char *lot_id, int64_t nth, const char *credit_reference)
{
	char *id = arena_alloc(rq->arena, UUID_TEXT);

	if (nth == 1)
		return credit_reference;
	uuid_v5(lot_id, arena_printf(rq->arena, "%lld", (long long)nth), id);
	return id;
}

static int
expire_one(struct request *rq, struct row *wallet, const struct db_result *r, int i)
{
	const char *lot_id = db_text(r, i, 0), *expires_at = db_text(r, i, 2), *ledger_id;
	int64_t left = db_int(r, i, 1), nth = db_int(r, i, 3) + 1;
	struct movement m = { .amount = left, .reference_type = db_text(r, i, 4),
		.reference_id = expiry_reference(rq, lot_id, nth, db_text(r, i, 5)),
		.remarks = "expired" };
	struct event_out *ev = ledger_book(rq, wallet, "DEBIT", &m, &ledger_id);

	if (ev == NULL)
		return -1;
	lot_tell(ev, lot_id, left, expires_at);
	db_queue(rq, "UPDATE coin_lots SET remaining = 0, expirations = expirations + 1,"
	    " updated_at = $2, version = version + 1 WHERE id = $1", DB(lot_id, now_text(rq)));
	return 0;
}

int
lots_expire(struct request *rq, struct row *wallet)
{
	struct db_result *r = db_query(rq,
	    "SELECT c.id, c.remaining, c.expires_at, c.expirations, l.reference_type, l.reference_id"
	    " FROM coin_lots c JOIN tracecoin_ledger l ON l.id = c.ledger_id"
	    " WHERE c.wallet_id = $1 AND c.is_open AND c.expires_at <= $2"
	    " ORDER BY c.expires_at, c.id", DB(row_id(wallet), now_text(rq)));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		if (expire_one(rq, wallet, r, i) < 0)
			return -1;
	return 0;
}

/* ---- spending ---- */

/* Wallets have few lots as a rule; the rest is read only where the first ones do not suffice. */
static struct db_result *
read_lots(struct request *rq, const struct row *wallet, int limit)
{
	return db_query(rq, "SELECT id, remaining, expires_at FROM coin_lots"
	    " WHERE wallet_id = $1 AND is_open ORDER BY expires_at, id LIMIT $2",
	    DB(row_id(wallet), arena_printf(rq->arena, "%d", limit)));
}

static unsigned
share_out(struct request *rq, const struct db_result *r, int64_t *amount,
    struct lot_share **ret_shares)
{
	unsigned n = 0;
	struct lot_share *shares = arena_alloc(rq->arena, ((size_t)db_rows(r) + 1) * sizeof(*shares));

	for (int i = 0; i < db_rows(r) && *amount > 0; i++) {
		int64_t left = db_int(r, i, 1);
		struct lot_share share = { .lot_id = db_text(r, i, 0), .expires_at = db_text(r, i, 2),
			.amount = left < *amount ? left : *amount };
		shares[n++] = share;
		*amount -= share.amount;
	}
	*ret_shares = shares;
	return n;
}

bool
lot_is_past(const struct request *rq, const char *expires_at)
{
	return expires_at != NULL && clock_parse(expires_at) <= rq->now_us;
}

int
lots_choose(struct request *rq, struct row *wallet, int64_t amount, struct lot_share **ret_shares,
    unsigned *ret_n)
{
	struct db_result *r = read_lots(rq, wallet, LOTS_AT_ONCE);
	int64_t missing = amount;

	if (r != NULL && db_rows(r) > 0 && lot_is_past(rq, db_text(r, 0, 2)))
		r = lots_expire(rq, wallet) < 0 ? NULL : read_lots(rq, wallet, LOTS_AT_ONCE);
	if (r == NULL)
		return -1;
	*ret_n = share_out(rq, r, &missing, ret_shares);
	if (missing > 0 && db_rows(r) == LOTS_AT_ONCE) {
		if ((r = read_lots(rq, wallet, INT32_MAX)) == NULL)
			return -1;
		missing = amount;
		*ret_n = share_out(rq, r, &missing, ret_shares);
	}
	if (missing > 0)
		*ret_shares = NULL;
	return 0;
}

void
lots_take(struct request *rq, const char *ledger_id, const struct lot_share *shares, unsigned n,
    struct event_out *ev)
{
	const char **ids = arena_alloc(rq->arena, n * sizeof(*ids));
	const char **amounts = arena_alloc(rq->arena, n * sizeof(*amounts));

	for (unsigned i = 0; i < n; i++) {
		ids[i] = shares[i].lot_id;
		amounts[i] = arena_printf(rq->arena, "%lld", (long long)shares[i].amount);
		lot_tell(ev, shares[i].lot_id, shares[i].amount, shares[i].expires_at);
	}
	db_queue(rq, "WITH use AS (INSERT INTO coin_lot_uses (ledger_id, coin_lot_id, amount)"
	    " SELECT $1, * FROM unnest($2::uuid[], $3::integer[]) RETURNING coin_lot_id, amount)"
	    " UPDATE coin_lots c SET remaining = c.remaining - use.amount, updated_at = $4,"
	    " version = c.version + 1 FROM use WHERE c.id = use.coin_lot_id",
	    DB(ledger_id, db_text_array(rq->arena, ids, n), db_text_array(rq->arena, amounts, n),
	    now_text(rq)));
}

int
lots_give_back(struct request *rq, const char *debit_ledger_id, struct event_out *ev)
{
	struct db_result *r = db_query(rq,
	    "WITH use AS (UPDATE coin_lot_uses u SET returned = u.amount FROM coin_lot_uses old"
	    " WHERE u.ledger_id = $1 AND old.ledger_id = u.ledger_id"
	    " AND old.coin_lot_id = u.coin_lot_id"
	    " RETURNING u.coin_lot_id, u.amount - old.returned AS amount)"
	    " UPDATE coin_lots c SET remaining = c.remaining + use.amount, updated_at = $2,"
	    " version = c.version + 1, warned_at = NULL, expires_at = CASE WHEN c.expires_at IS NOT NULL"
	    " THEN greatest(c.expires_at, $2::timestamptz + interval '" RETURN_LIFE "') END"
	    " FROM use WHERE c.id = use.coin_lot_id RETURNING c.id, use.amount, c.expires_at",
	    DB(debit_ledger_id, now_text(rq)));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		lot_tell(ev, db_text(r, i, 0), db_int(r, i, 1), db_text(r, i, 2));
	return 0;
}

/* ---- clocks ---- */

int
lots_clock(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT DISTINCT wallet_id FROM coin_lots"
	    " WHERE is_open AND expires_at <= $1 ORDER BY wallet_id LIMIT 200", DB(now_text(rq)));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *wallet = row_load(rq, &wallet_resource, db_text(r, i, 0), true);
		if (wallet == NULL || lots_expire(rq, wallet) < 0)
			return -1;
	}
	return db_exec(rq, "DELETE FROM ended_holds WHERE created_at < now() - interval '30 days'", DB0);
}

static int
warn_of(struct request *rq, const struct db_result *r, int i)
{
	struct row *wallet = row_load(rq, &wallet_resource, db_text(r, i, 1), true);
	struct event_out *ev;

	if (wallet == NULL)
		return -1;
	ev = row_event_as(rq, wallet, &EV_WALLET_LOT_EXPIRING);
	event_set_int(ev, "balance", row_int(wallet, "current_balance"));
	event_set_text(ev, "lot_id", db_text(r, i, 0));
	event_set_int(ev, "lot_amount", db_int(r, i, 2));
	event_set_time(ev, "expires_at", clock_parse(db_text(r, i, 3)));
	db_queue(rq, "UPDATE coin_lots SET warned_at = $2, updated_at = $2, version = version + 1"
	    " WHERE id = $1", DB(db_text(r, i, 0), now_text(rq)));
	return row_touch(rq, wallet);
}

int
lots_warn_clock(struct request *rq)
{
	char until[CLOCK_TEXT];
	struct db_result *r;

	clock_format(rq->now_us + setting_int("finance.lot_warning_days") * DAY_US, until);
	r = db_query(rq, "SELECT id, wallet_id, remaining, expires_at FROM coin_lots"
	    " WHERE is_open AND warned_at IS NULL AND expires_at > $1 AND expires_at <= $2"
	    " ORDER BY wallet_id, id LIMIT 200", DB(now_text(rq), until));
	for (int i = 0; r != NULL && i < db_rows(r); i++)
		if (warn_of(rq, r, i) < 0)
			return -1;
	return r == NULL ? -1 : 0;
}
