/*
 * Debits by staff, many in one transaction: those that are asked for in one turn of the loop.
 *
 * Nobody can tell from outside. What is usual goes together: a wallet that nobody else holds, a key
 * and a reference not seen before, enough coins, none of them expired. All else, and all where the
 * whole fails, goes alone by wallet_debit_route, which holds the rules: so one that is refused never
 * costs another its debit. Debits of one wallet keep the order in which they came.
 */
#include "finance.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "idempotency.h"
#include "row.h"
#include "uuid.h"

enum outcome { OUTCOME_ALONE, OUTCOME_DONE, OUTCOME_TWIN };

/* One debit; lives on the stack of the fiber that asked for it. */
struct debit {
	struct batch_item item;
	struct request *rq;
	struct idempotency_marks marks;
	struct movement m;
	const char *wallet_id;
	enum outcome outcome;
	struct row *wallet, *entry;	/* as it left them */
};

struct lot {
	const char *id, *expires_at;
	int64_t remaining, taken;
	unsigned uses;		/* debits that took from it */
};
struct use {
	struct debit *debit;
	struct lot *lot;
	int64_t amount;
};

/* What the transaction knows of a wallet, from debit to debit. */
struct wallet {
	struct row *row;
	bool debited;
	struct lot *lots;
	unsigned nlots;
};

struct together {
	struct request *rq;	/* the transaction's own unit */
	struct batch_item *const *items;
	unsigned n;
	struct wallet *wallets;	/* sorted by id */
	unsigned nwallets;
	struct lot *lots;	/* sorted by wallet, then in the order in which they are spent */
	unsigned nlots;
	struct use *uses;
	unsigned nuses;
	struct debit *done[BATCH_MAX];
	struct request *units[BATCH_MAX];	/* theirs */
	unsigned ndone;
};

static struct debit *
debit_of(const struct together *t, unsigned i)
{
	return (struct debit *)(void *)t->items[i];
}

/* ---- reading: one round trip, with every wallet locked in order of id ---- */

static struct db_statement
find_keys(const struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *hash = db_array_new(a, DB_BYTEA), *lock = db_array_new(a, DB_INT8);
	struct db_array *type = db_array_new(a, DB_TEXT), *id = db_array_new(a, DB_UUID);
	struct db_array *wallet = db_array_new(a, DB_UUID);

	for (unsigned i = 0; i < t->n; i++) {
		const struct debit *d = debit_of(t, i);
		db_array_add_bytes(hash, d->marks.key, sizeof(d->marks.key));
		db_array_add_int(lock, d->marks.lock);
		db_array_add_text(type, d->m.reference_type);
		db_array_add_text(id, d->m.reference_id);
		db_array_add_text(wallet, d->wallet_id);
	}
	/* the limits keep each look an index scan, however small the tables were when it was planned */
	return (struct db_statement){ "SELECT pg_try_advisory_xact_lock(q.lock), k.known OR l.known"
	    " FROM unnest((SELECT $1::bytea[]), (SELECT $2::bigint[]), (SELECT $3::text[]),"
	    " (SELECT $4::uuid[]), (SELECT $5::uuid[])) WITH ORDINALITY q (hash, lock, type, id, wallet, n)"
	    " LEFT JOIN LATERAL (SELECT true AS known FROM idempotency_keys WHERE key_hash = q.hash"
	    " LIMIT 1) k ON true"
	    " LEFT JOIN LATERAL (SELECT true AS known FROM tracecoin_ledger WHERE reference_type = q.type"
	    " AND reference_id = q.id AND transaction_type = 'DEBIT' AND wallet_id = q.wallet"
	    " LIMIT 1) l ON true ORDER BY q.n",
	    db_arrays(a, 5, hash, lock, type, id, wallet) };
}

/* Every wallet once. */
static struct db_array *
wallet_ids(const struct together *t)
{
	struct db_array *x = db_array_new(t->rq->arena, DB_UUID);
	const char *ids[BATCH_MAX] = { NULL };
	size_t n;

	for (unsigned i = 0; i < t->n; i++)
		ids[i] = debit_of(t, i)->wallet_id;
	n = texts_sort(ids, t->n);
	for (size_t i = 0; i < n; i++)
		db_array_add_text(x, ids[i]);
	return x;
}

/* A wallet that another transaction holds is left out: its debits wait for it alone. */
static struct db_statement
lock_wallets(const struct together *t, struct db_array *ids)
{
	return rows_select(t->rq, &wallet_resource, "id", ids, true);	/* who owns it is told later */
}

/* As lots.c spends them. */
static struct db_statement
find_lots(const struct together *t, struct db_array *ids)
{
	return (struct db_statement){ arena_printf(t->rq->arena,
	    "SELECT c.wallet_id, c.id, c.remaining, c.expires_at"
	    " FROM unnest((SELECT $1::uuid[])) w (id) CROSS JOIN LATERAL (SELECT wallet_id, id, remaining,"
	    " expires_at FROM coin_lots WHERE wallet_id = w.id AND is_open ORDER BY expires_at, id"
	    " LIMIT %d) c ORDER BY c.wallet_id, c.expires_at, c.id", LOTS_AT_ONCE),
	    db_arrays(t->rq->arena, 1, ids) };
}

static void
take_wallets(struct together *t, const struct db_result *r)
{
	t->nwallets = (unsigned)db_rows(r);
	t->wallets = arena_alloc(t->rq->arena, (t->nwallets + 1) * sizeof(*t->wallets));
	for (unsigned i = 0; i < t->nwallets; i++)
		t->wallets[i].row = row_from_result(t->rq, plan_of(&wallet_resource), r, (int)i);
}

static int
compare_wallet(const void *id, const void *wallet)
{
	return strcmp(id, row_id(((const struct wallet *)wallet)->row));
}

static struct wallet *
wallet_find(const struct together *t, const char *id)
{
	return bsearch(id, t->wallets, t->nwallets, sizeof(*t->wallets), compare_wallet);
}

static void
take_lots(struct together *t, const struct db_result *r)
{
	struct wallet *w = NULL;

	t->nlots = (unsigned)db_rows(r);
	t->lots = arena_alloc(t->rq->arena, (t->nlots + 1) * sizeof(*t->lots));
	for (unsigned i = 0; i < t->nlots; i++) {
		const char *wallet_id = db_text(r, (int)i, 0);
		t->lots[i] = (struct lot){ .id = db_text(r, (int)i, 1), .remaining = db_int(r, (int)i, 2),
			.expires_at = db_text(r, (int)i, 3) };
		if (i == 0 || strcmp(wallet_id, db_text(r, (int)i - 1, 0)) != 0)
			w = wallet_find(t, wallet_id);
		if (w != NULL && w->nlots++ == 0)
			w->lots = &t->lots[i];
	}
}

/* ---- deciding, one after the other ---- */

/* Is there an earlier one with this key? PostgreSQL cannot tell: one session holds the lock for both. */
static bool
has_twin(const struct together *t, unsigned i)
{
	const struct debit *d = debit_of(t, i);

	for (unsigned j = 0; j < i; j++)
		if (debit_of(t, j)->marks.lock == d->marks.lock &&
		    memcmp(debit_of(t, j)->marks.key, d->marks.key, sizeof(d->marks.key)) == 0)
			return true;
	return false;
}

static bool
reference_is_taken(const struct together *t, const struct debit *d)
{
	for (unsigned i = 0; i < t->ndone; i++)
		if (strcmp(t->done[i]->m.reference_id, d->m.reference_id) == 0)
			return true;
	return false;
}

/* Enough coins in lots that have not expired, and the lots together known to be all or enough. */
static bool
can_pay(const struct debit *d, const struct wallet *w)
{
	int64_t coins = 0;

	for (unsigned i = 0; i < w->nlots; i++) {
		if (w->lots[i].remaining > 0 && lot_is_past(d->rq, w->lots[i].expires_at))
			return false;
		coins += w->lots[i].remaining;
	}
	return coins >= d->m.amount;
}

static void
spend(struct together *t, struct debit *d, struct wallet *w, struct event_out *ev)
{
	int64_t missing = d->m.amount;

	for (struct lot *lot = w->lots; missing > 0; lot++) {
		int64_t share = lot->remaining < missing ? lot->remaining : missing;
		if (share == 0)
			continue;
		lot->remaining -= share;
		lot->taken += share;
		lot->uses++;
		missing -= share;
		t->uses[t->nuses++] = (struct use){ d, lot, share };
		lot_tell(ev, lot->id, share, lot->expires_at);
	}
}

static void
book(struct together *t, struct debit *d, struct wallet *w)
{
	struct row *wallet = row_copy(d->rq, w->row);
	int64_t before = row_int(wallet, "current_balance");
	struct event_out *ev;
	struct row *entry = ledger_entry(d->rq, wallet, "DEBIT", &d->m, &ev);

	if (entry == NULL)
		return;
	wallet->is_owner = caller_is(d->rq, row_text(wallet, "user_id"));
	row_stamp_new(d->rq, entry);
	row_settle(entry);
	row_stamp_changed(d->rq, wallet);
	row_settle(wallet);
	spend(t, d, w, ev);
	wallet_tell_if_low(d->rq, wallet, before);
	reply_row(d->rq, 200, wallet);
	d->wallet = w->row = wallet;
	d->entry = entry;
	w->debited = true;
	t->units[t->ndone] = d->rq;
	t->done[t->ndone++] = d;
}

static void
decide(struct together *t, const struct db_result *keys)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct debit *d = debit_of(t, i);
		struct wallet *w = wallet_find(t, d->wallet_id);

		if (!db_bool(keys, (int)i, 0) || has_twin(t, i))
			d->outcome = OUTCOME_TWIN;
		else if (!db_bool(keys, (int)i, 1) && w != NULL && can_pay(d, w) && !reference_is_taken(t, d))
			book(t, d, w);
	}
}

/* ---- writing: one round trip, with the COMMIT ---- */

static void
write_entries(struct together *t)
{
	struct row *entries[BATCH_MAX];

	for (unsigned i = 0; i < t->ndone; i++)
		entries[i] = t->done[i]->entry;
	rows_insert(t->rq, entries, t->ndone);
}

static void
write_wallets(struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *id = db_array_new(a, DB_UUID), *balance = db_array_new(a, DB_INT4);
	struct db_array *version = db_array_new(a, DB_INT8), *at = db_array_new(a, DB_TIMESTAMPTZ);

	for (unsigned i = 0; i < t->nwallets; i++) {
		const struct row *row = t->wallets[i].row;
		if (!t->wallets[i].debited)
			continue;
		db_array_add_text(id, row_id(row));
		db_array_add_int(balance, row_int(row, "current_balance"));
		db_array_add_int(version, row_version(row));
		db_array_add_int(at, clock_parse(row_text(row, "updated_at")));
	}
	db_queue(t->rq, "UPDATE tracecoin_wallets w SET current_balance = q.balance, version = q.version,"
	    " updated_at = q.at FROM unnest((SELECT $1::uuid[]), (SELECT $2::integer[]),"
	    " (SELECT $3::bigint[]), (SELECT $4::timestamptz[])) q (id, balance, version, at)"
	    " WHERE w.id = q.id", db_arrays(a, 4, id, balance, version, at));
}

static void
write_uses(struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *entry = db_array_new(a, DB_UUID), *lot = db_array_new(a, DB_UUID);
	struct db_array *amount = db_array_new(a, DB_INT4);

	for (unsigned i = 0; i < t->nuses; i++) {
		db_array_add_text(entry, row_id(t->uses[i].debit->entry));
		db_array_add_text(lot, t->uses[i].lot->id);
		db_array_add_int(amount, t->uses[i].amount);
	}
	db_queue(t->rq, "INSERT INTO coin_lot_uses (ledger_id, coin_lot_id, amount)"
	    " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[])",
	    db_arrays(a, 3, entry, lot, amount));
}

static void
write_lots(struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *id = db_array_new(a, DB_UUID), *taken = db_array_new(a, DB_INT4);
	struct db_array *uses = db_array_new(a, DB_INT4), *now = db_array_new(a, DB_TIMESTAMPTZ);

	for (unsigned i = 0; i < t->nlots; i++) {
		if (t->lots[i].uses == 0)
			continue;
		db_array_add_text(id, t->lots[i].id);
		db_array_add_int(taken, t->lots[i].taken);
		db_array_add_int(uses, t->lots[i].uses);
		db_array_add_int(now, t->rq->now_us);
	}
	db_queue(t->rq, "UPDATE coin_lots c SET remaining = c.remaining - q.taken,"
	    " version = c.version + q.uses, updated_at = q.now FROM unnest((SELECT $1::uuid[]),"
	    " (SELECT $2::integer[]), (SELECT $3::integer[]), (SELECT $4::timestamptz[]))"
	    " q (id, taken, uses, now) WHERE c.id = q.id", db_arrays(a, 4, id, taken, uses, now));
}

static int
write_all(struct together *t)
{
	const struct idempotency_marks *marks[BATCH_MAX];

	for (unsigned i = 0; i < t->ndone; i++)
		marks[i] = &t->done[i]->marks;
	write_entries(t);
	write_wallets(t);
	write_uses(t);
	write_lots(t);
	if (outbox_write_many(t->rq, t->units, t->ndone) < 0)
		return -1;
	idempotency_keep_many(t->rq, t->units, marks, t->ndone);
	return 0;
}

/* ---- the transaction ---- */

static int
perform(struct request *rq, void *arg)
{
	struct together *t = arg;
	struct db_array *ids = wallet_ids(t);
	const struct db_statement statements[] = { find_keys(t), lock_wallets(t, ids), find_lots(t, ids) };
	struct db_result *r[COUNT_OF(statements)];

	if (db_query_all(rq, COUNT_OF(statements), statements, r) < 0)
		return -1;
	take_wallets(t, r[1]);
	take_lots(t, r[2]);
	t->uses = arena_alloc(rq->arena, (t->n + t->nlots) * sizeof(*t->uses));
	decide(t, r[0]);
	return t->ndone > 0 ? write_all(t) : 0;
}

/* What did not come to pass is tried alone, where its own reason is found; the key tells what did. */
static void
run(struct batch_item *const *items, unsigned n)
{
	struct together t = { .rq = request_new(((struct debit *)(void *)items[0])->rq->db),
		.items = items, .n = n };

	if (unit_run_together(t.rq, perform, &t, t.units, &t.ndone) == 0)
		for (unsigned i = 0; i < t.ndone; i++)
			t.done[i]->outcome = OUTCOME_DONE;
	request_free(t.rq);
}

static struct batch debits = { .name = "debits", .run = run };

int
debits_together(struct request *rq, const char *key)
{
	struct debit d = { .rq = rq, .wallet_id = rq->id };

	if (key == NULL)
		return 1;
	d.m = wallet_movement_of_body(rq);
	if (strcmp(d.m.reference_type, "PURCHASE") == 0)	/* a claw-back is rare and has rules of its own */
		return 1;
	idempotency_mark(rq, key, &d.marks);
	batch_do(&debits, (unsigned char)rq->id[UUID_TEXT - 2], &d.item);
	switch (d.outcome) {
	case OUTCOME_DONE: return 0;
	case OUTCOME_TWIN: return fail(rq, ERR_IDEMPOTENCY_IN_PROGRESS,
	    "the first request with this key is still running");
	case OUTCOME_ALONE: break;
	}
	return 1;
}
