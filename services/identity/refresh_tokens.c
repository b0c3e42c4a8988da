/*
 * Refresh tokens; see refresh_tokens.h. `revoked` means it will not be taken again; the immediate
 * parent of a fresh successor is the one exception, for clients that refresh twice at once or
 * lost the answer: within REFRESH_GRACE_S it gets the identical successor, which lies beside it
 * sealed under the parent's own text. A grandparent gets nothing, however fresh: following the chain
 * would hand whoever copied an old token the live one, and delay its discovery by another rotation.
 */
#include "refresh_tokens.h"

#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "secrets.h"
#include "sessions.h"
#include "throttle.h"
#include "uuid.h"

static const struct column refresh_token_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER | COL_REQUIRED },
	{ "token_hash", COL_TEXT, COL_SECRET | COL_READONLY, .doc = "SHA-256." },
	{ "expires_at", COL_TIME, COL_READONLY | COL_FILTER | COL_REQUIRED },
	{ "revoked", COL_BOOL, COL_READONLY | COL_FILTER, .initial = "f",
	    .doc = "It will not be taken again." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "family_id", COL_UUID, COL_READONLY | COL_FILTER, .doc = "One sign-in and its rotations." },
	{ "parent_id", COL_UUID, COL_READONLY, .doc = "The token this one replaced." },
	{ "session_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "rotated_at", COL_TIME, COL_READONLY, .doc = "When it was replaced." },
	{ "successor_box", COL_TEXT, COL_SECRET | COL_READONLY },
	{ 0 }
};

const struct resource refresh_tokens_resource = {
	.table = "refresh_tokens", .noun = "refresh_token", .module_key = "users",
	.columns = refresh_token_columns,
	.read = OWNER_OR("refresh-tokens.read"),
	.changed = &EV_REFRESH_TOKEN_CHANGED,
	.doc = "Refresh tokens ever given, without the tokens.",
};

/* ---- making ---- */

/* 30 days, but never beyond the session. */
static const char *
expiry(struct request *rq, const struct row *session)
{
	int64_t until = rq->now_us + config_int("REFRESH_TOKEN_S") * 1000000;
	int64_t most = clock_parse(row_text(session, "expires_at"));
	char *text = arena_alloc(rq->arena, CLOCK_TEXT);

	clock_format(until < most ? until : most, text);
	return text;
}

static struct row *
make(struct request *rq, const struct row *session, const char *token, const char *family_id,
    const char *parent_id)
{
	struct row *row = row_new(rq, &refresh_tokens_resource);

	row_set(row, "user_id", row_text(session, "user_id"));
	row_set(row, "token_hash", secret_hash(rq->arena, token));
	row_set(row, "expires_at", expiry(rq, session));
	row_set(row, "family_id", family_id);
	row_set(row, "parent_id", parent_id);
	row_set(row, "session_id", row_id(session));
	return row;
}

int
refresh_token_first(struct request *rq, const struct row *session, const char *token)
{
	return row_insert(rq, make(rq, session, token, uuid_new(rq->arena), NULL));
}

int
refresh_tokens_revoke(struct request *rq, const char *session_id)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM refresh_tokens WHERE session_id = $1 AND NOT revoked ORDER BY id",
	    DB(session_id));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *token = row_load(rq, &refresh_tokens_resource, db_text(r, i, 0), true);
		if (token == NULL)
			return -1;
		row_set(token, "revoked", "t");
		if (row_update(rq, token) < 0)
			return -1;
	}
	return 0;
}

/* ---- using ---- */

bool
refresh_token_is_fresh(const struct request *rq, const struct row *token)
{
	return !row_is_set(token, "rotated_at") && !row_bool(token, "revoked") &&
	    clock_parse(row_text(token, "expires_at")) > rq->now_us;
}

struct row *
refresh_token_replace(struct request *rq, struct row *token, const struct row *session,
    const char *text, const char **ret_successor)
{
	char *successor = secret_new(rq->arena);

	row_set(token, "revoked", "t");
	row_set_now(rq, token, "rotated_at");
	row_set(token, "successor_box", secret_seal(rq->arena, text, successor));
	*ret_successor = successor;
	return make(rq, session, successor, row_text(token, "family_id"), row_id(token));
}

/* Replaced a moment ago, and the successor has not been used: *ret_successor, else NULL. */
static int
repeat(struct request *rq, const struct row *token, const char *text, const char **ret_successor)
{
	int64_t grace_us = config_int("REFRESH_GRACE_S") * 1000000;
	struct db_result *r;

	*ret_successor = NULL;
	if (clock_parse(row_text(token, "rotated_at")) + grace_us < rq->now_us)
		return 0;
	r = db_query(rq, "SELECT NOT revoked FROM refresh_tokens WHERE parent_id = $1 FOR NO KEY UPDATE",
	    DB(row_id(token)));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 1 && db_bool(r, 0, 0) && row_is_set(token, "successor_box"))
		*ret_successor = secret_open(rq->arena, text, row_text(token, "successor_box"));
	return 0;
}

static int
refuse_stolen(struct request *rq, const struct row *token, struct row *session)
{
	struct event_out *ev = event_publish(rq, &EV_TOKEN_REUSE_DETECTED, row_text(token, "user_id"),
	    row_version(token));

	event_set_text(ev, "user_id", row_text(token, "user_id"));
	event_set_text(ev, "family_id", row_text(token, "family_id"));
	event_set_text(ev, "session_id", row_id(session));
	event_set_text(ev, "refresh_token_id", row_id(token));
	event_set_text(ev, "device", row_text(session, "device"));
	event_set_time(ev, "rotated_at", clock_parse(row_text(token, "rotated_at")));
	event_recipient(ev, row_text(token, "user_id"));
	if (session_end(rq, session, "TOKEN_REUSED") < 0)
		return -1;
	return refuse_and_commit(rq, ERR_TOKEN_REUSED,
	    "this refresh token was used before; its session has been ended");
}

static int
refuse_invalid(struct request *rq)
{
	auth_refused(rq, rq->caller.user_id, "refresh", error_info(ERR_REFRESH_INVALID)->code);
	return fail(rq, ERR_REFRESH_INVALID, "this refresh token is unknown, expired or ended");
}

/* The token and its session, locked in that order; unknown and ended ones are refused alike. */
static int
load(struct request *rq, const char *text, struct row **ret_token, struct row **ret_session)
{
	struct row *token = row_load_by_if_there(rq, &refresh_tokens_resource, "token_hash",
	    secret_hash(rq->arena, text), true);

	if (token == NULL)
		return rq->problem.code == ERR_NONE ? refuse_invalid(rq) : -1;
	*ret_token = token;
	*ret_session = row_load(rq, &user_sessions_resource, row_text(token, "session_id"), true);
	return *ret_session == NULL ? -1 : 0;
}

void
refresh_act(struct request *rq, const struct row *user, const struct row *session)
{
	act_as_user(rq, user);
	rq->source_type = row_text(session, "client");
	rq->source_id = row_id(session);
}

const struct column refresh_body[] = {
	{ "refresh_token", COL_TEXT, COL_REQUIRED, .max = 200 },
	{ 0 }
};

int
auth_refresh(struct request *rq)
{
	const char *text = body_text(rq, "refresh_token"), *successor;
	struct row *token = NULL, *session = NULL, *user, *next;

	if (load(rq, text, &token, &session) < 0)
		return -1;
	user = row_load(rq, &users_resource, row_text(token, "user_id"), false);
	if (user == NULL)
		return -1;
	refresh_act(rq, user, session);
	if (!session_is_live(rq, session))
		return refuse_invalid(rq);
	if (row_is_set(token, "rotated_at")) {
		if (repeat(rq, token, text, &successor) < 0)
			return -1;
		if (successor == NULL)
			return refuse_stolen(rq, token, session);
		return session_answer(rq, user, session, successor, NULL);
	}
	if (!refresh_token_is_fresh(rq, token))
		return refuse_invalid(rq);
	next = refresh_token_replace(rq, token, session, text, &successor);
	row_set_now(rq, session, "last_used_at");
	if (row_update(rq, token) < 0 || row_insert(rq, next) < 0 || row_update(rq, session) < 0)
		return -1;
	return session_answer(rq, user, session, successor, NULL);
}
