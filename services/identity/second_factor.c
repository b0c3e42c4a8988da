/* The second factor of an account; see second_factor.h. */
#include "second_factor.h"

#include <sodium.h>
#include <string.h>

#include "config.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "log.h"
#include "recovery_codes.h"
#include "request.h"
#include "secretbox.h"
#include "totp.h"
#include "user_access.h"

#define TELL_EVERY 5	/* straight wrong codes: so often the owner hears that the password is known */
#define UNCONFIRMED_FOR "1 hour"

static struct secretbox_key totp_key;

int
second_factor_init(const char *hex_key, struct error *e)
{
	return secretbox_key_init(&totp_key, "TOTP_KEY", hex_key, e);
}

/* ---- the secret ---- */

int
totp_secret_make(struct request *rq, const char *user_id, const char **ret_base32)
{
	unsigned char secret[TOTP_SECRET_BYTES];
	char hex[2 * TOTP_SECRET_BYTES + 1];
	const char *sealed;

	randombytes_buf(secret, sizeof(secret));
	sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret));
	sealed = secretbox_seal_with(&totp_key, rq->arena, hex);
	*ret_base32 = base32_text(rq->arena, secret, sizeof(secret));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(hex, sizeof(hex));
	return db_exec(rq, "INSERT INTO user_totps AS t (user_id, secret_box)"
	    " VALUES ($1, convert_to($2, 'UTF8')) ON CONFLICT (user_id) DO UPDATE"
	    " SET secret_box = excluded.secret_box, last_step = 0, created_at = now()"
	    " WHERE t.confirmed_at IS NULL", DB(user_id, sealed));
}

/* Of one row: sealed secret, last step. 0 in *ret_step: the code is wrong or was used. */
static int
match(struct request *rq, const struct db_result *r, const char *code, int64_t *ret_step)
{
	const char *hex = secretbox_open_with(&totp_key, rq->arena, db_text(r, 0, 0));
	unsigned char secret[TOTP_SECRET_BYTES];
	size_t len = 0;

	if (hex == NULL || sodium_hex2bin(secret, sizeof(secret), hex, strlen(hex), NULL, &len, NULL) != 0) {
		rq->problem.internal = "a second factor's secret does not open: TOTP_KEY is not the one it was sealed with";
		return fail(rq, ERR_INTERNAL, "codes cannot be checked now; a recovery code can");
	}
	*ret_step = totp_match(secret, len, code, rq->now_us / 1000000, db_int(r, 0, 1));
	sodium_memzero(secret, sizeof(secret));
	return 0;
}

/* The condition on last_step lets one of two who send the same code at once through. */
static int
use_step(struct request *rq, const char *user_id, int64_t step, bool *ret_is_right)
{
	struct db_result *r = db_query(rq, "UPDATE user_totps SET last_step = $2,"
	    " confirmed_at = coalesce(confirmed_at, now()) WHERE user_id = $1 AND last_step < $2",
	    DB(user_id, arena_printf(rq->arena, "%lld", (long long)step)));

	if (r == NULL)
		return -1;
	*ret_is_right = db_affected(r) == 1;
	return 0;
}

int
totp_secret_confirm(struct request *rq, const char *user_id, const char *code, bool *ret_is_right)
{
	int64_t step = 0;
	struct db_result *r = db_one_or_fail(rq, ERR_CONFLICT,
	    "there is no fresh secret to confirm; ask for one with POST /v1/me/totp",
	    "SELECT convert_from(secret_box, 'UTF8'), last_step FROM user_totps WHERE user_id = $1"
	    " AND confirmed_at IS NULL AND created_at > now() - interval '" UNCONFIRMED_FOR "'",
	    DB(user_id));

	if (r == NULL || match(rq, r, code, &step) < 0)
		return -1;
	*ret_is_right = false;
	return step == 0 ? 0 : use_step(rq, user_id, step, ret_is_right);
}

int
totp_secret_remove(struct request *rq, const char *user_id)
{
	return db_exec(rq, "DELETE FROM user_totps WHERE user_id = $1", DB(user_id)) < 0 ? -1 :
	    second_factor_removed(rq, user_id);
}

/* ---- which there are ---- */

int
second_factors_read(struct request *rq, const char *user_id, struct second_factors *ret)
{
	struct db_result *r = db_query(rq, "SELECT EXISTS (SELECT FROM user_totps WHERE user_id = $1"
	    " AND confirmed_at IS NOT NULL), EXISTS (SELECT FROM user_passkeys WHERE user_id = $1)", DB(user_id));

	if (r == NULL)
		return -1;
	ret->totp = db_bool(r, 0, 0);
	ret->passkey = db_bool(r, 0, 1);
	return 0;
}

int
second_factor_removed(struct request *rq, const char *user_id)
{
	struct second_factors left;

	if (second_factors_read(rq, user_id, &left) < 0)
		return -1;
	if (left.totp || left.passkey)
		return 0;
	if (setting_bool("identity.internal_roles_need_second_factor"))
		unit_later(rq, user_access_changed, user_id);
	return recovery_codes_remove(rq, user_id);
}

/* ---- judging ---- */

static const char *
method_of(const struct second_proof *p)
{
	return p->recovery_code != NULL ? "recovery_code" : "totp";
}

int
second_factor_take(struct request *rq, struct second_proof *p)
{
	const char *counted = arena_printf(rq->arena, "second factor:%s", p->user_id);

	p->throttle.user_id = p->user_id;
	p->throttle.method = method_of(p);
	if (throttle_read(rq, counted, p->proven == NULL ? NULL :
	    arena_printf(rq->arena, "second factor %s", p->proven), &p->throttle) < 0)
		return -1;
	return throttle_take(rq, &p->throttle);
}

int
second_factor_judge(struct request *rq, const struct second_proof *p, bool *ret_is_right)
{
	struct db_result *r;
	int64_t step = 0;

	if (p->recovery_code != NULL)
		return recovery_code_use(rq, p->user_id, p->recovery_code, ret_is_right);
	*ret_is_right = false;
	r = db_query(rq, "SELECT convert_from(secret_box, 'UTF8'), last_step FROM user_totps"
	    " WHERE user_id = $1 AND confirmed_at IS NOT NULL", DB(p->user_id));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return 0;
	if (match(rq, r, p->code, &step) < 0)
		return -1;
	return step == 0 ? 0 : use_step(rq, p->user_id, step, ret_is_right);
}

struct event_out *
second_factor_event(struct request *rq, const struct row *user, const struct event_type *type)
{
	struct event_out *ev = event_publish(rq, type, row_id(user), row_version(user));

	event_set_text(ev, "user_id", row_id(user));
	event_label(ev, row_text(user, "email"));
	event_recipient(ev, row_id(user));
	return ev;
}

int
second_factor_refuse(struct request *rq, const struct row *user, const struct second_proof *p)
{
	const char *method = method_of(p);
	int64_t failures = p->throttle.own.failures;
	struct event_out *ev;

	if (throttle_failed(rq, &p->throttle) < 0)
		return -1;
	auth_failed(rq, p->user_id, method, "bad_credentials", failures);
	if (failures % TELL_EVERY == 0) {
		ev = second_factor_event(rq, user, &EV_SECOND_FACTOR_REFUSED);
		event_set_text(ev, "method", method);
		event_set_int(ev, "count", failures);
		event_set_text(ev, "ip_address", rq->ip_address);
		event_set_text(ev, "device", rq->user_agent);
	}
	return refuse_and_commit(rq, ERR_BAD_CREDENTIALS, "the code is wrong or was used before");
}

int
second_factor_passed(struct request *rq, const struct row *user, const struct second_proof *p)
{
	struct event_out *ev;
	int64_t left;

	if (throttle_passed(rq, &p->throttle) < 0)
		return -1;
	if (p->recovery_code == NULL)
		return 0;
	if (recovery_codes_left(rq, p->user_id, &left) < 0)
		return -1;
	ev = second_factor_event(rq, user, &EV_RECOVERY_CODE_USED);
	event_set_int(ev, "codes_left", left);
	event_set_text(ev, "ip_address", rq->ip_address);
	event_set_text(ev, "device", rq->user_agent);
	return 0;
}
