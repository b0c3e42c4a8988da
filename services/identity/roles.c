/* Roles, permissions, and which role holds which; see roles.h. Deny by default. */
#include "roles.h"

#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"

static const char *const audiences[] = { "INTERNAL", "EXTERNAL", NULL };

/* ---- telling ---- */

/* The keys as they will be, each once and sorted, into the event. */
static int
add_keys(struct request *rq, struct event_out *ev, const struct row *role, const char *added,
    const char *removed)
{
	struct db_result *r = db_query(rq,
	    "SELECT permission_key FROM role_permissions WHERE role_id = $1"
	    " AND permission_key IS DISTINCT FROM $3::text UNION SELECT $2::text WHERE $2 IS NOT NULL ORDER BY 1",
	    DB(row_id(role), added, removed));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		event_add_text(ev, "permission_keys", db_text(r, i, 0));
	return 0;
}

int
role_permissions_publish(struct request *rq, struct row *role, const char *added,
    const char *removed)
{
	struct event_out *ev = row_event_as(rq, role, &EV_ROLE_PERMISSIONS_CHANGED);

	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_int(ev, "epoch", row_version(role) + 1);
	if (added != NULL || removed != NULL)
		event_change(ev, "permission_key", removed, added, false);
	if (add_keys(rq, ev, role, added, removed) < 0)
		return -1;
	return row_touch(rq, role);
}

/* ---- roles ---- */

static const struct column role_columns[] = {
	COLUMN_ID,
	{ "key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT | COL_SEARCH,
	    .min = 2, .max = 60, .doc = "Lower case words joined by _; stands in access tokens." },
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT, .max = 100 },
	{ "audience", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .values = audiences,
	    .doc = "INTERNAL roles are for employees and need a second person's decision." },
	{ "description", COL_TEXT, COL_SEARCH, .max = 500 },
	{ "department_id", COL_UUID, COL_FILTER, .ref = "departments" },
	{ "can_approve_requests", COL_BOOL, COL_FILTER, .initial = "f",
	    .doc = "Needed beside the permission to decide approval, verification and role requests." },
	{ "can_manage_system_settings", COL_BOOL, COL_FILTER, .initial = "f",
	    .doc = "Needed beside the permission to change roles and runtime configuration." },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "t", .doc = "An inactive role gives nothing." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static bool
is_key(const char *s, const char *also)
{
	for (const char *p = s; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (p > s && *p >= '0' && *p <= '9') ||
		    (p > s && strchr(also, *p) != NULL)))
			return false;
	return *s != '\0';
}

/* A new role is told twice: as a row, and with its (empty) permissions. */
static int
role_create(struct request *rq, struct row *role)
{
	struct event_out *ev;

	if (!is_key(row_text(role, "key"), "_"))
		return fail_field(rq, "key", "bad_key", "lower case letters, digits and _");
	ev = event_publish(rq, &EV_ROLE_PERMISSIONS_CHANGED, row_id(role), 1);
	event_fill_from_row(ev, role);
	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_int(ev, "epoch", 1);
	event_label(ev, row_text(role, "name"));
	return 0;
}

/* Without any of these three nobody could do what gives them back. */
static int
administrator_must_keep(struct request *rq, const struct row *role)
{
	static const char *const kept[] = { "is_active", "can_approve_requests", "can_manage_system_settings" };

	if (strcmp(row_text(role, "key"), "administrator") != 0)
		return 0;
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (row_changed(role, kept[i]) && !row_bool(role, kept[i]))
			return fail(rq, ERR_CONFLICT, "the administrator's role keeps %s", kept[i]);
	return 0;
}

/* What services keep of a role travels with its permissions, so such a change is told that way. */
static int
role_update(struct request *rq, struct row *role)
{
	struct event_out *ev;

	if (!row_changed(role, "can_approve_requests") && !row_changed(role, "is_active") &&
	    !row_changed(role, "can_manage_system_settings"))
		return 0;
	if (administrator_must_keep(rq, role) < 0)
		return -1;
	ev = row_event_as(rq, role, &EV_ROLE_PERMISSIONS_CHANGED);
	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_int(ev, "epoch", row_version(role) + 1);
	return add_keys(rq, ev, role, NULL, NULL);
}

/* Only a role that nobody ever asked for can go; services learn that it gives nothing. */
static int
role_remove(struct request *rq, struct row *role)
{
	struct event_out *ev = event_publish(rq, &EV_ROLE_PERMISSIONS_CHANGED, row_id(role),
	    row_version(role) + 1);

	event_fill_from_row(ev, role);
	event_set_bool(ev, "is_active", false);
	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_int(ev, "epoch", row_version(role) + 1);
	event_label(ev, row_text(role, "name"));
	return 0;
}

/* Each service's map role → permissions is rebuilt from this. */
static int
role_republish(struct request *rq, struct row *role)
{
	struct event_out *ev = event_publish(rq, &EV_ROLE_PERMISSIONS_CHANGED, row_id(role),
	    row_version(role));

	event_fill_from_row(ev, role);
	event_set_text(ev, "role_key", row_text(role, "key"));
	event_set_int(ev, "epoch", row_version(role));
	return add_keys(rq, ev, role, NULL, NULL);
}

const struct resource roles_resource = {
	.table = "roles", .noun = "role", .module_key = "access", .label = "name",
	.columns = role_columns,
	.subject = SUBJECT_NOBODY,
	.read = SIGNED_IN, .create = SETTINGS("roles.create"), .update = SETTINGS("roles.update"),
	.remove = SETTINGS("roles.delete"),
	.on_create = role_create, .on_update = role_update, .on_remove = role_remove,
	.on_republish = role_republish, .changed = &EV_ROLE_CHANGED,
	.doc = "Roles that users may ask for.",
};

/* ---- permissions ---- */

static const struct column permission_columns[] = {
	COLUMN_ID,
	{ "key", COL_TEXT, COL_READONLY | COL_REQUIRED | COL_FILTER | COL_SORT | COL_SEARCH,
	    .doc = "`<resource>.<verb>` in the URL's words." },
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH, .max = 200 },
	{ "description", COL_TEXT, COL_SEARCH, .max = 500 },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource permissions_resource = {
	.table = "permissions", .noun = "permission", .module_key = "access", .label = "key",
	.columns = permission_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("permissions.read"), .update = SETTINGS("permissions.update"),
	.changed = &EV_PERMISSION_CHANGED,
	.doc = "What the daemons declare; filled by `nxt-identity permissions import`.",
};

/* ---- who holds what ---- */

static const struct column role_permission_columns[] = {
	COLUMN_ID,
	{ "role_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .ref = "roles" },
	{ "permission_key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT,
	    .max = 100, .ref = "permissions" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static int
role_permission_create(struct request *rq, struct row *row)
{
	struct row *role = row_load_if_there(rq, &roles_resource, row_text(row, "role_id"));

	if (role == NULL)
		return rq->problem.code != ERR_NONE ? -1 :
		    fail_field(rq, "role_id", "unknown_reference", "there is no such role");
	return role_permissions_publish(rq, role, row_text(row, "permission_key"), NULL);
}

/* The administrator keeps what is needed to undo anything else. */
static int
role_permission_remove(struct request *rq, struct row *row)
{
	struct row *role = row_load(rq, &roles_resource, row_text(row, "role_id"), true);

	if (role == NULL)
		return -1;
	if (strcmp(row_text(role, "key"), "administrator") == 0 &&
	    strncmp(row_text(row, "permission_key"), "role-permissions.", 17) == 0)
		return fail(rq, ERR_CONFLICT, "the administrator keeps this permission");
	return role_permissions_publish(rq, role, NULL, row_text(row, "permission_key"));
}

/* Silent by itself: it is the role that changes. */
const struct resource role_permissions_resource = {
	.table = "role_permissions", .noun = "role_permission", .module_key = "access",
	.columns = role_permission_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("role-permissions.read"), .create = SETTINGS("role-permissions.create"),
	.remove = SETTINGS("role-permissions.delete"),
	.on_create = role_permission_create, .on_remove = role_permission_remove,
	.child = { "roles", "permissions", "role_id" },
	.doc = "Which role holds which permission; a change bites everywhere within seconds.",
};
