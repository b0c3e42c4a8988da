/*
 * What every service keeps of identity: who may do what, which sessions and keys have ended, and
 * runtime configuration. access_follow.c reads these tables.
 *
 * Times are clock_timestamp(): now() is when the batch's transaction began, and a reader that asks
 * for what changed since its last look would miss it.
 */
#include "arena.h"
#include "db.h"
#include "refs.h"
#include "request.h"

static int
queued(struct request *rq)
{
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

static const char *
number(struct request *rq, int64_t v)
{
	return arena_printf(rq->arena, "%lld", (long long)v);
}

/* The epoch grows with every change of access, also where the user's own row stays as it is. */
static int
keep_user(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO access_users AS t (user_id, epoch, status, role_keys, employee_id, "
	    "department_id, version, changed_at) VALUES ($1, $2, $3, coalesce($4::text[], '{}'), "
	    "$5, $6, $7, clock_timestamp()) ON CONFLICT (user_id) DO UPDATE "
	    "SET epoch = excluded.epoch, status = excluded.status, role_keys = excluded.role_keys, "
	    "employee_id = excluded.employee_id, department_id = excluded.department_id, "
	    "version = excluded.version, changed_at = excluded.changed_at "
	    "WHERE t.version < excluded.version OR t.epoch < excluded.epoch",
	    DB(ev->aggregate_id, number(rq, event_int(ev, "access_epoch")),
	    event_text(ev, "status"), event_value(rq->arena, ev, "role_keys"),
	    event_text(ev, "employee_id"), event_text(ev, "department_id"),
	    number(rq, ev->aggregate_version)));
	return queued(rq);
}

static int
keep_ended_session(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO access_sessions (session_id, user_id, ended_at) "
	    "VALUES ($1, $2, clock_timestamp()) ON CONFLICT DO NOTHING",
	    DB(event_text(ev, "session_id"), event_text(ev, "user_id")));
	return queued(rq);
}

static int
keep_removed_key(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO access_keys (kid, removed_at) VALUES ($1, clock_timestamp()) "
	    "ON CONFLICT DO NOTHING", DB(event_text(ev, "kid")));
	return queued(rq);
}

/*
 * Row version and epoch of a role: neither ever falls and each change raises one of them, so their
 * sum orders the events. A role that was deleted and made again has a younger id.
 */
static int
keep_role(struct request *rq, const struct event_in *ev)
{
	db_queue(rq, "INSERT INTO access_roles AS t (role_key, role_id, permissions, "
	    "can_approve_requests, can_manage_system_settings, is_active, version, changed_at) "
	    "VALUES ($1, $2, coalesce($3::text[], '{}'), $4, $5, $6, $7, clock_timestamp()) "
	    "ON CONFLICT (role_key) DO UPDATE SET role_id = excluded.role_id, "
	    "permissions = excluded.permissions, "
	    "can_approve_requests = excluded.can_approve_requests, "
	    "can_manage_system_settings = excluded.can_manage_system_settings, "
	    "is_active = excluded.is_active, version = excluded.version, "
	    "changed_at = excluded.changed_at WHERE (t.role_id, t.version) < "
	    "(excluded.role_id, excluded.version)",
	    DB(event_text(ev, "role_key"), ev->aggregate_id,
	    event_value(rq->arena, ev, "permission_keys"),
	    event_value(rq->arena, ev, "can_approve_requests"),
	    event_value(rq->arena, ev, "can_manage_system_settings"),
	    event_value(rq->arena, ev, "is_active"),
	    number(rq, ev->aggregate_version + event_int(ev, "epoch"))));
	return queued(rq);
}

static int
keep_setting(struct request *rq, const struct event_in *ev)
{
	bool removed = ev->context->action[0] == 'D';

	db_queue(rq, "INSERT INTO config_values AS t (config_key, config_group, value, is_active, "
	    "version, changed_at) VALUES ($1, $2, coalesce($3::jsonb, 'null'), $4, $5, "
	    "clock_timestamp()) ON CONFLICT (config_key) DO UPDATE "
	    "SET config_group = excluded.config_group, value = excluded.value, "
	    "is_active = excluded.is_active, version = excluded.version, "
	    "changed_at = excluded.changed_at WHERE t.version < excluded.version",
	    DB(event_text(ev, "config_key"), event_text(ev, "config_group"),
	    event_text(ev, "config_value_json"),
	    removed ? "f" : event_value(rq->arena, ev, "is_active"),
	    number(rq, ev->aggregate_version)));
	return queued(rq);
}

const struct subscription access_subscriptions[] = {
	{ &EV_USER_ACCESS_CHANGED, .react = keep_user },
	{ &EV_SESSION_REVOKED, .react = keep_ended_session },
	{ &EV_SIGNING_KEY_REMOVED, .react = keep_removed_key },
	{ &EV_ROLE_PERMISSIONS_CHANGED, .react = keep_role },
	{ &EV_CONFIG_CHANGED, .react = keep_setting },
	{ 0 }
};
