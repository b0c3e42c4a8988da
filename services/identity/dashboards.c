/*
 * Dashboards and their widgets, in layers: built-in < default (no owner) < role < user. Exactly
 * one default per type and owner, and one of all: making another the default takes it from the former;
 * of two who do so at once, one is refused. What comes of the layers is dashboard_layers.c's.
 */
#include "dashboards.h"

#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"

const char *const dashboard_types[] = { "INTERNAL", "EXTERNAL", NULL };
static const char *const owner_types[] = { "ROLE", "USER", NULL };

/* ---- dashboards ---- */

static const struct column dashboard_config_columns[] = {
	COLUMN_ID,
	{ "dashboard_type", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .values = dashboard_types,
	    .doc = "INTERNAL for employees." },
	{ "owner_type", COL_ENUM, COL_CREATE_ONLY | COL_FILTER, .values = owner_types, .initial = "USER" },
	{ "owner_id", COL_UUID, COL_CREATE_ONLY | COL_FILTER,
	    .doc = "The role or user; absent for a USER: the caller; null for a ROLE: the default of all." },
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT, .max = 100 },
	{ "layout_json", COL_JSON, 0, .initial = "{}" },
	{ "is_default", COL_BOOL, COL_FILTER, .initial = "f" },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static bool
is_own(const struct request *rq, const struct row *config)
{
	return strcmp(row_text(config, "owner_type"), "USER") == 0 &&
	    caller_is(rq, row_text(config, "owner_id"));
}

static int
owner_must_exist(struct request *rq, const struct row *config)
{
	bool role = strcmp(row_text(config, "owner_type"), "ROLE") == 0;
	struct db_result *r;

	if (row_text(config, "owner_id") == NULL)
		return 0;
	r = db_query(rq, role ? "SELECT FROM roles WHERE id = $1" : "SELECT FROM users WHERE id = $1",
	    DB(row_text(config, "owner_id")));
	if (r == NULL)
		return -1;
	return db_rows(r) == 1 ? 0 : fail_field(rq, "owner_id", "unknown_reference",
	    "there is no such %s", role ? "role" : "user");
}

static int
take_default_from_others(struct request *rq, struct row *config)
{
	struct db_result *r;

	if (!row_bool(config, "is_default") || !row_changed(config, "is_default"))
		return 0;
	r = db_query(rq, "SELECT id FROM dashboard_configs WHERE is_default AND dashboard_type = $1"
	    " AND owner_id IS NOT DISTINCT FROM $2::uuid AND id <> $3",
	    DB(row_text(config, "dashboard_type"), row_text(config, "owner_id"), row_id(config)));
	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *other = row_load(rq, &dashboard_configs_resource, db_text(r, i, 0), true);
		if (other == NULL)
			return -1;
		row_set(other, "is_default", "f");
		if (row_update(rq, other) < 0)
			return -1;
	}
	return 0;
}

static int
dashboard_create(struct request *rq, struct row *config)
{
	if (strcmp(row_text(config, "owner_type"), "USER") == 0 && !body_has(rq, "owner_id"))
		row_set(config, "owner_id", rq->caller.user_id);
	if (!is_own(rq, config) && !caller_has_permission(rq, "dashboard-configs.create"))
		return fail_as_staff(rq, "a dashboard of others needs dashboard-configs.create");
	if (strcmp(row_text(config, "dashboard_type"), "INTERNAL") == 0 &&
	    rq->caller.employee_id == NULL)
		return fail_as_staff(rq, "INTERNAL dashboards are for employees");
	if (owner_must_exist(rq, config) < 0)
		return -1;
	return take_default_from_others(rq, config);
}

/* Those of the roles one holds, and the defaults of all; INTERNAL ones for employees alone. */
#define FOR_ME "(d.owner_id IS NULL OR (d.owner_type = 'ROLE'" \
	" AND d.owner_id IN (SELECT role_id FROM roles_in_force(:me))))" \
	" AND (d.dashboard_type = 'EXTERNAL' OR EXISTS (SELECT FROM employees e" \
	" WHERE e.user_id = :me AND e.employment_status = 'ACTIVE'))"

const struct resource dashboard_configs_resource = {
	.table = "dashboard_configs", .noun = "dashboard_config", .module_key = "dashboards",
	.label = "name",
	.columns = dashboard_config_columns,
	.owner = "t.owner_type = 'USER' AND t.owner_id = :me",
	.visible = "EXISTS (SELECT FROM dashboard_configs d WHERE d.id = t.id AND d.is_active AND " FOR_ME ")",
	.subject = SUBJECT_OWNER,
	.read = SIGNED_IN_OR("dashboard-configs.read"), .create = OWNER_OR("dashboard-configs.create"),
	.update = OWNER_OR("dashboard-configs.update"), .remove = OWNER_OR("dashboard-configs.delete"),
	.on_create = dashboard_create, .on_update = take_default_from_others,
	.changed = &EV_DASHBOARD_CHANGED,
	.doc = "Dashboards of users and roles.",
};

/* ---- widgets ---- */

static const struct column dashboard_widget_columns[] = {
	COLUMN_ID,
	{ "dashboard_config_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "dashboard_configs" },
	{ "widget_key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .max = 60,
	    .doc = "One of the registry's." },
	{ "widget_title", COL_TEXT, 0, .max = 100 },
	{ "config_json", COL_JSON, 0, .initial = "{}" },
	{ "display_order", COL_INT, COL_SORT, .min = 0, .max = 1000, .initial = "0" },
	{ "width_units", COL_INT, 0, .min = 1, .max = 12, .initial = "1" },
	{ "height_units", COL_INT, 0, .min = 1, .max = 12, .initial = "1" },
	{ "is_visible", COL_BOOL, COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static int
widget_must_be_allowed(struct request *rq, const char *key, const char *dashboard_type)
{
	const struct widget_type *type = widget_type_find(key);

	if (type == NULL)
		return fail_field(rq, "widget_key", "unknown_reference", "there is no such widget");
	if (!widget_type_allowed(rq, type))
		return fail_field(rq, "widget_key", "forbidden", "this widget needs %s", type->permission);
	if (strcmp(type->dashboard_type, dashboard_type) != 0)
		return fail_field(rq, "widget_key", "wrong_dashboard", "this widget is for %s dashboards",
		    type->dashboard_type);
	return 0;
}

static int
widget_create(struct request *rq, struct row *widget)
{
	struct row *config = row_load_if_there(rq, &dashboard_configs_resource,
	    row_text(widget, "dashboard_config_id"));

	if (rq->problem.code != ERR_NONE)
		return -1;
	if (config == NULL || (!is_own(rq, config) &&
	    !caller_has_permission(rq, "dashboard-widgets.create")))
		return fail_field(rq, "dashboard_config_id", "unknown_reference",
		    "there is no such dashboard of yours");
	return widget_must_be_allowed(rq, row_text(widget, "widget_key"), row_text(config, "dashboard_type"));
}

const struct resource dashboard_widgets_resource = {
	.table = "dashboard_widgets", .noun = "dashboard_widget", .module_key = "dashboards",
	.label = "widget_key",
	.columns = dashboard_widget_columns,
	.owner = "EXISTS (SELECT FROM dashboard_configs d WHERE d.id = t.dashboard_config_id"
	    " AND d.owner_type = 'USER' AND d.owner_id = :me)",
	.visible = "EXISTS (SELECT FROM dashboard_configs d WHERE d.id = t.dashboard_config_id"
	    " AND d.is_active AND " FOR_ME ")",
	.subject = SUBJECT_OWNER,
	.read = SIGNED_IN_OR("dashboard-widgets.read"), .create = OWNER_OR("dashboard-widgets.create"),
	.update = OWNER_OR("dashboard-widgets.update"), .remove = OWNER_OR("dashboard-widgets.delete"),
	.on_create = widget_create,
	.child = { "dashboard_configs", "widgets", "dashboard_config_id" },
	.changed = &EV_DASHBOARD_WIDGET_CHANGED,
	.doc = "What stands on a dashboard.",
};
