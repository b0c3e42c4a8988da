/*
 * /v1/me/totp: the caller's second factor, switched on in two steps (secret, then a code of it) and
 * off in one. Whatever changes it needs step-up; secret and recovery codes are answered once.
 */
#include "event.h"
#include "identity.h"
#include "recovery_codes.h"
#include "request.h"
#include "second_factor.h"
#include "sessions.h"
#include "throttle.h"
#include "totp.h"

#define ISSUER "Nxtgauge"

const struct column me_totp_confirm_body[] = {
	{ "code", COL_TEXT, COL_REQUIRED, .min = 6, .max = 6, .doc = "Six digits of the authenticator." },
	{ 0 }
};

static struct row *
caller_with_factors(struct request *rq, struct second_factors *ret_has)
{
	struct row *user = caller_proved_factor(rq);

	return user == NULL || second_factors_read(rq, row_id(user), ret_has) < 0 ? NULL : user;
}

int
me_totp_read(struct request *rq)
{
	struct second_factors has;
	int64_t left;

	if (second_factors_read(rq, rq->caller.user_id, &has) < 0 ||
	    recovery_codes_left(rq, rq->caller.user_id, &left) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:b, s:I}", "enabled", has.totp,
	    "recovery_codes_left", (json_int_t)left));
}

int
me_totp_start(struct request *rq)
{
	const char *base32;
	struct second_factors has;
	struct row *user = caller_with_factors(rq, &has);

	if (user == NULL)
		return -1;
	if (has.totp)
		return fail(rq, ERR_CONFLICT, "an authenticator is set up; disable it before you set up another");
	if (totp_secret_make(rq, row_id(user), &base32) < 0)
		return -1;
	return reply_json(rq, 201, json_pack("{s:s, s:s}", "secret", base32,
	    "uri", totp_uri(rq->arena, ISSUER, row_text(user, "email"), base32)));
}

static int
answer_codes(struct request *rq, const char *user_id)
{
	json_t *codes;

	if (recovery_codes_renew(rq, user_id, &codes) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:o}", "recovery_codes", codes));
}

/* No counting of wrong codes here: who guesses has stepped up, and may as well ask for a new secret. */
int
me_totp_confirm(struct request *rq)
{
	bool is_right;
	struct second_factors has;
	struct row *user = caller_with_factors(rq, &has);

	if (user == NULL ||
	    totp_secret_confirm(rq, row_id(user), body_text(rq, "code"), &is_right) < 0)
		return -1;
	if (!is_right) {
		auth_failed(rq, row_id(user), "totp", "bad_credentials", 0);
		return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "the code is wrong; is the clock of the device right?");
	}
	event_set_text(second_factor_event(rq, user, &EV_SECOND_FACTOR_ENABLED), "method", "totp");
	if (session_proved(rq, "totp") < 0)
		return -1;
	return answer_codes(rq, row_id(user));
}

int
me_totp_remove(struct request *rq)
{
	struct second_factors has;
	struct row *user = caller_with_factors(rq, &has);

	if (user == NULL)
		return -1;
	if (!has.totp)
		return fail(rq, ERR_NOT_FOUND, "no authenticator is set up");
	event_set_text(second_factor_event(rq, user, &EV_SECOND_FACTOR_DISABLED), "method", "totp");
	return totp_secret_remove(rq, row_id(user)) < 0 ? -1 : reply_empty(rq);
}

int
me_totp_recovery_codes(struct request *rq)
{
	struct second_factors has;
	struct row *user = caller_with_factors(rq, &has);

	if (user == NULL)
		return -1;
	if (!has.totp && !has.passkey)
		return fail(rq, ERR_CONFLICT, "recovery codes come with a second factor; there is neither authenticator nor passkey");
	event_set_int(second_factor_event(rq, user, &EV_RECOVERY_CODES_RENEWED), "codes", RECOVERY_CODES);
	return answer_codes(rq, row_id(user));
}
