/*
 * Runtime configuration: what operators set while the daemons run. Each change keeps a version
 * with who and why; config.changed brings it to every daemon. A key never goes, so that its
 * versions only rise; is_active false takes it out of force.
 */
#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"

#define SETTINGS(p) { .who = WHO_STAFF, .permission = (p), .conditions = NEEDS_SETTINGS }

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

static bool
is_config_key(const char *s)
{
	return *s >= 'a' && *s <= 'z' &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

static int
config_create(struct request *rq, struct row *config)
{
	if (!is_config_key(row_text(config, "config_key")))
		return fail_field(rq, "config_key", "bad_key", "lower case letters, digits and _ . -");
	return keep_version(rq, config, 1);
}

/* Every change says why anew. */
static int
config_update(struct request *rq, struct row *config)
{
	if (!row_changed(config, "config_value_json") && !row_changed(config, "is_active") &&
	    !row_changed(config, "description") && !row_changed(config, "reason"))
		return 0;
	if (!body_has(rq, "reason"))
		row_set(config, "reason", NULL);
	return keep_version(rq, config, row_version(config) + 1);
}

const struct resource runtime_configs_resource = {
	.table = "runtime_configs", .noun = "runtime_config", .module_key = "configuration",
	.label = "config_key",
	.columns = runtime_config_columns,
	.read = STAFF("runtime-configs.read"), .create = SETTINGS("runtime-configs.create"),
	.update = SETTINGS("runtime-configs.update"),
	.on_create = config_create, .on_update = config_update,
	.changed = &EV_CONFIG_CHANGED,
	.doc = "Settings that daemons take up while they run.",
};
