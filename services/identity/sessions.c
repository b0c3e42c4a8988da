/* Sessions; see sessions.h. Ending one is told by session.revoked, opening one by session.opened. */
#include "sessions.h"

#include <string.h>

#include "auth.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "devices.h"
#include "event.h"
#include "identity.h"
#include "refresh_tokens.h"
#include "request.h"
#include "second_factor.h"
#include "secrets.h"
#include "signing_keys.h"
#include "user_access.h"

#define EXPIRED_PER_RUN 200

static const char *const clients[] = { "UI", "API", NULL };

static const struct column user_session_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER | COL_REQUIRED },
	{ "session_token", COL_TEXT, COL_SECRET | COL_READONLY, .doc = "SHA-256 of the session's handle." },
	{ "ip_address", COL_TEXT, COL_READONLY | COL_PERSONAL, .doc = "Where it was opened from." },
	{ "user_agent", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "expires_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED,
	    .doc = "The absolute end; an idle session ends sooner." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ "device", COL_TEXT, COL_READONLY | COL_PERSONAL, .doc = "As the client named itself." },
	{ "client", COL_ENUM, COL_READONLY | COL_FILTER, .values = clients },
	{ "last_used_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT,
	    .doc = "The last sign-in or refresh." },
	{ "authenticated_at", COL_TIME, COL_READONLY,
	    .doc = "The last proof of a password or second factor; step-up looks at it." },
	{ "authenticated_with", COL_TEXT, COL_READONLY,
	    .doc = "What that proof was: password, totp, recovery_code, passkey; null before it was noted." },
	{ "revoked_at", COL_TIME, COL_READONLY | COL_FILTER, .doc = "null while it lives." },
	{ "revoked_cause", COL_TEXT, COL_READONLY, .doc = "LOGOUT, REVOKED, IDLE, EXPIRED, LIMIT, "
	    "PASSWORD_CHANGED, SUSPENDED, TERMINATED, TOKEN_REUSED, ERASED." },
	{ 0 }
};

/* Silent by itself: what happens to a session is told by events about its user. */
const struct resource user_sessions_resource = {
	.table = "user_sessions", .noun = "session", .module_key = "users",
	.columns = user_session_columns,
	.read = OWNER_OR("user-sessions.read"),
	.child = { "users", "sessions", "user_id" },
	.doc = "Where a user is signed in. DELETE ends one; its tokens are refused everywhere "
	    "within seconds.",
};

/* ---- the answer ---- */

void
act_as_user(struct request *rq, const struct row *user)
{
	rq->caller.user_id = row_id(user);
	rq->caller.account_type = row_text(user, "account_type");
	rq->actor = ACTOR_USER;
}

/* A token outlives neither its session nor a role that it names: the end of a grant is known beforehand. */
static int64_t
lifetime_s(const struct request *rq, const struct row *session, const struct user_access *access)
{
	int64_t now_s = rq->now_us / 1000000;
	int64_t left = (clock_parse(row_text(session, "expires_at")) - rq->now_us) / 1000000;
	int64_t most = config_int("ACCESS_TOKEN_S");

	if (access->until_s != 0 && access->until_s - now_s < most)
		most = access->until_s > now_s ? access->until_s - now_s : 1;
	return left < most ? left : most;
}

static char *
make_access_token(struct request *rq, const struct row *user, const struct row *session,
    const struct user_access *access)
{
	struct access_claims claims = {
		.sub = row_id(user),
		.sid = row_id(session),
		.account_type = row_text(user, "account_type"),
		.employee_id = access->employee_id,
		.department_id = access->department_id,
		.client = row_text(session, "client"),
		.role_keys = access->role_keys,
		.epoch = row_int(user, "access_epoch"),
		.restricted = strcmp(row_text(user, "status"), "SUSPENDED") == 0,
		.factor_missing = access->factor_missing,
		.issued_s = rq->now_us / 1000000,
		.expires_s = rq->now_us / 1000000 + lifetime_s(rq, session, access),
	};

	return access_token_sign(rq->arena, &claims);
}

int
session_answer_with(struct request *rq, const struct row *user, const struct row *session,
    const struct user_access *access, const char *refresh_token, const char *device_token)
{
	return reply_json(rq, 200, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s*}",
	    "access_token", make_access_token(rq, user, session, access),
	    "token_type", "Bearer",
	    "expires_in", (json_int_t)lifetime_s(rq, session, access),
	    "refresh_token", refresh_token,
	    "session_id", row_id(session),
	    "device_token", device_token));
}

int
session_answer(struct request *rq, const struct row *user, const struct row *session,
    const char *refresh_token, const char *device_token)
{
	struct user_access access;

	if (user_access_for_token(rq, row_id(user), &access) < 0)
		return -1;
	return session_answer_with(rq, user, session, &access, refresh_token, device_token);
}

/* ---- opening ---- */

static struct row *
insert_session(struct request *rq, const struct row *user, const struct sign_in *how,
    const char *handle)
{
	struct row *session = row_new(rq, &user_sessions_resource);

	row_set(session, "user_id", row_id(user));
	row_set(session, "session_token", secret_hash(rq->arena,
	    arena_printf(rq->arena, "session:%s", handle)));
	row_set(session, "ip_address", rq->ip_address);
	row_set(session, "user_agent", rq->user_agent);
	row_set(session, "device", how->device);
	row_set(session, "client", how->client);
	row_set_time(session, "expires_at", rq->now_us + config_int("SESSION_S") * 1000000);
	row_set_now(rq, session, "last_used_at");
	row_set_now(rq, session, "authenticated_at");
	row_set(session, "authenticated_with", how->method);
	return row_insert(rq, session) < 0 ? NULL : session;
}

/* The sign-in is one change of the user (last_login_at), told by session.opened. */
static int
record_sign_in(struct request *rq, struct row *user, const struct row *session,
    const struct sign_in *how, bool is_familiar)
{
	struct event_out *ev = row_event_as(rq, user, &EV_SESSION_OPENED);

	row_set_now(rq, user, "last_login_at");
	if (row_update(rq, user) < 0)
		return -1;
	event_fill_from_row(ev, session);
	event_set_text(ev, "session_id", row_id(session));
	event_set_bool(ev, "new_device", !is_familiar);
	event_set_text(ev, "method", how->method);
	return 0;
}

/* Five at most: the oldest go, so that a forgotten device does not keep its key for ever. */
static int
end_surplus(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM user_sessions WHERE user_id = $1 AND revoked_at IS NULL"
	    " AND expires_at > now() ORDER BY created_at DESC, id DESC OFFSET $2::bigint",
	    DB(user_id, arena_printf(rq->arena, "%lld", (long long)config_int("SESSIONS_MAX"))));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *session = row_load(rq, &user_sessions_resource, db_text(r, i, 0), true);
		if (session == NULL || session_end(rq, session, "LIMIT") < 0)
			return -1;
	}
	return 0;
}

int
session_open(struct request *rq, struct row *user, const struct sign_in *how)
{
	char *refresh_token = secret_new(rq->arena);
	const char *device_token = NULL;
	struct row *session;
	bool is_familiar;

	if (device_looks_familiar(rq, row_id(user), how->device, &is_familiar) < 0)
		return -1;
	session = insert_session(rq, user, how, refresh_token);
	if (session == NULL ||
	    record_sign_in(rq, user, session, how, is_familiar || how->known_token != NULL) < 0 ||
	    refresh_token_first(rq, session, refresh_token) < 0 ||
	    ((how->device != NULL || how->known_token != NULL) &&
	    device_remember(rq, row_id(user), how->known_token, &device_token) < 0) ||
	    end_surplus(rq, row_id(user)) < 0)
		return -1;
	return session_answer(rq, user, session, refresh_token, device_token);
}

/* ---- ending ---- */

bool
session_is_live(const struct request *rq, const struct row *session)
{
	int64_t idle_us = config_int("SESSION_IDLE_S") * 1000000;

	return !row_is_set(session, "revoked_at") &&
	    clock_parse(row_text(session, "expires_at")) > rq->now_us &&
	    clock_parse(row_text(session, "last_used_at")) + idle_us > rq->now_us;
}

int
session_end(struct request *rq, struct row *session, const char *cause)
{
	struct event_out *ev;

	if (row_is_set(session, "revoked_at"))
		return 0;
	ev = row_event_as(rq, session, &EV_SESSION_REVOKED);
	event_set_text(ev, "session_id", row_id(session));
	event_set_text(ev, "cause", cause);
	event_recipient(ev, row_text(session, "user_id"));
	row_set_now(rq, session, "revoked_at");
	row_set(session, "revoked_cause", cause);
	if (row_update(rq, session) < 0)
		return -1;
	return refresh_tokens_revoke(rq, row_id(session));
}

int
sessions_end(struct request *rq, const char *user_id, const char *except, const char *cause)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM user_sessions WHERE user_id = $1 AND revoked_at IS NULL"
	    " AND id IS DISTINCT FROM $2::uuid ORDER BY id", DB(user_id, except));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *session = row_load(rq, &user_sessions_resource, db_text(r, i, 0), true);
		if (session == NULL || session_end(rq, session, cause) < 0)
			return -1;
	}
	return 0;
}

/* DELETE /v1/user-sessions/{id}: its owner, or staff. */
int
user_session_revoke(struct request *rq)
{
	struct row *session = row_load(rq, &user_sessions_resource, rq->id, true);

	if (session == NULL)
		return -1;
	if (!caller_is(rq, row_text(session, "user_id")) &&
	    !caller_has_permission(rq, rq->route->access.permission))
		return fail(rq, ERR_NOT_FOUND, "there is no such session");
	return session_end(rq, session, "REVOKED") < 0 ? -1 : reply_empty(rq);
}

const struct column logout_body[] = {
	{ "scope", COL_ENUM, 0, .values = (const char *const[]){ "this", "others", "all", NULL },
	    .initial = "this", .doc = "Which of the caller's sessions end." },
	{ 0 }
};

int
auth_logout(struct request *rq)
{
	const char *scope = body_text(rq, "scope");
	struct row *session;

	if (scope != NULL && strcmp(scope, "this") != 0) {
		const char *except = strcmp(scope, "others") == 0 ? rq->caller.session_id : NULL;
		if (sessions_end(rq, rq->caller.user_id, except, "LOGOUT") < 0)
			return -1;
		return reply_empty(rq);
	}
	session = row_load(rq, &user_sessions_resource, rq->caller.session_id, true);
	if (session == NULL || session_end(rq, session, "LOGOUT") < 0)
		return -1;
	return reply_empty(rq);
}

/* The clock: what nobody ended ends when its time is over. */
int
sessions_expire(struct request *rq)
{
	struct db_result *r = db_query(rq,
	    "SELECT id FROM user_sessions WHERE revoked_at IS NULL AND (expires_at <= now()"
	    " OR last_used_at <= now() - make_interval(secs => $1::integer))"
	    " ORDER BY expires_at LIMIT $2::integer FOR NO KEY UPDATE SKIP LOCKED",
	    DB(arena_printf(rq->arena, "%lld", (long long)config_int("SESSION_IDLE_S")),
	    arena_printf(rq->arena, "%d", EXPIRED_PER_RUN)));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *session = row_load(rq, &user_sessions_resource, db_text(r, i, 0), true);
		bool over = session != NULL &&
		    clock_parse(row_text(session, "expires_at")) <= rq->now_us;
		if (session == NULL || session_end(rq, session, over ? "EXPIRED" : "IDLE") < 0)
			return -1;
	}
	return 0;
}

/* ---- step-up ---- */

const char *
session_proof(struct request *rq)
{
	return arena_printf(rq->arena, "session:%s", rq->caller.session_id);
}

int
session_needs_step_up(struct request *rq)
{
	struct db_result *r = db_one_or_fail(rq, ERR_BAD_TOKEN, "this session has ended",
	    "SELECT authenticated_at > now() - make_interval(secs => $2::integer)"
	    " FROM user_sessions WHERE id = $1 AND revoked_at IS NULL",
	    DB(rq->caller.session_id,
	    arena_printf(rq->arena, "%lld", (long long)config_int("STEP_UP_S"))));

	if (r == NULL)
		return -1;
	if (!db_bool(r, 0, 0))
		return fail(rq, ERR_STEP_UP_REQUIRED, "confirm your password first");
	return 0;
}

struct row *
caller_stepped_up(struct request *rq)
{
	return session_needs_step_up(rq) < 0 ? NULL :
	    row_load(rq, &users_resource, rq->caller.user_id, true);
}

/* A stolen session and a password known with it must not be enough to take the second factor away. */
struct row *
caller_proved_factor(struct request *rq)
{
	struct row *user = caller_stepped_up(rq);
	bool is_enough;

	if (user == NULL || db_query_bool(rq, "SELECT authenticated_with IS DISTINCT FROM 'password' OR NOT "
	    SECOND_FACTOR_IS_ON("s.user_id") " FROM user_sessions s WHERE id = $1", DB(rq->caller.session_id),
	    &is_enough) < 0)
		return NULL;
	if (!is_enough)
		fail(rq, ERR_STEP_UP_REQUIRED, "confirm with a code or a passkey first: this account has a second factor");
	return is_enough ? user : NULL;
}

int
session_proved(struct request *rq, const char *method)
{
	struct row *session = row_load(rq, &user_sessions_resource, rq->caller.session_id, true);

	if (session == NULL)
		return -1;
	row_set_now(rq, session, "authenticated_at");
	row_set(session, "authenticated_with", method);
	return row_update(rq, session);
}

int
session_stepped_up(struct request *rq, const char *method)
{
	return session_proved(rq, method) < 0 ? -1 : reply_empty(rq);
}
