/*
 * The second question of a sign-in, and step-up by a code.
 *
 * A right password of an account with a second factor opens no session: it gives a challenge that
 * lives for minutes, of which the table holds the hash. Whoever brings it with a code of the
 * authenticator or with a recovery code gets the session that the password asked for. A passkey
 * answers the same challenge in auth_passkey.c.
 */
#include <string.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "devices.h"
#include "dispatch.h"
#include "identity.h"
#include "request.h"
#include "second_factor.h"
#include "secrets.h"
#include "sessions.h"
#include "uuid.h"

#define ANSWERS_MAX "5"	/* wrong ones to one challenge; then the password is asked for again */

const struct column auth_totp_body[] = {
	{ "challenge", COL_TEXT, COL_REQUIRED, .max = 100, .doc = "From the refusal of the sign-in." },
	{ "code", COL_TEXT, 0, .min = 6, .max = 6, .doc = "Six digits of the authenticator." },
	{ "recovery_code", COL_TEXT, 0, .max = 40, .doc = "In the place of a code; each is good once." },
	{ "device_token", COL_TEXT, 0, .max = 100, .doc = "From the last sign-in on this device." },
	{ 0 }
};

/* Which answers this account can give. */
static const char *
how_to_go_on(const struct second_factors *has)
{
	if (!has->passkey)
		return "the password is right; send this challenge with a code to /v1/auth/totp";
	return has->totp ? "the password is right; send this challenge with a code to /v1/auth/totp, or to"
	    " /v1/auth/passkey/options for a passkey" :
	    "the password is right; send this challenge to /v1/auth/passkey/options for a passkey";
}

int
second_factor_ask(struct request *rq, struct row *user, const struct sign_in *how)
{
	char *challenge, expires[CLOCK_TEXT];
	struct second_factors has;

	if (second_factors_read(rq, row_id(user), &has) < 0)
		return -1;
	if (!has.totp && !has.passkey)
		return 0;
	challenge = secret_new(rq->arena);
	clock_format(rq->now_us + config_int("CHALLENGE_S") * 1000000, expires);
	if (row_update(rq, user) < 0 || db_exec(rq,
	    "INSERT INTO auth_challenges (id, user_id, purpose, challenge, expires_at, client, device)"
	    " VALUES ($1, $2, 'SIGN_IN', decode($3, 'hex'), $4, $5, $6)",
	    DB(uuid_new(rq->arena), row_id(user), secret_hash(rq->arena, challenge), expires,
	    how->client, how->device)) < 0)
		return -1;
	rq->problem.challenge = challenge;
	return refuse_and_commit(rq, ERR_SECOND_FACTOR_REQUIRED, "%s", how_to_go_on(&has));
}

/* ---- POST /v1/auth/totp ---- */

/* The answer to a challenge. */
struct answer {
	struct second_proof proof;
	struct sign_in how;
	const char *challenge_id;
};

/* A password set since then makes the challenge worthless: it was given for the old one. */
#define OPEN_CHALLENGE \
	" FROM auth_challenges c JOIN users u ON u.id = c.user_id WHERE c.purpose = 'SIGN_IN'" \
	" AND c.expires_at > now() AND c.failures < " ANSWERS_MAX " AND u.password_hash IS NOT NULL" \
	" AND (u.password_changed_at IS NULL OR u.password_changed_at <= c.created_at)"

static const char no_challenge[] = "this challenge is wrong, used or expired; sign in again";

static int
find_challenge(struct request *rq, struct answer *an)
{
	struct db_result *r = db_one_or_fail(rq, ERR_TOKEN_INVALID, no_challenge,
	    "SELECT c.id, c.user_id, c.client, c.device" OPEN_CHALLENGE
	    " AND c.challenge = decode($1, 'hex')",
	    DB(secret_hash(rq->arena, body_text(rq, "challenge"))));

	if (r == NULL && rq->problem.code == ERR_TOKEN_INVALID)
		auth_refused(rq, NULL, an->how.method, "token_invalid");
	if (r == NULL)
		return -1;
	an->challenge_id = db_text(r, 0, 0);
	an->proof.user_id = db_text(r, 0, 1);
	an->how.client = db_text(r, 0, 2);
	an->how.device = db_text(r, 0, 3);
	return 0;
}

static int
refuse(struct request *rq, const struct row *user, const struct answer *an)
{
	if (db_exec(rq, "UPDATE auth_challenges SET failures = failures + 1 WHERE id = $1",
	    DB(an->challenge_id)) < 0)
		return -1;
	return second_factor_refuse(rq, user, &an->proof);
}

/* The user's row is locked first, so that of several answers one alone finds the challenge. */
static int
finish_sign_in(struct request *rq, void *arg)
{
	struct answer *an = arg;
	struct row *user = row_load(rq, &users_resource, an->proof.user_id, true);
	bool is_right;

	if (user == NULL || db_one_or_fail(rq, ERR_TOKEN_INVALID, no_challenge,
	    "SELECT c.id" OPEN_CHALLENGE " AND c.id = $1", DB(an->challenge_id)) == NULL ||
	    second_factor_judge(rq, &an->proof, &is_right) < 0)
		return -1;
	act_as_user(rq, user);
	rq->source_type = an->how.client;
	if (!is_right)
		return refuse(rq, user, an);
	if (second_factor_passed(rq, user, &an->proof) < 0 ||
	    db_exec(rq, "DELETE FROM auth_challenges WHERE id = $1", DB(an->challenge_id)) < 0)
		return -1;
	return session_open(rq, user, &an->how);
}

int
auth_totp(struct request *rq)
{
	struct answer an = { .proof = { .code = body_text(rq, "code"),
	    .recovery_code = body_text(rq, "recovery_code") } };

	if ((an.proof.code == NULL) == (an.proof.recovery_code == NULL))
		return fail_field(rq, "code", "required", "send a code or a recovery code, one of them");
	an.how.method = an.proof.code != NULL ? "totp" : "recovery_code";
	if (find_challenge(rq, &an) < 0 ||
	    device_proof(rq, an.proof.user_id, &an.how, &an.proof.proven) < 0 || second_factor_take(rq, &an.proof) < 0)
		return -1;
	return unit_run(rq, finish_sign_in, &an);
}

/* ---- step-up ---- */

static int
confirm(struct request *rq, void *arg)
{
	const struct second_proof *p = arg;
	struct row *user = row_load(rq, &users_resource, p->user_id, true);
	bool is_right;

	if (user == NULL || second_factor_judge(rq, p, &is_right) < 0)
		return -1;
	if (!is_right)
		return second_factor_refuse(rq, user, p);
	if (second_factor_passed(rq, user, p) < 0)
		return -1;
	return session_stepped_up(rq, "totp");
}

int
second_factor_step_up(struct request *rq)
{
	struct second_proof p = { .user_id = rq->caller.user_id, .code = body_text(rq, "code"),
	    .proven = session_proof(rq) };

	return second_factor_take(rq, &p) < 0 ? -1 : unit_run(rq, confirm, &p);
}
