/*
 * Signing in and stepping up with a passkey.
 *
 * What an answer says by itself (origin, rpId, whether its user was verified) is judged first, and
 * refused alike whether the passkey is known or not; an unknown one and a wrong signature are told
 * apart by nothing. An attempt is counted as one at a password is, but for itself: who guesses
 * passwords delays no passkey. The challenge is used up by the first answer, a wrong one too.
 */
#include <string.h>

#include "db.h"
#include "devices.h"
#include "dispatch.h"
#include "event.h"
#include "identity.h"
#include "passkeys.h"
#include "request.h"
#include "sessions.h"
#include "throttle.h"
#include "uuid.h"

const struct column auth_passkey_body[] = {
	PASSKEY_COLUMNS("clientDataJSON, authenticatorData, signature, userHandle."),
	{ "client", COL_ENUM, 0, .values = (const char *const[]){ "UI", "API", NULL }, .initial = "API",
	    .doc = "What the caller is; stands in audit as the source." },
	{ "device", COL_TEXT, 0, .max = 100,
	    .doc = "What the caller calls itself in the list of sessions; who does is given a device_token." },
	{ "device_token", COL_TEXT, 0, .max = 100, .doc = "From the last sign-in on this device." },
	{ 0 }
};

const struct column auth_passkey_options_body[] = {
	{ "challenge", COL_TEXT, 0, .max = 100, .doc = "From the refusal of a sign-in by password." },
	{ 0 }
};

/* An answer, and what was found of its passkey before the transaction. */
struct answer {
	struct webauthn_bytes id, client_data, auth_data, signature, user_handle;
	const char *purpose, *challenge;
	const char *asked;		/* the user who was asked to step up, or NULL */
	bool is_asked;			/* this very user was asked: the answer need not say who gives it */
	const char *wrong;		/* what it says by itself is wrong, or NULL */
	uint32_t sign_count;
	const char *passkey_id, *user_id;	/* NULL: no such passkey */
	struct sign_in how;
	struct throttle throttle;
};

/* ---- options ---- */

/*
 * A question to whoever answers it; with the challenge of a right password that question, put to its
 * account. The list of that one's passkeys finds those too that an authenticator does not offer by itself.
 */
int
auth_passkey_options(struct request *rq)
{
	const char *challenge = body_text(rq, "challenge"), *user_id;
	json_t *allow;

	if (challenge == NULL) {
		if (passkey_challenge_make(rq, "SIGN_IN", NULL, &challenge) < 0)
			return -1;
		allow = json_array();
	} else if (passkey_challenge_asks(rq, "SIGN_IN", challenge, &user_id) < 0 ||
	    (allow = passkey_descriptors(rq, user_id)) == NULL) {
		return -1;
	}
	return reply_json(rq, 200, passkey_request_options(challenge, allow));
}

int
auth_step_up_options(struct request *rq)
{
	const char *challenge;
	json_t *own;

	if (passkey_challenge_make(rq, "STEP_UP", rq->caller.user_id, &challenge) < 0 ||
	    (own = passkey_descriptors(rq, rq->caller.user_id)) == NULL)
		return -1;
	return reply_json(rq, 200, passkey_request_options(challenge, own));
}

/* ---- reading the answer ---- */

/* `from` is what the browser gave, at `at` of the body. A wrong origin is a refusal, no wrong field. */
static int
read_answer(struct request *rq, json_t *from, const char *at, struct answer *ret)
{
	json_t *response = json_object_get(from, "response");
	const char *in = arena_printf(rq->arena, "%s/response", at);

	if (passkey_member(rq, from, at, "id", false, WEBAUTHN_ID_MAX, &ret->id) < 0 ||
	    passkey_member(rq, response, in, "clientDataJSON", false, WEBAUTHN_CLIENT_DATA_MAX,
	    &ret->client_data) < 0 ||
	    passkey_member(rq, response, in, "authenticatorData", false, WEBAUTHN_OBJECT_MAX,
	    &ret->auth_data) < 0 ||
	    passkey_member(rq, response, in, "signature", false, WEBAUTHN_SIGNATURE_MAX,
	    &ret->signature) < 0 ||
	    passkey_member(rq, response, in, "userHandle", true, 64, &ret->user_handle) < 0)
		return -1;
	ret->wrong = webauthn_client_data(rq->arena, passkey_party(), "webauthn.get", ret->client_data,
	    &ret->challenge);
	if (ret->wrong == NULL)
		ret->wrong = webauthn_auth_data(passkey_party(), ret->auth_data, &ret->sign_count);
	return 0;
}

static int
find_passkey(struct request *rq, struct answer *an)
{
	struct db_result *r = db_query(rq, "SELECT id, user_id FROM user_passkeys WHERE credential_id = $1",
	    DB(bytea_text(rq->arena, an->id)));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 1) {
		an->passkey_id = db_text(r, 0, 0);
		an->user_id = db_text(r, 0, 1);
	}
	return an->challenge == NULL ? 0 : passkey_challenge_is_open(rq, an->purpose,
	    an->asked != NULL ? an->asked : an->user_id, an->challenge, &an->is_asked);
}

/* ---- judging ---- */

/* The handle is the user's id; asked for where the answer itself says who signs in. */
static bool
is_handle_of(const struct answer *an, const struct row *passkey)
{
	uint8_t user[16];

	if (an->user_handle.len == 0)
		return an->is_asked;
	return uuid_parse(row_text(passkey, "user_id"), user) && an->user_handle.len == sizeof(user) &&
	    memcmp(an->user_handle.p, user, sizeof(user)) == 0;
}

static int
tell_clone(struct request *rq, struct row *passkey, const struct answer *an)
{
	struct event_out *ev = event_publish(rq, &EV_PASSKEY_CLONE_SUSPECTED, row_id(passkey),
	    row_version(passkey));

	event_fill_from_row(ev, passkey);
	event_label(ev, row_text(passkey, "name"));
	event_recipient(ev, row_text(passkey, "user_id"));
	event_set_int(ev, "received_count", an->sign_count);
	event_set_text(ev, "ip_address", rq->ip_address);
	event_set_text(ev, "device", rq->user_agent);
	return 0;
}

/* Section 7.2 step 21: the counter rises with each answer, or there is none. */
static int
count_use(struct request *rq, struct row *passkey, const struct answer *an, bool *ret_is_right)
{
	struct db_result *r = db_query(rq, "UPDATE user_passkeys SET sign_count = $2, last_used_at = now()"
	    " WHERE id = $1 AND (sign_count < $2::bigint OR (sign_count = 0 AND $2::bigint = 0))",
	    DB(row_id(passkey), arena_printf(rq->arena, "%u", (unsigned)an->sign_count)));

	if (r == NULL)
		return -1;
	*ret_is_right = db_affected(r) == 1;
	return *ret_is_right ? 0 : tell_clone(rq, passkey, an);
}

/* In the transaction, the user locked; `user` NULL: no such passkey. */
static int
judge(struct request *rq, const struct row *user, const struct answer *an, bool *ret_is_right)
{
	struct row *passkey;

	*ret_is_right = false;
	if (an->challenge != NULL && passkey_challenge_use(rq, an->purpose,
	    user != NULL ? row_id(user) : NULL, an->challenge) < 0)
		return -1;
	if (an->wrong != NULL || user == NULL || an->passkey_id == NULL)
		return 0;
	passkey = row_load_if_there(rq, &user_passkeys_resource, an->passkey_id);	/* it may be removed meanwhile */
	if (rq->problem.code != ERR_NONE)
		return -1;
	if (passkey == NULL || strcmp(row_text(passkey, "user_id"), row_id(user)) != 0 ||
	    !is_handle_of(an, passkey) || !webauthn_signed(bytea_bytes(rq->arena,
	    row_text(passkey, "public_key")), an->auth_data, an->client_data, an->signature))
		return 0;
	return count_use(rq, passkey, an, ret_is_right);
}

static int
refuse(struct request *rq, const struct answer *an)
{
	if (throttle_failed(rq, &an->throttle) < 0)
		return -1;
	auth_failed(rq, an->user_id, "passkey", "bad_credentials", an->throttle.own.failures);
	return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "%s",
	    an->wrong != NULL ? an->wrong : "this passkey does not open the account");
}

/* ---- POST /v1/auth/passkey ---- */

static int
take_attempt(struct request *rq, struct answer *an)
{
	const char *counted = arena_printf(rq->arena, "passkey:%s", bytea_text(rq->arena, an->id));
	const char *proof;

	if (device_proof(rq, an->user_id, &an->how, &proof) < 0)
		return -1;
	if (proof != NULL)
		proof = arena_printf(rq->arena, "passkey %s", proof);
	an->throttle.user_id = an->user_id;
	an->throttle.method = an->how.method;
	if (throttle_read(rq, counted, proof, &an->throttle) < 0)
		return -1;
	return throttle_take(rq, &an->throttle);
}

static int
sign_in(struct request *rq, void *arg)
{
	struct answer *an = arg;
	struct row *user = NULL;
	bool is_right;

	if (an->user_id != NULL && (user = row_load(rq, &users_resource, an->user_id, true)) == NULL)
		return -1;
	if (judge(rq, user, an, &is_right) < 0)
		return -1;
	if (!is_right || user_is_unconfirmed(user))
		return refuse(rq, an);
	act_as_user(rq, user);
	rq->source_type = an->how.client;
	return throttle_passed(rq, &an->throttle) < 0 ? -1 : session_open(rq, user, &an->how);
}

int
auth_passkey(struct request *rq)
{
	struct answer an = { .purpose = "SIGN_IN", .how.method = "passkey" };

	an.how.client = body_has(rq, "client") ? body_text(rq, "client") : "API";
	an.how.device = body_text(rq, "device");
	if (read_answer(rq, rq->body, "", &an) < 0 || find_passkey(rq, &an) < 0 || take_attempt(rq, &an) < 0)
		return -1;
	return unit_run(rq, sign_in, &an);
}

/* ---- POST /v1/auth/step-up ---- */

static int
confirm(struct request *rq, void *arg)
{
	const struct answer *an = arg;
	struct row *user = row_load(rq, &users_resource, rq->caller.user_id, true);
	bool is_right;

	if (user == NULL || judge(rq, user, an, &is_right) < 0)
		return -1;
	if (!is_right)
		return refuse(rq, an);
	return throttle_passed(rq, &an->throttle) < 0 ? -1 : session_stepped_up(rq, "passkey");
}

int
passkey_step_up(struct request *rq)
{
	struct answer an = { .purpose = "STEP_UP", .asked = rq->caller.user_id,
	    .throttle = { .user_id = rq->caller.user_id, .method = "step_up" } };
	const char *counted = arena_printf(rq->arena, "passkey step-up:%s", rq->caller.user_id);

	if (read_answer(rq, body_json(rq, "passkey"), "/passkey", &an) < 0 || find_passkey(rq, &an) < 0 ||
	    throttle_read(rq, counted, session_proof(rq), &an.throttle) < 0 ||
	    throttle_take(rq, &an.throttle) < 0)
		return -1;
	return unit_run(rq, confirm, &an);
}
