/*
 * The follower: reads the access projections and runtime configuration of this service's database
 * on a fiber of its own: at once where this process wrote them, twice a second for what another replica
 * wrote. Between looks it rests for much longer than a look takes, so that a stream of changes costs no more.
 */
#include <stdbool.h>
#include <string.h>

#include "access.h"
#include "auth.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "fiber.h"
#include "log.h"
#include "request.h"
#include "service.h"

#define REST_MS 50		/* at least, between two looks */
#define REST_PER_LOOK 9		/* and this many times what the last one took, but not beyond POLL_MS */
#define POLL_MS 500		/* of the two seconds after which a changed right bites everywhere */
#define RETRY_MS 100		/* until the first load, which readiness waits for */
#define QUERY_MS 5000
#define COMPLAIN_AFTER 5		/* failures in a row; a start may be earlier than the database's */
#define WHOLE_EVERY_MS 60000
/* AUTH_MAX_LIFETIME_S and the leeway at both ends, and an hour by which the database's clock may have been set forward */
#define WHOLE_WINDOW_S "4510"
#define RECENT_WINDOW_S "30"	/* longer than a consumer's transaction, whose start dates its rows */

static struct {
	struct db *db;
	bool loaded;
	struct fiber_queue waiters;	/* for the first load */
	struct fiber_queue resting;	/* the follower itself */
	bool outdated;		/* this process wrote since the last look began */
	unsigned failures;	/* in a row */
	int64_t whole_read_ms;
	char digest[256];	/* of roles and configuration as last read */
} follower;

static int
read_roles(struct request *rq)
{
	struct db_result *r = db_query(rq,
	    "SELECT role_key, array_to_string(permissions, ' '), can_approve_requests,"
	    " can_manage_system_settings, is_active FROM access_roles", DB0);

	if (r == NULL)
		return -1;
	access_forget_roles();
	for (int i = 0; i < db_rows(r); i++)
		access_put_role(db_text(r, i, 0), db_text(r, i, 1), db_bool(r, i, 2),
		    db_bool(r, i, 3), db_bool(r, i, 4));
	return 0;
}

static int
read_settings(struct request *rq)
{
	struct db_result *r = db_query(rq,
	    "SELECT config_key, CASE WHEN is_active THEN value::text END FROM config_values", DB0);

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		setting_store(db_text(r, i, 0), db_text(r, i, 1));
	return 0;
}

/* Roles and configuration change rarely: a digest says whether to read them again. */
static int
read_rarely_changed(struct request *rq)
{
	struct db_result *r = db_query(rq,
	    "SELECT concat_ws('/', count(*), sum(version), max(changed_at),"
	    " (SELECT concat_ws('/', count(*), sum(version), max(changed_at)) FROM config_values))"
	    " FROM access_roles", DB0);
	const char *digest;

	if (r == NULL)
		return -1;
	digest = db_text(r, 0, 0);
	if (strcmp(digest, follower.digest) == 0)
		return 0;
	if (read_roles(rq) < 0 || read_settings(rq) < 0)
		return -1;
	strncpy(follower.digest, digest, sizeof(follower.digest) - 1);
	return 0;
}

static void
apply_changes(const struct db_result *users, const struct db_result *sessions,
    const struct db_result *keys)
{
	for (int i = 0; i < db_rows(users); i++)
		access_put_user(db_text(users, i, 0), db_int(users, i, 1), db_bool(users, i, 2));
	for (int i = 0; i < db_rows(sessions); i++)
		access_end_session(db_text(sessions, i, 0));
	for (int i = 0; i < db_rows(keys); i++)
		access_remove_key(db_text(keys, i, 0));
}

/*
 * Once a minute everything that still matters is read and replaces what we had, between that only
 * what just changed. All is read before anything is forgotten, so that there is no gap.
 */
static int
read_changes(struct request *rq)
{
	bool whole = !follower.loaded ||
	    clock_mono_ms() - follower.whole_read_ms >= WHOLE_EVERY_MS;
	const char *window_s = whole ? WHOLE_WINDOW_S : RECENT_WINDOW_S;
	struct db_result *users, *sessions, *keys;

	users = db_query(rq, "SELECT user_id, epoch, status = 'SUSPENDED' FROM access_users"
	    " WHERE changed_at > now() - make_interval(secs => $1::int)", DB(window_s));
	sessions = users == NULL ? NULL : db_query(rq, "SELECT session_id FROM access_sessions"
	    " WHERE ended_at > now() - make_interval(secs => $1::int)", DB(window_s));
	keys = sessions == NULL ? NULL
	    : db_query(rq, "SELECT kid FROM access_keys ORDER BY removed_at", DB0);
	if (keys == NULL)
		return -1;
	if (whole) {
		follower.whole_read_ms = clock_mono_ms();
		access_forget_changes();
	}
	apply_changes(users, sessions, keys);
	return 0;
}

static int
read_all(struct request *rq)
{
	if (read_rarely_changed(rq) < 0 || read_changes(rq) < 0)
		return -1;
	return 0;
}

static void
poll_once(void)
{
	struct request *rq = request_new(follower.db);

	rq->deadline_ms = clock_mono_ms() + QUERY_MS;
	if (read_all(rq) == 0) {
		follower.loaded = true;
		fiber_queue_wake_all(&follower.waiters);
		follower.failures = 0;
	} else if (++follower.failures == COMPLAIN_AFTER) {
		log_warn("access projections cannot be read: %s",
		    rq->problem.internal != NULL ? rq->problem.internal : rq->problem.detail);
	}
	request_free(rq);
}

/* After a look that took so long. */
static enum fiber_wake
rest(int64_t look_ms)
{
	int most = follower.loaded ? POLL_MS : RETRY_MS;
	int64_t least = REST_MS + REST_PER_LOOK * look_ms;
	enum fiber_wake woken = fiber_sleep(least < most ? (int)least : most);

	if (woken == FIBER_CANCELLED || follower.outdated || least >= most)
		return woken;
	return fiber_queue_wait(&follower.resting, "changed rights", most - (int)least);
}

static void
follow(void *arg)
{
	int64_t began_ms;

	(void)arg;
	do {
		began_ms = clock_mono_ms();
		follower.outdated = false;
		poll_once();
		auth_forget_expired();
	} while (!service_stopping() && rest(clock_mono_ms() - began_ms) != FIBER_CANCELLED);
}

void
auth_access_changed(void)
{
	follower.outdated = true;
	if (follower.db != NULL)
		fiber_queue_wake_all(&follower.resting);
}

void
auth_follow_access(struct db *db)
{
	follower.db = db;
	fiber_queue_init(&follower.waiters);
	fiber_queue_init(&follower.resting);
	fiber_start("access follower", follow, NULL);
}

bool
auth_access_loaded(void)
{
	return follower.loaded;
}

void
auth_access_await(int timeout_ms)
{
	if (!follower.loaded)
		fiber_queue_wait(&follower.waiters, "access projections", timeout_ms);
}
