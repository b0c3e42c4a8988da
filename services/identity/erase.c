/*
 * Erasure: POST /v1/me/erase, and nobody else's word for it.
 *
 * The account keeps its id, because orders, invoices and the audit log refer to it; everything
 * personal goes, sessions and roles end, and user.erased makes every other service do the same. There is
 * no way back. users.status stays as it was: none of its values means erased, erased_at does. What goes where, and
 * what stays: docs/security/erasure.md.
 */
#include <string.h>

#include "clock.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "sessions.h"
#include "user_access.h"
#include "user_roles.h"

/* Companies Act 2013, section 128(5): books of account, and so invoices, are kept for eight years. */
#define KEPT_YEARS 8
#define YEAR_US (365LL * 24 * 3600 * 1000000)

static const char *const erase_word[] = { "ERASE", NULL };
const struct column me_erase_body[] = {
	{ "confirm", COL_ENUM, COL_REQUIRED, .values = erase_word, .doc = "The word ERASE." },
	{ 0 }
};

static int
must_not_be_employed(struct request *rq, const char *user_id)
{
	struct employment e;

	if (employment_read(rq, user_id, &e) < 0)
		return -1;
	return e.status == NULL || strcmp(e.status, "TERMINATED") == 0 ? 0 :
	    fail(rq, ERR_CONFLICT, "an employee's account can be erased when the employment has ended");
}

/*
 * In plain statements: row_update would tell the old values to everybody. What ends the sessions
 * publishes them, so they are blank before.
 */
static int
blank(struct request *rq, const char *id, const char *now)
{
	static const char *const statements[] = {
		("DELETE FROM link_requests WHERE lower(email) = (SELECT lower(email) FROM users WHERE id = $1)"
		" AND $2::timestamptz IS NOT NULL"),
		("UPDATE users SET email = 'erased-' || id || '@erased.invalid', phone = NULL, password_hash = NULL,"
		" display_name = NULL, email_verified_at = NULL, email_unreachable_at = NULL, suspended_reason = NULL,"
		" erased_at = $2, updated_at = $2, version = version + 1 WHERE id = $1"),
		("UPDATE user_sessions SET ip_address = NULL, user_agent = NULL, device = NULL, version = version + 1"
		" WHERE user_id = $1 AND $2::timestamptz IS NOT NULL"),
		"UPDATE user_settings SET settings_json = '{}', updated_at = $2, version = version + 1 WHERE user_id = $1",
		"DELETE FROM one_time_tokens WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"DELETE FROM user_totps WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"DELETE FROM user_recovery_codes WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"DELETE FROM user_passkeys WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"DELETE FROM auth_challenges WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"DELETE FROM user_devices WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		"UPDATE user_roles SET remarks = NULL WHERE user_id = $1 AND $2::timestamptz IS NOT NULL",
		("DELETE FROM dashboard_configs WHERE owner_type = 'USER' AND owner_id = $1"
		" AND $2::timestamptz IS NOT NULL"),
	};

	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB(id, now)) < 0)
			return -1;
	return 0;
}

static void
tell(struct request *rq, const struct row *user)
{
	struct event_out *ev = event_publish(rq, &EV_USER_ERASED, row_id(user), row_version(user) + 1);

	event_set_text(ev, "user_id", row_id(user));
	event_set_text(ev, "legal_basis", "orders, invoices and ledger entries are kept as books of account");
	event_set_time(ev, "keep_until", rq->now_us + KEPT_YEARS * YEAR_US);
	event_set_time(ev, "erased_at", rq->now_us);
}

int
me_erase(struct request *rq)
{
	const char *id = rq->caller.user_id;
	char now[CLOCK_TEXT];
	struct row *user = caller_stepped_up(rq);

	if (user == NULL || must_not_be_employed(rq, id) < 0 || administrators_must_remain(rq, id) < 0)
		return -1;
	clock_format(rq->now_us, now);
	if (blank(rq, id, now) < 0 || sessions_end(rq, id, NULL, "ERASED") < 0 ||
	    user_roles_erase(rq, id) < 0)
		return -1;
	tell(rq, user);
	unit_later(rq, user_access_changed, id);
	return reply_empty(rq);
}
