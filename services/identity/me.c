/* The signed-in caller: account, preferences, and the address and number by which to reach them. */
#include <string.h>

#include "auth.h"
#include "config.h"
#include "contacts.h"
#include "db.h"
#include "event.h"
#include "http.h"
#include "identity.h"
#include "json.h"
#include "one_time_tokens.h"
#include "operations.h"
#include "phones.h"
#include "request.h"
#include "sessions.h"
#include "throttle.h"
#include "validate.h"

/* ---- /v1/me ---- */

/*
 * Keys of all permissions that the caller's roles hold, as every guard of this process knows them; sorted. None of a
 * suspended one, whom no guard lets do anything by his roles.
 */
static json_t *
permissions_of_caller(struct request *rq)
{
	const char *const *keys;
	size_t n = rq->caller.restricted ? 0 : access_permissions_of(rq->arena, rq->caller.role_keys, &keys);
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_string(keys[i]));
	return all;
}

static json_t *
roles_of_caller(const struct request *rq)
{
	json_t *keys = json_array();

	for (const char *const *k = rq->caller.role_keys; k != NULL && *k != NULL; k++)
		json_array_append_new(keys, json_string(*k));
	return keys;
}

/* A quote, 32 digits of the hash of the account and a dot; 32 of that of the permissions and a quote follow. */
#define ETAG_ACCOUNT (1 + 32 + 1)

/*
 * The user's own row, with what this sign-in may do. Permissions have a part of their own in the ETag: whoever asks
 * If-None-Match is told of a change of them, and an If-Match does not depend on it; see etag_to_match().
 */
static int
answer(struct request *rq, const struct row *user)
{
	json_t *item = json_loads(row_json(rq, user), 0, NULL), *permissions = permissions_of_caller(rq);
	char account[65], rights[65];
	const char *text;

	json_object_set_new(item, "roles", roles_of_caller(rq));
	json_object_set_new(item, "session_id", json_string(rq->caller.session_id));
	json_object_set_new(item, "employee_id",
	    rq->caller.employee_id != NULL ? json_string(rq->caller.employee_id) : json_null());
	text = json_text(rq->arena, item);
	sha256_hex(text, strlen(text), account);
	text = json_text(rq->arena, permissions);
	sha256_hex(text, strlen(text), rights);
	json_object_set_new(item, "permissions", permissions);
	reply_json(rq, 200, item);
	rq->reply.etag = arena_printf(rq->arena, "\"%.32s.%.32s\"", account, rights);
	return 0;
}

/*
 * The ETag of the account as it is, with the permissions that the If-Match names, if it is of the same account. Each
 * replica learns of changed permissions in its own time: a PATCH at one must not be refused for what was read at another.
 */
static const char *
etag_to_match(struct request *rq)
{
	const char *etag = rq->reply.etag, *header = http_header(rq->http, "if-match");
	const char *sent = header == NULL ? NULL : strstr(header, arena_strndup(rq->arena, etag, ETAG_ACCOUNT));

	return sent == NULL ? etag : arena_strndup(rq->arena, sent, strnlen(sent, strlen(etag)));
}

int
me_read(struct request *rq)
{
	struct row *user = row_load(rq, &users_resource, rq->caller.user_id, false);

	return user == NULL ? -1 : answer(rq, user);
}

const struct column me_body[] = {
	COLUMN_DISPLAY_NAME(0),
	{ 0 }
};

int
me_update(struct request *rq)
{
	struct row *user = row_load(rq, &users_resource, rq->caller.user_id, true);

	/* the ETag is that of an answer: made as it stands before the change */
	if (user == NULL || answer(rq, user) < 0 || operations_if_match(rq, etag_to_match(rq)) < 0)
		return -1;
	if (body_has(rq, "display_name"))
		row_set(user, "display_name", body_text(rq, "display_name"));
	return row_update(rq, user) < 0 ? -1 : answer(rq, user);
}

/* ---- settings ---- */

static const struct column user_settings_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_FILTER | COL_REQUIRED },
	{ "settings_json", COL_JSON, COL_REQUIRED | COL_OBJECT | COL_PERSONAL, .initial = "{}",
	    .doc = "Preferences; notify reads `notifications`." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource user_settings_resource = {
	.table = "user_settings", .noun = "user_setting", .module_key = "users", .recipient = "user_id",
	.columns = user_settings_columns,
	.read = OWNER_OR("user-settings.read"), .create = SIGNED_IN, .update = OWNER,
	.changed = &EV_USER_SETTINGS_CHANGED,
	.doc = "Preferences of a user. The caller's own are /v1/me/settings.",
};

const struct column me_settings_body[] = {
	{ "settings_json", COL_JSON, COL_REQUIRED | COL_OBJECT, .doc = "Merged into what is there (RFC 7396)." },
	{ 0 }
};

/* The caller's row; a fresh one, not yet inserted, where there is none. */
static struct row *
settings_of_caller(struct request *rq, bool lock, bool *ret_is_new)
{
	struct row *row = row_load_by_if_there(rq, &user_settings_resource, "user_id", rq->caller.user_id, lock);

	*ret_is_new = row == NULL && rq->problem.code == ERR_NONE;
	return *ret_is_new ? row_new(rq, &user_settings_resource) : row;
}

int
me_settings_read(struct request *rq)
{
	bool is_new;
	struct row *row = settings_of_caller(rq, false, &is_new);

	if (row == NULL)
		return -1;
	if (!is_new)
		return reply_row(rq, 200, row);
	return reply_json(rq, 200, json_pack("{s:s, s:{}}", "user_id", rq->caller.user_id,
	    "settings_json"));
}

int
me_settings_update(struct request *rq)
{
	bool is_new;
	struct row *row = settings_of_caller(rq, true, &is_new);
	const char *etag;

	if (row == NULL)
		return -1;
	etag = is_new ? NULL : arena_printf(rq->arena, "\"%s\"", row_text(row, "version"));
	if (operations_if_match(rq, etag) < 0)
		return -1;
	if (validate_merge(rq, row, "settings_json", body_json(rq, "settings_json")) < 0)
		return -1;
	if ((is_new ? row_insert(rq, row) : row_update(rq, row)) < 0)
		return -1;
	return reply_row(rq, 200, row);
}

/* ---- address and number: a fresh proof first, and the old address is told too ---- */

const struct column me_email_body[] = {
	{ "email", COL_EMAIL, COL_REQUIRED },
	{ 0 }
};
const struct column me_email_confirm_body[] = {
	{ "token", COL_TEXT, COL_REQUIRED, .max = 200 },
	{ 0 }
};
const struct column me_phone_body[] = {
	{ "phone", COL_TEXT, 0, .max = 40, .pattern = PHONE_PATTERN, .doc = "null removes it." },
	{ 0 }
};

static int
email_is_free(struct request *rq, const char *email, bool *ret_free)
{
	struct db_result *r = db_query(rq,
	    "SELECT NOT EXISTS (SELECT FROM users WHERE lower(email) = lower($1))", DB(email));

	if (r == NULL)
		return -1;
	*ret_free = db_bool(r, 0, 0);
	return 0;
}

#define LINKS_PAUSE "1 hour"
#define LINKS_MAX 5	/* links within that time, of one account; and to one address, whoever asks */

/* *ret_enough: the address has had so many that it gets no more, which its asker is not told. */
static int
links_are_few(struct request *rq, const char *email, bool *ret_enough)
{
	struct db_result *r = db_query(rq, "SELECT (SELECT count(*) FROM one_time_tokens WHERE user_id = $1"
	    " AND purpose = 'CHANGE_EMAIL' AND created_at > now() - interval '" LINKS_PAUSE "'),"
	    " (SELECT count(*) FROM one_time_tokens WHERE lower(new_value) = lower($2)"
	    " AND purpose = 'CHANGE_EMAIL' AND created_at > now() - interval '" LINKS_PAUSE "')",
	    DB(rq->caller.user_id, email));

	if (r == NULL)
		return -1;
	*ret_enough = db_int(r, 0, 1) >= LINKS_MAX;
	if (db_int(r, 0, 0) < LINKS_MAX)
		return 0;
	rq->problem.retry_after_s = 3600;
	return fail(rq, ERR_TOO_MANY_REQUESTS, "%d links within an hour are the most; follow one of them", LINKS_MAX);
}

/* Sends a link to the new address; nothing changes before it is followed. A taken one gets none. */
int
me_email_change(struct request *rq)
{
	const char *email;
	struct row *user;
	bool is_free, has_enough;

	if (email_take_new(rq, "email", &email) < 0 || (user = caller_stepped_up(rq)) == NULL ||
	    links_are_few(rq, email, &has_enough) < 0 || email_is_free(rq, email, &is_free) < 0)
		return -1;
	if (!is_free)
		auth_failed(rq, row_id(user), "email", "already_exists", 0);
	else if (!has_enough && one_time_token_issue(rq, user, "CHANGE_EMAIL", email, email, config_int("VERIFY_TOKEN_S")) < 0)
		return -1;
	return reply_json(rq, 202, json_pack("{s:s}", "status", "PENDING"));
}

static const char *
hash_of(struct request *rq, const char *value)
{
	char *hex = arena_alloc(rq->arena, 65);

	sha256_hex(value, strlen(value), hex);
	return hex;
}

int
me_email_confirm(struct request *rq)
{
	struct one_time_token token;
	struct event_out *ev;
	struct row *user;
	bool is_free;

	if (one_time_token_redeem(rq, "CHANGE_EMAIL", body_text(rq, "token"), &token) < 0)
		return -1;
	if (email_lock(rq, token.new_value) < 0)
		return -1;
	user = row_load(rq, &users_resource, token.user_id, true);
	if (user == NULL || email_is_free(rq, token.new_value, &is_free) < 0)
		return -1;
	if (!is_free)
		return fail(rq, ERR_TOKEN_INVALID, "this address cannot be used any more");
	act_as_user(rq, user);
	ev = row_event_as(rq, user, &EV_USER_CONTACT_CHANGED);
	event_set_text(ev, "old_email", row_text(user, "email"));
	event_set_text(ev, "email_hash", hash_of(rq, token.new_value));
	row_set(user, "email", token.new_value);
	row_set_now(rq, user, "email_verified_at");
	row_set(user, "email_unreachable_at", NULL);
	if (row_update(rq, user) < 0 || one_time_tokens_end(rq, row_id(user)) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s}", "status", row_text(user, "status")));
}

int
me_phone_change(struct request *rq)
{
	const char *phone;
	struct event_out *ev;
	struct row *user;
	bool is_taken;

	if (!body_has(rq, "phone"))
		return fail_field(rq, "phone", "required", "a number, or null");
	if (phone_take(rq, "phone", &phone) < 0 || (user = caller_stepped_up(rq)) == NULL ||
	    phone_claim(rq, phone, row_id(user), &is_taken) < 0)
		return -1;
	if (is_taken)
		return fail_already_exists(rq, "phone", "another account holds this number");
	ev = row_event_as(rq, user, &EV_USER_CONTACT_CHANGED);
	event_set_text(ev, "old_phone", row_text(user, "phone"));
	if (phone != NULL)
		event_set_text(ev, "phone_hash", hash_of(rq, phone));
	row_set(user, "phone", phone);
	return row_update(rq, user) < 0 ? -1 : reply_row(rq, 200, user);
}
