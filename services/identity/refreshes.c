/*
 * Refreshing, many in one transaction: those that are asked for in one turn of the loop.
 *
 * Nobody can tell from outside. What is usual goes together: a fresh token of a live session, neither
 * held by another transaction. All else, and all where the whole fails, goes alone by auth_refresh,
 * which holds the rules: who asks twice, or shows a retired token, is judged there.
 */
#include "refresh_tokens.h"

#include <string.h>

#include "batch.h"
#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "event.h"
#include "identity.h"
#include "row.h"
#include "secrets.h"
#include "sessions.h"
#include "user_access.h"

/* One refresh; lives on the stack of the fiber that asked for it. Its rows are in its own memory. */
struct refresh {
	struct batch_item item;
	struct request *rq;
	const char *text, *hash;	/* of the token that was shown */
	const char *successor;
	struct row *token, *next, *session, *user;
	struct user_access access;
	bool is_done;
};

struct rows {
	struct row **row;
	unsigned n;
};

struct together {
	struct request *rq;	/* the transaction's own unit */
	struct batch_item *const *items;
	unsigned n;
	struct refresh *fresh[BATCH_MAX];	/* whose token is fresh and locked */
	unsigned nfresh;
	struct refresh *done[BATCH_MAX];
	struct request *units[BATCH_MAX];	/* theirs */
	unsigned ndone;
};

/* ---- reading: the tokens, then what belongs to them; locked in that order, as alone ---- */

static struct rows
rows_of(struct together *t, const struct resource *res, const struct db_result *r)
{
	struct rows found = { .n = (unsigned)db_rows(r) };

	found.row = arena_alloc(t->rq->arena, (found.n + 1) * sizeof(struct row *));
	for (unsigned i = 0; i < found.n; i++)
		found.row[i] = row_from_result(t->rq, plan_of(res), r, (int)i);
	return found;
}

static const struct row *
find(const struct rows *in, const char *column, const char *value)
{
	for (unsigned i = 0; i < in->n; i++)
		if (strcmp(row_text(in->row[i], column), value) == 0)
			return in->row[i];
	return NULL;
}

/* The second of two who show one token comes when the first has replaced it: alone. */
static bool
is_twin(const struct together *t, const struct row *token)
{
	for (unsigned i = 0; i < t->nfresh; i++)
		if (strcmp(row_text(t->fresh[i]->token, "session_id"), row_text(token, "session_id")) == 0)
			return true;
	return false;
}

static int
read_tokens(struct together *t)
{
	struct db_array *hashes = db_array_new(t->rq->arena, DB_TEXT);
	struct db_statement statement;
	struct db_result *r;
	struct rows tokens;

	for (unsigned i = 0; i < t->n; i++)
		db_array_add_text(hashes, ((struct refresh *)(void *)t->items[i])->hash);
	statement = rows_select(t->rq, &refresh_tokens_resource, "token_hash", hashes, true);
	r = db_query(t->rq, statement.sql, statement.params);
	if (r == NULL)
		return -1;
	tokens = rows_of(t, &refresh_tokens_resource, r);
	for (unsigned i = 0; i < t->n; i++) {
		struct refresh *d = (struct refresh *)(void *)t->items[i];
		const struct row *token = find(&tokens, "token_hash", d->hash);
		if (token == NULL || !refresh_token_is_fresh(d->rq, token) || is_twin(t, token))
			continue;
		d->token = row_copy(d->rq, token);
		t->fresh[t->nfresh++] = d;
	}
	return 0;
}

/* A user is read before what he may do: a token may tell of more than its epoch, never of less. */
static int
read_owners(struct together *t, struct db_result *r[3])
{
	struct arena *a = t->rq->arena;
	struct db_array *sessions = db_array_new(a, DB_UUID), *users = db_array_new(a, DB_UUID);

	for (unsigned i = 0; i < t->nfresh; i++) {
		db_array_add_text(sessions, row_text(t->fresh[i]->token, "session_id"));
		db_array_add_text(users, row_text(t->fresh[i]->token, "user_id"));
	}
	return db_query_all(t->rq, 3, (struct db_statement[]){
	    rows_select(t->rq, &user_sessions_resource, "id", sessions, true),
	    rows_select(t->rq, &users_resource, "id", users, false),
	    user_access_for_tokens(t->rq, users) }, r);
}

/* ---- deciding ---- */

static void
replace(struct refresh *d)
{
	struct request *rq = d->rq;

	refresh_act(rq, d->user, d->session);
	d->next = refresh_token_replace(rq, d->token, d->session, d->text, &d->successor);
	row_set_now(rq, d->session, "last_used_at");
	row_open_event(rq, d->token, refresh_tokens_resource.updated, "UPDATE");
	row_stamp_changed(rq, d->token);
	row_settle(d->token);
	row_stamp_new(rq, d->next);
	row_settle(d->next);
	row_stamp_changed(rq, d->session);
	row_settle(d->session);
}

static void
decide(struct together *t, struct db_result *const r[3])
{
	struct rows sessions = rows_of(t, &user_sessions_resource, r[0]);
	struct rows users = rows_of(t, &users_resource, r[1]);

	for (unsigned i = 0; i < t->nfresh; i++) {
		struct refresh *d = t->fresh[i];
		const struct row *session = find(&sessions, "id", row_text(d->token, "session_id"));
		const struct row *user = find(&users, "id", row_text(d->token, "user_id"));
		if (session == NULL || user == NULL || !session_is_live(d->rq, session))
			continue;
		d->session = row_copy(d->rq, session);
		d->user = row_copy(d->rq, user);
		user_access_take(d->rq, r[2], i, &d->access);
		replace(d);
		t->units[t->ndone] = d->rq;
		t->done[t->ndone++] = d;
	}
}

/* ---- writing: one round trip, with the COMMIT ---- */

static void
write_tokens(struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *id = db_array_new(a, DB_UUID), *at = db_array_new(a, DB_TIMESTAMPTZ);
	struct db_array *box = db_array_new(a, DB_TEXT), *version = db_array_new(a, DB_INT8);
	struct row *next[BATCH_MAX];

	for (unsigned i = 0; i < t->ndone; i++) {
		const struct row *token = t->done[i]->token;
		db_array_add_text(id, row_id(token));
		db_array_add_int(at, clock_parse(row_text(token, "rotated_at")));
		db_array_add_text(box, row_text(token, "successor_box"));
		db_array_add_int(version, row_version(token));
		next[i] = t->done[i]->next;
	}
	db_queue(t->rq, "UPDATE refresh_tokens t SET revoked = true, rotated_at = q.at,"
	    " successor_box = q.box::bytea, version = q.version FROM unnest((SELECT $1::uuid[]),"
	    " (SELECT $2::timestamptz[]), (SELECT $3::text[]), (SELECT $4::bigint[]))"
	    " q (id, at, box, version) WHERE t.id = q.id", db_arrays(a, 4, id, at, box, version));
	rows_insert(t->rq, next, t->ndone);
}

static void
write_sessions(struct together *t)
{
	struct arena *a = t->rq->arena;
	struct db_array *id = db_array_new(a, DB_UUID), *at = db_array_new(a, DB_TIMESTAMPTZ);
	struct db_array *version = db_array_new(a, DB_INT8);

	for (unsigned i = 0; i < t->ndone; i++) {
		const struct row *session = t->done[i]->session;
		db_array_add_text(id, row_id(session));
		db_array_add_int(at, clock_parse(row_text(session, "last_used_at")));
		db_array_add_int(version, row_version(session));
	}
	db_queue(t->rq, "UPDATE user_sessions s SET last_used_at = q.at, version = q.version"
	    " FROM unnest((SELECT $1::uuid[]), (SELECT $2::timestamptz[]), (SELECT $3::bigint[]))"
	    " q (id, at, version) WHERE s.id = q.id", db_arrays(a, 3, id, at, version));
}

/* ---- the transaction ---- */

static int
perform(struct request *rq, void *arg)
{
	struct together *t = arg;
	struct db_result *r[3];

	(void)rq;
	if (read_tokens(t) < 0 || (t->nfresh > 0 && read_owners(t, r) < 0))
		return -1;
	if (t->nfresh > 0)
		decide(t, r);
	if (t->ndone == 0)
		return 0;
	write_tokens(t);
	write_sessions(t);
	return outbox_write_many(t->rq, t->units, t->ndone);
}

/* What did not come to pass is tried alone; if it did after all, that is a repetition within the grace. */
static void
run(struct batch_item *const *items, unsigned n)
{
	struct together t = { .rq = request_new(((struct refresh *)(void *)items[0])->rq->db),
		.items = items, .n = n };

	if (unit_run_together(t.rq, perform, &t, t.units, &t.ndone) == 0)
		for (unsigned i = 0; i < t.ndone; i++)
			t.done[i]->is_done = true;
	request_free(t.rq);
}

static struct batch refreshes = { .name = "refreshes", .run = run };

int
refreshes_together(struct request *rq, const char *key)
{
	struct refresh d = { .rq = rq, .text = body_text(rq, "refresh_token") };

	(void)key;	/* the route takes none */
	d.hash = secret_hash(rq->arena, d.text);
	batch_do(&refreshes, BATCH_ANY_LANE, &d.item);
	if (!d.is_done)
		return 1;
	return session_answer_with(rq, d.user, d.session, &d.access, d.successor, NULL);
}
