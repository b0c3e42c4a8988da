/*
 * The dashboard that somebody sees: built-in < default < role < user, each value from the strongest
 * layer that says it, and the layer it came from. Nothing here is stored.
 *
 * A layer is the default dashboard of its owner. Layouts are merged by their first level, widgets by
 * key; an invisible one hides what weaker layers show, and what the viewer may not read is left out.
 */
#include "dashboards.h"

#include <string.h>

#include "db.h"
#include "identity.h"
#include "json.h"
#include "request.h"

/* ---- the registry ---- */

const struct widget_type widget_types[] = {
	{ "my_profile", "Profile", NULL, "EXTERNAL", 4 },
	{ "my_wallet", "Tracecoins", NULL, "EXTERNAL", 4 },
	{ "my_notifications", "Notifications", NULL, "EXTERNAL", 4 },
	{ "my_jobs", "Jobs", NULL, "EXTERNAL", 6 },
	{ "my_applications", "Applications", NULL, "EXTERNAL", 6 },
	{ "my_leads", "Leads", NULL, "EXTERNAL", 6 },
	{ "my_lead_requests", "Lead requests", NULL, "EXTERNAL", 6 },
	{ "my_orders", "Orders", NULL, "EXTERNAL", 6 },
	{ "my_tickets", "Tickets", NULL, "EXTERNAL", 6 },
	{ "approval_queue", "Approvals", "approval-requests.read", "INTERNAL", 6 },
	{ "verification_queue", "Verifications", "verification-requests.read", "INTERNAL", 6 },
	{ "role_requests", "Role requests", "user-roles.read", "INTERNAL", 6 },
	{ "review_moderation", "Reviews", "reviews.read", "INTERNAL", 6 },
	{ "ticket_queue", "Tickets", "support-tickets.read", "INTERNAL", 6 },
	{ "new_users", "New users", "users.read", "INTERNAL", 4 },
	{ "live_jobs", "Live jobs", "jobs.read", "INTERNAL", 4 },
	{ "open_leads", "Open leads", "leads.read", "INTERNAL", 4 },
	{ "revenue", "Revenue", "orders.read", "INTERNAL", 6 },
	{ "payments", "Payments", "payments.read", "INTERNAL", 6 },
	{ "mail_health", "Mail", "email-logs.read", "INTERNAL", 4 },
	{ "audit_trail", "Audit trail", "audit-logs.read", "INTERNAL", 12 },
	{ 0 }
};

const struct widget_type *
widget_type_find(const char *key)
{
	for (const struct widget_type *w = widget_types; w->key != NULL; w++)
		if (strcmp(w->key, key) == 0)
			return w;
	return NULL;
}

bool
widget_type_allowed(const struct request *rq, const struct widget_type *type)
{
	return type->permission == NULL || caller_has_permission(rq, type->permission);
}

/* GET /v1/dashboards/widget-types: what the caller may put on a dashboard. */
int
dashboard_widget_types(struct request *rq)
{
	json_t *items = json_array();

	for (const struct widget_type *w = widget_types; w->key != NULL; w++)
		if (widget_type_allowed(rq, w))
			json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:i}", "widget_key", w->key,
			    "widget_title", w->title, "dashboard_type", w->dashboard_type,
			    "width_units", w->width_units));
	return reply_json(rq, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}

/* ---- layers ---- */

static const char *const layer_names[] = { "built-in", "default", "role", "user" };

/* What somebody sees while it is put together; layout and widgets are by name. */
struct view {
	json_t *layers, *layout, *widgets;
};

static json_t *
origin(int layer, const char *config_id)
{
	return json_pack("{s:s, s:s?}", "layer", layer_names[layer], "dashboard_config_id", config_id);
}

static void
begin_with_builtin(struct view *v, const char *type)
{
	json_t *columns = origin(0, NULL);
	int order = 0;

	v->layers = json_pack("[{s:s, s:n, s:n}]", "layer", layer_names[0], "dashboard_config_id", "name");
	v->widgets = json_object();
	json_object_set_new(columns, "value", json_integer(12));
	v->layout = json_pack("{s:o}", "columns", columns);
	for (const struct widget_type *w = widget_types; w->key != NULL; w++) {
		json_t *one = origin(0, NULL);
		if (strcmp(w->dashboard_type, type) != 0) {
			json_decref(one);
			continue;
		}
		json_object_update_new(one, json_pack("{s:s, s:s, s:{}, s:i, s:i, s:i, s:b}", "widget_key", w->key,
		    "widget_title", w->title, "config_json", "display_order", order++, "width_units",
		    w->width_units, "height_units", 1, "is_visible", true));
		json_object_set_new(v->widgets, w->key, one);
	}
}

static json_t *
load_json(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static void
lay_over_layout(struct view *v, int layer, const char *config_id, const char *layout_text)
{
	json_t *layout = load_json(layout_text), *value;
	const char *name;

	json_object_foreach(layout, name, value) {
		json_t *one = origin(layer, config_id);
		json_object_set(one, "value", value);
		json_object_set_new(v->layout, name, one);
	}
	json_decref(layout);
}

static int
lay_over_configs(struct request *rq, struct view *v, const char *type)
{
	struct db_result *r = db_query(rq, "SELECT l.layer, d.id, d.name, d.layout_json"
	    " FROM dashboard_layers($1, $2) l JOIN dashboard_configs d ON d.id = l.dashboard_config_id"
	    " ORDER BY l.position", DB(rq->caller.user_id, type));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		int layer = (int)db_int(r, i, 0);
		json_array_append_new(v->layers, json_pack("{s:s, s:s, s:s}", "layer", layer_names[layer],
		    "dashboard_config_id", db_text(r, i, 1), "name", db_text(r, i, 2)));
		lay_over_layout(v, layer, db_text(r, i, 1), db_text(r, i, 3));
	}
	return 0;
}

static int
lay_over_widgets(struct request *rq, struct view *v, const char *type)
{
	struct db_result *r = db_query(rq, "SELECT l.layer, w.dashboard_config_id, w.widget_key, w.widget_title,"
	    " w.config_json, w.display_order, w.width_units, w.height_units, w.is_visible"
	    " FROM dashboard_layers($1, $2) l JOIN dashboard_widgets w USING (dashboard_config_id)"
	    " ORDER BY l.position, w.display_order, w.id", DB(rq->caller.user_id, type));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		json_t *one = origin((int)db_int(r, i, 0), db_text(r, i, 1));
		json_object_update_new(one, json_pack("{s:s, s:s?, s:o, s:I, s:I, s:I, s:b}",
		    "widget_key", db_text(r, i, 2), "widget_title", db_text(r, i, 3),
		    "config_json", load_json(db_text(r, i, 4)), "display_order", (json_int_t)db_int(r, i, 5),
		    "width_units", (json_int_t)db_int(r, i, 6), "height_units", (json_int_t)db_int(r, i, 7),
		    "is_visible", db_bool(r, i, 8)));
		json_object_set_new(v->widgets, db_text(r, i, 2), one);
	}
	return 0;
}

/* ---- the answer ---- */

static int64_t
order_of(const json_t *widget)
{
	return json_integer_value(json_object_get(widget, "display_order"));
}

/* Behind all that come no later: a stable order. */
static void
insert_by_order(json_t *list, json_t *widget)
{
	size_t at = json_array_size(list);

	while (at > 0 && order_of(json_array_get(list, at - 1)) > order_of(widget))
		at--;
	json_array_insert(list, at, widget);
}

static json_t *
shown_widgets(struct request *rq, const struct view *v)
{
	json_t *list = json_array(), *widget;
	const char *key;

	json_object_foreach(v->widgets, key, widget) {
		const struct widget_type *type = widget_type_find(key);
		if (type != NULL && widget_type_allowed(rq, type) &&
		    json_is_true(json_object_get(widget, "is_visible")))
			insert_by_order(list, widget);
	}
	return list;
}

const struct column dashboard_effective_query[] = {
	{ "dashboard_type", COL_ENUM, 0, .values = dashboard_types,
	    .doc = "Absent: INTERNAL for employees, EXTERNAL for all others." },
	{ 0 }
};

/* GET /v1/dashboards/effective */
int
dashboard_effective(struct request *rq)
{
	const char *type = query_get(rq, "dashboard_type");
	struct view v;
	int result;

	if (type == NULL)
		type = rq->caller.employee_id != NULL ? "INTERNAL" : "EXTERNAL";
	if (strcmp(type, "INTERNAL") == 0 && rq->caller.employee_id == NULL)
		return fail_as_staff(rq, "INTERNAL dashboards are for employees");
	begin_with_builtin(&v, type);
	result = lay_over_configs(rq, &v, type) < 0 || lay_over_widgets(rq, &v, type) < 0 ? -1 : 0;
	if (result == 0)
		reply_json(rq, 200, json_pack("{s:s, s:O, s:O, s:o}", "dashboard_type", type, "layers", v.layers,
		    "layout", v.layout, "widgets", shown_widgets(rq, &v)));
	json_decref(v.layers);
	json_decref(v.layout);
	json_decref(v.widgets);
	return result;
}
