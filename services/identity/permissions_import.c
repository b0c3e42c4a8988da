/*
 * `permissions import`: takes up what the daemons declare (`nxt-<service> --permissions`), grants
 * what is new to the built-in roles, and makes every role known to all services once.
 *
 * A grant that an administrator took away is not given again: only keys never seen are granted.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "roles.h"
#include "uuid.h"

#define KEYS_MAX 2000
#define LINE_BYTES 400

/* What the built-in roles may do, as patterns over permission keys. */
static const struct {
	const char *role_key;
	const char *patterns[24];
} builtin[] = {
	{ "administrator", { "*" } },
	{ "reviewer", { "approval-requests.*", "approval-logs.read", "verification-*.*", "*-profiles.read",
	    "portfolio-*.read", "services.read", "jobs.read", "leads.read", "reviews.*", "users.read",
	    "dashboard-configs.read" } },
	{ "finance_officer", { "orders.*", "order-items.*", "invoices.*", "payments.*", "payment-*.*",
	    "coupons.*", "coupon-redemptions.*", "discount-rules.*", "tax-rules.*",
	    "pricing-packages.*", "tracecoin-*.*", "users.read", "company-profiles.read" } },
	{ "support_agent", { "support-*.*", "kb-*.*", "notifications.read", "email-logs.read",
	    "users.read", "*-profiles.read", "jobs.read", "leads.read", "lead-requests.read",
	    "job-applications.read", "reviews.read", "orders.read", "invoices.read", "payments.read" } },
	{ "hr_officer", { "employees.*", "departments.*", "designations.*", "users.read",
	    "user-roles.read" } },
};

static struct {
	const char *keys[KEYS_MAX], *names[KEYS_MAX];
	size_t n;
	bool is_read;
} declared;	/* standard input is read once, however often the unit runs */

/* ---- reading ---- */

static bool
is_permission_key(const char *s)
{
	const char *dot = strchr(s, '.');

	return dot != NULL && dot != s && dot[1] != '\0' &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

static bool
is_known(const char *key)
{
	for (size_t i = 0; i < declared.n; i++)
		if (strcmp(declared.keys[i], key) == 0)
			return true;
	return false;
}

static int
read_line(struct request *rq, char *line)
{
	char *tab, *name;

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	tab = strchr(line, '\t');
	name = tab != NULL ? tab + 1 : line;
	if (tab != NULL)
		*tab = '\0';
	name[strcspn(name, "\t")] = '\0';
	if (!is_permission_key(line))
		return fail(rq, ERR_BAD_REQUEST, "\"%.60s\" is no permission key", line);
	if (is_known(line))
		return 0;
	if (declared.n == KEYS_MAX)
		return fail(rq, ERR_BAD_REQUEST, "more than %d keys", KEYS_MAX);
	declared.keys[declared.n] = xstrdup(line);
	declared.names[declared.n++] = xstrdup(*name != '\0' ? name : line);
	return 0;
}

static int
read_declared(struct request *rq)
{
	char line[LINE_BYTES];

	while (!declared.is_read && fgets(line, sizeof(line), stdin) != NULL)
		if (read_line(rq, line) < 0)
			return -1;
	declared.is_read = true;
	if (declared.n == 0)
		return fail(rq, ERR_BAD_REQUEST,
		    "give lines of key<TAB>name on standard input, as --permissions prints them");
	return 0;
}

/* ---- writing ---- */

/* Keeps of the declared keys those that the table lacks, and adds them to it. */
static int
add_new(struct request *rq, const char **ret_new, size_t *ret_count)
{
	struct db_result *r = db_query(rq, "SELECT k FROM unnest($1::text[]) k"
	    " WHERE NOT EXISTS (SELECT FROM permissions p WHERE p.key = k) ORDER BY k",
	    DB(db_text_array(rq->arena, declared.keys, declared.n)));
	size_t n = 0;

	if (r == NULL)
		return -1;
	for (size_t i = 0; i < declared.n; i++) {
		bool is_new = false;
		for (int j = 0; j < db_rows(r) && !is_new; j++)
			is_new = strcmp(db_text(r, j, 0), declared.keys[i]) == 0;
		if (!is_new)
			continue;
		struct row *permission = row_new(rq, &permissions_resource);
		row_set(permission, "key", declared.keys[i]);
		row_set(permission, "name", declared.names[i]);
		if (row_insert(rq, permission) < 0)
			return -1;
		ret_new[n++] = declared.keys[i];
	}
	*ret_count = n;
	return 0;
}

static bool
matches(const char *role_key, const char *key)
{
	for (size_t i = 0; i < COUNT_OF(builtin); i++)
		for (const char *const *p = builtin[i].patterns; *p != NULL; p++)
			if (strcmp(builtin[i].role_key, role_key) == 0 && fnmatch(*p, key, 0) == 0)
				return true;
	return false;
}

/* Grants the role what is new and meant for it; returns how many, or -1. */
static int
grant(struct request *rq, const struct row *role, const char *const *new_keys, size_t count)
{
	struct db_array *ids = db_array_new(rq->arena, DB_UUID);
	struct db_array *roles = db_array_new(rq->arena, DB_UUID);
	struct db_array *keys = db_array_new(rq->arena, DB_TEXT);
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!matches(row_text(role, "key"), new_keys[i]))
			continue;
		db_array_add_text(ids, uuid_new(rq->arena));
		db_array_add_text(roles, row_id(role));
		db_array_add_text(keys, new_keys[i]);
		n++;
	}
	if (n > 0 && db_exec(rq, "INSERT INTO role_permissions (id, role_id, permission_key)"
	    " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])"
	    " ON CONFLICT (role_id, permission_key) DO NOTHING",
	    db_arrays(rq->arena, 3, ids, roles, keys)) < 0)
		return -1;
	return n;
}

/* A role whose version is 1 was made by the migration and has never been told of. */
static int
grant_and_tell(struct request *rq, const char *const *new_keys, size_t count, int *ret_told)
{
	struct db_result *r = db_query(rq, "SELECT id FROM roles ORDER BY key", DB0);

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct row *role = row_load(rq, &roles_resource, db_text(r, i, 0), true);
		int granted = role == NULL ? -1 : grant(rq, role, new_keys, count);
		if (granted < 0)
			return -1;
		if (granted == 0 && row_version(role) > 1)
			continue;
		if (role_permissions_publish(rq, role, NULL, NULL) < 0)
			return -1;
		(*ret_told)++;
	}
	return 0;
}

int
permissions_import(struct request *rq, int argc, char **argv)
{
	const char **new_keys = arena_alloc(rq->arena, KEYS_MAX * sizeof(*new_keys));
	size_t count = 0;
	int told = 0;

	(void)argc;
	(void)argv;
	if (read_declared(rq) < 0 || db_lock(rq, "permissions import") < 0 ||
	    add_new(rq, new_keys, &count) < 0 || grant_and_tell(rq, new_keys, count, &told) < 0)
		return -1;
	return reply_text(rq, 200, arena_printf(rq->arena,
	    "%zu keys declared, %zu new; %d roles published", declared.n, count, told));
}
