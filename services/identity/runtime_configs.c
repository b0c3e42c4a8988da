/*
 * Runtime configuration: what operators set while the daemons run. Each change keeps a version
 * with who and why; config.changed brings it to every daemon. A key never goes, so that its
 * versions only rise; is_active false takes it out of force. What a value must look like is
 * declared by the daemon that reads it and known here by `settings import`.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "json.h"
#include "json_schema.h"
#include "request.h"

#define VERSIONS_SHOWN 200

/* ---- the row ---- */

static const struct column runtime_config_columns[] = {
	COLUMN_ID,
	{ "config_group", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT, .max = 60 },
	{ "config_key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT | COL_SEARCH,
	    .max = 100, .doc = "`<service>.<name>`; known in all services by this alone." },
	{ "config_value_json", COL_JSON, COL_REQUIRED | COL_ANY_JSON },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "t",
	    .doc = "An inactive one counts as absent: daemons fall back to their built-in value." },
	{ "description", COL_TEXT, COL_SEARCH, .max = 500 },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ "reason", COL_TEXT, 0, .max = 500, .doc = "Why the last change was made." },
	{ 0 }
};

static int
keep_version(struct request *rq, const struct row *config, int64_t version)
{
	db_queue(rq, "INSERT INTO runtime_config_versions (runtime_config_id, version, config_key,"
	    " config_value_json, is_active, reason, changed_by_user_id)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	    DB(row_id(config), arena_printf(rq->arena, "%lld", (long long)version),
	    row_text(config, "config_key"), row_text(config, "config_value_json"),
	    row_text(config, "is_active"), row_text(config, "reason"), rq->caller.user_id));
	return 0;
}

/* ---- what a value must look like ---- */

static json_t *
parse(struct request *rq, const char *text)
{
	struct error e;

	return json_parse_strict(rq->arena, text, strlen(text), true, &e);
}

static void
take_fault(void *arg, const char *pointer, const char *code, const char *detail)
{
	struct request *rq = arg;

	fail_field(rq, arena_printf(rq->arena, "config_value_json%s", pointer), code, "%s", detail);
}

static int
value_must_fit(struct request *rq, const struct row *config)
{
	struct db_result *r = db_query(rq, "SELECT schema_json, config_group FROM runtime_config_keys"
	    " WHERE config_key = $1", DB(row_text(config, "config_key")));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "config_key", "unknown_reference", "no daemon reads such a setting");
	if (strcmp(db_text(r, 0, 1), row_text(config, "config_group")) != 0)
		fail_field(rq, "config_group", "not_allowed", "this setting belongs to \"%s\"",
		    db_text(r, 0, 1));
	json_schema_check(rq->arena, parse(rq, db_text(r, 0, 0)),
	    parse(rq, row_text(config, "config_value_json")), take_fault, rq);
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

static int
config_create(struct request *rq, struct row *config)
{
	return value_must_fit(rq, config) < 0 ? -1 : keep_version(rq, config, 1);
}

/* Every change says why anew. */
static int
config_update(struct request *rq, struct row *config)
{
	if (!row_changed(config, "config_value_json") && !row_changed(config, "is_active") &&
	    !row_changed(config, "description") && !row_changed(config, "reason"))
		return 0;
	/* also an old value that comes into force again: what daemons read may have changed meanwhile */
	if ((row_changed(config, "config_value_json") ||
	    (row_changed(config, "is_active") && row_bool(config, "is_active"))) &&
	    value_must_fit(rq, config) < 0)
		return -1;
	if (!body_has(rq, "reason"))
		row_set(config, "reason", NULL);
	return keep_version(rq, config, row_version(config) + 1);
}

/* ---- versions ---- */

static json_t *
cell(struct request *rq, const struct db_result *r, int i, const char *column, bool is_json)
{
	const char *text = db_get(r, i, column);

	if (text == NULL)
		return json_null();
	return is_json ? json_incref(parse(rq, text)) : json_string(text);
}

static json_t *
version_json(struct request *rq, const struct db_result *r, int i)
{
	json_t *v = json_object();

	json_object_set_new(v, "version", json_integer(strtoll(db_get(r, i, "version"), NULL, 10)));
	json_object_set_new(v, "config_value_json", cell(rq, r, i, "config_value_json", true));
	json_object_set_new(v, "is_active", json_boolean(db_get(r, i, "is_active")[0] == 't'));
	json_object_set_new(v, "reason", cell(rq, r, i, "reason", false));
	json_object_set_new(v, "changed_by_user_id", cell(rq, r, i, "changed_by_user_id", false));
	json_object_set_new(v, "created_at", cell(rq, r, i, "created_at", false));
	return v;
}

#define VERSION_COLUMNS "version, config_value_json, is_active, reason, changed_by_user_id, " \
	"to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS created_at"

/* GET /v1/runtime-configs/{id}/versions: the newest first, as many as anybody looks through. */
int
runtime_config_versions(struct request *rq)
{
	struct db_result *r;
	json_t *items, *body;

	if (row_load(rq, &runtime_configs_resource, rq->id, false) == NULL)
		return -1;
	r = db_query(rq, "SELECT " VERSION_COLUMNS " FROM runtime_config_versions"
	    " WHERE runtime_config_id = $1 ORDER BY runtime_config_versions.version DESC LIMIT $2::int",
	    DB(rq->id, arena_printf(rq->arena, "%d", VERSIONS_SHOWN)));
	if (r == NULL)
		return -1;
	items = json_array();
	for (int i = 0; i < db_rows(r); i++)
		json_array_append_new(items, version_json(rq, r, i));
	body = json_object();
	json_object_set_new(body, "items", items);
	json_object_set_new(body, "next_cursor", json_null());
	return reply_json(rq, 200, body);
}

const struct column runtime_config_rollback_body[] = {
	{ "version", COL_INT, COL_REQUIRED, .min = 1, .max = INT32_MAX, .doc = "The version whose value comes back." },
	{ "reason", COL_TEXT, COL_REQUIRED, .max = 500, .doc = "Why." },
	{ 0 }
};

/* POST /v1/runtime-configs/{id}/rollback: an old value as a new version. */
int
runtime_config_rollback(struct request *rq)
{
	struct row *config = row_load(rq, &runtime_configs_resource, rq->id, true);
	struct db_result *r;

	if (config == NULL)
		return -1;
	r = db_query(rq, "SELECT config_value_json, is_active FROM runtime_config_versions"
	    " WHERE runtime_config_id = $1 AND version = $2", DB(rq->id,
	    arena_printf(rq->arena, "%lld", (long long)body_int(rq, "version", 0))));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "version", "unknown_reference", "there is no such version");
	row_set(config, "config_value_json", db_text(r, 0, 0));
	row_set(config, "is_active", db_text(r, 0, 1));
	row_set(config, "reason", body_text(rq, "reason"));
	if (value_must_fit(rq, config) < 0 || keep_version(rq, config, row_version(config) + 1) < 0 ||
	    row_touch(rq, config) < 0)
		return -1;
	return reply_row(rq, 200, config);
}

/* ---- explaining ---- */

/* The layers of a value, the strongest last; the effective one is the last that counts. */
static json_t *
layers_json(struct request *rq, const struct db_result *r)
{
	json_t *layers = json_array(), *builtin = json_object(), *configured;

	json_object_set_new(builtin, "layer", json_string("built-in"));
	json_object_set_new(builtin, "value", cell(rq, r, 0, "initial_json", true));
	json_array_append_new(layers, builtin);
	if (db_get(r, 0, "version") == NULL)
		return layers;
	configured = version_json(rq, r, 0);
	json_object_set_new(configured, "layer", json_string("configured"));
	json_object_set(configured, "value", json_object_get(configured, "config_value_json"));
	json_object_del(configured, "config_value_json");
	json_array_append_new(layers, configured);
	return layers;
}

/* GET /v1/runtime-configs/{key}/explain: which value counts, and from where. */
int
runtime_config_explain(struct request *rq)
{
	struct db_result *r = db_query(rq, "SELECT k.config_group, k.schema_json, k.initial_json, k.description, v.*"
	    " FROM runtime_config_keys k LEFT JOIN runtime_configs c USING (config_key)"
	    " LEFT JOIN LATERAL (SELECT " VERSION_COLUMNS " FROM runtime_config_versions w"
	    " WHERE w.runtime_config_id = c.id AND w.version = c.version) v ON true"
	    " WHERE k.config_key = $1", DB(rq->param));
	json_t *body, *layers, *effective;
	bool is_set;

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail(rq, ERR_NOT_FOUND, "no daemon reads such a setting");
	layers = layers_json(rq, r);
	is_set = json_array_size(layers) == 2 && json_is_true(json_object_get(json_array_get(layers, 1), "is_active"));
	effective = json_array_get(layers, is_set ? 1 : 0);
	body = json_object();
	json_object_set_new(body, "config_key", json_string(rq->param));
	json_object_set_new(body, "config_group", cell(rq, r, 0, "config_group", false));
	json_object_set_new(body, "description", cell(rq, r, 0, "description", false));
	json_object_set_new(body, "schema", cell(rq, r, 0, "schema_json", true));
	json_object_set(body, "effective_value", json_object_get(effective, "value"));
	json_object_set(body, "effective_layer", json_object_get(effective, "layer"));
	json_object_set_new(body, "layers", layers);
	return reply_json(rq, 200, body);
}

const struct resource runtime_configs_resource = {
	.table = "runtime_configs", .noun = "runtime_config", .module_key = "configuration",
	.label = "config_key",
	.columns = runtime_config_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("runtime-configs.read"), .create = SETTINGS("runtime-configs.create"),
	.update = SETTINGS("runtime-configs.update"),
	.on_create = config_create, .on_update = config_update,
	.changed = &EV_CONFIG_CHANGED,
	.doc = "Settings that daemons take up while they run.",
};
