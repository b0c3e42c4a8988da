/*
 * /v1/me/totp: the caller's second factor, switched on in two steps (secret, then a code of it) and
 * off in one. Whatever changes it needs step-up; secret and recovery codes are answered once.
 */
#include "config.h"
#include "event.h"
#include "identity.h"
#include "recovery_codes.h"
#include "request.h"
#include "second_factor.h"
#include "sessions.h"
#include "throttle.h"
#include "totp.h"
#include "user_access.h"

#define ISSUER "Nxtgauge"

const struct column me_totp_confirm_body[] = {
	{ "code", COL_TEXT, COL_REQUIRED, .min = 6, .max = 6, .doc = "Six digits of the authenticator." },
	{ 0 }
};

/* The caller, locked: changes of one account's second factor come one after another. */
static struct row *
caller_stepped_up(struct request *rq, bool *ret_is_on)
{
	struct row *user;

	if (session_needs_step_up(rq) < 0)
		return NULL;
	user = row_load(rq, &users_resource, rq->caller.user_id, true);
	return user == NULL || second_factor_is_on(rq, row_id(user), ret_is_on) < 0 ? NULL : user;
}

int
me_totp_read(struct request *rq)
{
	int64_t left;
	bool is_on;

	if (second_factor_is_on(rq, rq->caller.user_id, &is_on) < 0 ||
	    recovery_codes_left(rq, rq->caller.user_id, &left) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:b, s:I}", "enabled", is_on,
	    "recovery_codes_left", (json_int_t)left));
}

int
me_totp_start(struct request *rq)
{
	const char *base32;
	bool is_on;
	struct row *user = caller_stepped_up(rq, &is_on);

	if (user == NULL)
		return -1;
	if (is_on)
		return fail(rq, ERR_CONFLICT, "a second factor is enabled; disable it before you set up another");
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
	bool is_on, is_right;
	struct row *user = caller_stepped_up(rq, &is_on);

	if (user == NULL ||
	    totp_secret_confirm(rq, row_id(user), body_text(rq, "code"), &is_right) < 0)
		return -1;
	if (!is_right) {
		auth_failed(rq, row_id(user), "totp", "bad_credentials", 0);
		return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "the code is wrong; is the clock of the device right?");
	}
	event_set_text(second_factor_event(rq, user, &EV_SECOND_FACTOR_ENABLED), "method", "totp");
	return answer_codes(rq, row_id(user));
}

int
me_totp_remove(struct request *rq)
{
	bool is_on;
	struct row *user = caller_stepped_up(rq, &is_on);

	if (user == NULL)
		return -1;
	if (!is_on)
		return fail(rq, ERR_NOT_FOUND, "no second factor is enabled");
	event_set_text(second_factor_event(rq, user, &EV_SECOND_FACTOR_DISABLED), "method", "totp");
	if (second_factor_remove(rq, row_id(user)) < 0)
		return -1;
	if (setting_bool("identity.internal_roles_need_second_factor"))	/* no token of staff any more */
		unit_later(rq, user_access_changed, row_id(user));
	return reply_empty(rq);
}

int
me_totp_recovery_codes(struct request *rq)
{
	bool is_on;
	struct row *user = caller_stepped_up(rq, &is_on);

	if (user == NULL)
		return -1;
	if (!is_on)
		return fail(rq, ERR_CONFLICT, "recovery codes come with a second factor; none is enabled");
	event_set_int(second_factor_event(rq, user, &EV_RECOVERY_CODES_RENEWED), "codes", RECOVERY_CODES);
	return answer_codes(rq, row_id(user));
}
