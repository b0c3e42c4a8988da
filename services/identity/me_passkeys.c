/*
 * /v1/me/passkeys: the caller's passkeys, added in two steps (a question for the browser, its
 * answer), renamed and removed. Adding and removing need step-up. No key ever leaves.
 */
#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "json.h"
#include "operations.h"
#include "passkeys.h"
#include "request.h"
#include "second_factor.h"
#include "sessions.h"

#define TRANSPORTS_MAX 8

static const struct column user_passkey_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_OWNER | COL_REQUIRED },
	{ "credential_id", COL_TEXT, COL_SECRET | COL_READONLY, .doc = "How the authenticator knows it." },
	{ "public_key", COL_TEXT, COL_SECRET | COL_READONLY, .doc = "COSE." },
	{ "sign_count", COL_INT, COL_READONLY | COL_REQUIRED,
	    .doc = "How often the authenticator says it was used; 0 where it does not count." },
	{ "transports", COL_TEXT_ARRAY, COL_READONLY | COL_REQUIRED, .doc = "As the browser named them." },
	{ "name", COL_TEXT, COL_PERSONAL, .max = 100, .doc = "As its owner calls it." },
	{ "last_used_at", COL_TIME, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

/* No endpoint of its own: nobody but the owner has to do with it. */
const struct resource user_passkeys_resource = {
	.table = "user_passkeys", .noun = "passkey", .module_key = "users",
	.label = "name", .recipient = "user_id",
	.columns = user_passkey_columns,
	.created = &EV_PASSKEY_ADDED, .updated = &EV_PASSKEY_CHANGED, .removed = &EV_PASSKEY_REMOVED,
	.doc = "Keys that open their owner's account; /v1/me/passkeys.",
};

const struct column me_passkeys_add_body[] = {
	PASSKEY_COLUMNS("clientDataJSON, attestationObject, transports."),
	{ "name", COL_TEXT, 0, .max = 100, .doc = "What the owner calls it." },
	{ 0 }
};

const struct column me_passkey_rename_body[] = {
	{ "name", COL_TEXT, COL_REQUIRED, .max = 100 },
	{ 0 }
};

int
me_passkeys_read(struct request *rq)
{
	struct row **rows = row_load_all(rq, &user_passkeys_resource, "user_id", rq->caller.user_id);
	json_t *items;

	if (rows == NULL)
		return -1;
	items = json_array();
	for (; *rows != NULL; rows++)
		json_array_append_new(items, json_loads(row_json(rq, *rows), 0, NULL));
	return reply_json(rq, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}

int
me_passkeys_options(struct request *rq)
{
	struct row *user = caller_proved_factor(rq);
	const char *challenge;
	json_t *own;

	if (user == NULL || passkey_challenge_make(rq, "ENROL", row_id(user), &challenge) < 0 ||
	    (own = passkey_descriptors(rq, row_id(user))) == NULL)
		return -1;
	return reply_json(rq, 200, passkey_creation_options(rq, user, challenge, own));
}

/* ---- adding ---- */

static bool
is_transport(const char *s)
{
	size_t n = s == NULL ? 0 : strspn(s, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n <= 20 && s[n] == '\0';
}

/* What the browser says of how it reached the authenticator; kept to be told back to it. */
static const char *
transports_of(struct request *rq, json_t *response)
{
	json_t *kept = json_array(), *v;
	const char *text;
	size_t i;

	json_array_foreach(json_object_get(response, "transports"), i, v)
		if (is_transport(json_string_value(v)) && json_array_size(kept) < TRANSPORTS_MAX)
			json_array_append(kept, v);
	text = arena_strdup(rq->arena, json_text(rq->arena, kept));
	json_decref(kept);
	return text;
}

/* Verifies the answer; its challenge is still to be used up. */
static int
read_answer(struct request *rq, struct webauthn_credential *ret, const char **ret_challenge)
{
	json_t *response = body_json(rq, "response");
	struct webauthn_bytes id, client_data, object;
	const char *reason;

	if (passkey_member(rq, rq->body, "", "id", false, WEBAUTHN_ID_MAX, &id) < 0 ||
	    passkey_member(rq, response, "/response", "clientDataJSON", false, WEBAUTHN_CLIENT_DATA_MAX,
	    &client_data) < 0 || passkey_member(rq, response, "/response", "attestationObject", false,
	    WEBAUTHN_OBJECT_MAX, &object) < 0)
		return -1;
	reason = webauthn_client_data(rq->arena, passkey_party(), "webauthn.create", client_data, ret_challenge);
	if (reason != NULL)
		return fail_field(rq, "/response/clientDataJSON", "bad_passkey", "%s", reason);
	reason = webauthn_attestation(passkey_party(), client_data, object, ret);
	if (reason != NULL)
		return fail_field(rq, "/response/attestationObject", "bad_passkey", "%s", reason);
	if (id.len != ret->id.len || memcmp(id.p, ret->id.p, id.len) != 0)
		return fail_field(rq, "id", "bad_passkey", "the attestation is of another passkey");
	return 0;
}

static int
must_have_room(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq, "SELECT count(*) FROM user_passkeys WHERE user_id = $1", DB(user_id));

	if (r == NULL)
		return -1;
	return db_int(r, 0, 0) < PASSKEYS_MAX ? 0 :
	    fail(rq, ERR_CONFLICT, "you have %d passkeys, which is the most; remove one first", PASSKEYS_MAX);
}

static struct row *
insert(struct request *rq, const struct row *user, const struct webauthn_credential *c)
{
	struct row *passkey = row_new(rq, &user_passkeys_resource);

	row_set(passkey, "user_id", row_id(user));
	row_set(passkey, "credential_id", bytea_text(rq->arena, c->id));
	row_set(passkey, "public_key", bytea_text(rq->arena, c->public_key));
	row_set_int(passkey, "sign_count", c->sign_count);
	row_set(passkey, "transports", transports_of(rq, body_json(rq, "response")));
	row_set(passkey, "name", body_text(rq, "name"));
	event_set_text(row_event_as(rq, passkey, &EV_PASSKEY_ADDED), "ip_address", rq->ip_address);
	return row_insert(rq, passkey) < 0 ? NULL : passkey;
}

int
me_passkeys_add(struct request *rq)
{
	struct row *user = caller_proved_factor(rq), *passkey;
	struct webauthn_credential c = { 0 };
	const char *challenge;

	if (user == NULL || read_answer(rq, &c, &challenge) < 0 || must_have_room(rq, row_id(user)) < 0 ||
	    passkey_challenge_use(rq, "ENROL", row_id(user), challenge) < 0)
		return -1;
	passkey = insert(rq, user, &c);
	if (passkey == NULL || session_proved(rq, "passkey") < 0)
		return -1;
	reply_row(rq, 201, passkey);
	rq->reply.location = arena_printf(rq->arena, "/v1/me/passkeys/%s", row_id(passkey));
	return 0;
}

/* ---- later ---- */

static struct row *
own_passkey(struct request *rq)
{
	struct row *passkey = row_load(rq, &user_passkeys_resource, rq->id, true);

	if (passkey != NULL && caller_is(rq, row_text(passkey, "user_id")))
		return passkey;
	if (passkey != NULL)
		fail(rq, ERR_NOT_FOUND, "there is no such passkey");
	return NULL;
}

int
me_passkey_rename(struct request *rq)
{
	struct row *passkey = own_passkey(rq);

	if (passkey == NULL || operations_if_match(rq,
	    arena_printf(rq->arena, "\"%s\"", row_text(passkey, "version"))) < 0)
		return -1;
	row_set(passkey, "name", body_text(rq, "name"));
	return row_update(rq, passkey) < 0 ? -1 : reply_row(rq, 200, passkey);
}

int
me_passkey_remove(struct request *rq)
{
	struct row *passkey = caller_proved_factor(rq) == NULL ? NULL : own_passkey(rq);

	return passkey == NULL || row_remove(rq, passkey) < 0 ||
	    second_factor_removed(rq, rq->caller.user_id) < 0 ? -1 : reply_empty(rq);
}
