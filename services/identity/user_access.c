/* What a user may do now; see user_access.h. */
#include "user_access.h"

#include <string.h>

#include "config.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "second_factor.h"

int
employment_read(struct request *rq, const char *user_id, struct employment *ret)
{
	struct db_result *r = db_query(rq,
	    "SELECT id, department_id, employment_status FROM employees WHERE user_id = $1",
	    DB(user_id));

	if (r == NULL)
		return -1;
	memset(ret, 0, sizeof(*ret));
	if (db_rows(r) == 0)
		return 0;
	ret->employee_id = db_text(r, 0, 0);
	ret->department_id = db_text(r, 0, 1);
	ret->status = db_text(r, 0, 2);
	return 0;
}

static int
read_roles(struct request *rq, const char *user_id, struct user_access *ret)
{
	struct db_result *r = db_query(rq,
	    "SELECT role_key FROM roles_in_force($1) ORDER BY role_key", DB(user_id));
	const char **keys;
	int n;

	if (r == NULL)
		return -1;
	n = db_rows(r);
	keys = arena_alloc(rq->arena, ((size_t)n + 1) * sizeof(*keys));
	for (int i = 0; i < n; i++)
		keys[i] = db_text(r, i, 0);
	ret->role_keys = keys;
	return 0;
}

int
user_access_read(struct request *rq, const char *user_id, const struct employment *employment,
    struct user_access *ret)
{
	bool employed = employment->status != NULL && strcmp(employment->status, "ACTIVE") == 0;

	memset(ret, 0, sizeof(*ret));
	if (read_roles(rq, user_id, ret) < 0)
		return -1;
	ret->employee_id = employed ? employment->employee_id : NULL;
	ret->department_id = employed ? employment->department_id : NULL;
	return 0;
}

#define ACCESS_OF_MANY(staff) \
	"SELECT q.n, f.role_key, floor(extract(epoch FROM f.expires_at))::bigint, e.id, e.department_id," \
	" NOT s.staff AND EXISTS (SELECT FROM employees WHERE user_id = q.id AND employment_status = 'ACTIVE')" \
	" FROM unnest((SELECT $1::uuid[])) WITH ORDINALITY q (id, n)" \
	" CROSS JOIN LATERAL (SELECT " staff " AS staff OFFSET 0) s" \
	" LEFT JOIN LATERAL (SELECT id, department_id FROM employees WHERE s.staff" \
	" AND user_id = q.id AND employment_status = 'ACTIVE' LIMIT 1) e ON true" \
	" LEFT JOIN LATERAL (SELECT f.role_key, f.expires_at FROM roles_in_force(q.id) f" \
	" JOIN roles r ON r.id = f.role_id WHERE s.staff OR r.audience = 'EXTERNAL' OFFSET 0) f ON true" \
	" ORDER BY q.n, f.role_key"

/* The offsets and the limit keep each look an index scan, however small the tables were when it was planned. */
struct db_statement
user_access_for_tokens(struct request *rq, struct db_array *user_ids)
{
	return (struct db_statement){ setting_bool("identity.internal_roles_need_second_factor") ?
	    ACCESS_OF_MANY(SECOND_FACTOR_IS_ON("q.id")) : ACCESS_OF_MANY("true"),
	    db_arrays(rq->arena, 1, user_ids) };
}

void
user_access_take(struct request *rq, const struct db_result *r, unsigned n, struct user_access *ret)
{
	const char **keys = arena_alloc(rq->arena, ((size_t)db_rows(r) + 1) * sizeof(*keys));
	unsigned nkeys = 0;

	memset(ret, 0, sizeof(*ret));
	ret->role_keys = keys;
	for (int i = 0; i < db_rows(r); i++) {
		int64_t until_s = db_int(r, i, 2);
		if (db_int(r, i, 0) != n + 1)
			continue;
		ret->employee_id = arena_strdup(rq->arena, db_text(r, i, 3));
		ret->department_id = arena_strdup(rq->arena, db_text(r, i, 4));
		ret->factor_missing = db_bool(r, i, 5);
		if (db_text(r, i, 1) != NULL)
			keys[nkeys++] = arena_strdup(rq->arena, db_text(r, i, 1));
		if (until_s != 0 && (ret->until_s == 0 || until_s < ret->until_s))
			ret->until_s = until_s;
	}
}

int
user_access_for_token(struct request *rq, const char *user_id, struct user_access *ret)
{
	struct db_array *ids = db_array_new(rq->arena, DB_UUID);
	struct db_statement statement;
	struct db_result *r;

	db_array_add_text(ids, user_id);
	statement = user_access_for_tokens(rq, ids);
	r = db_query(rq, statement.sql, statement.params);
	if (r == NULL)
		return -1;
	user_access_take(rq, r, 0, ret);
	return 0;
}

/* Everything of the event that is not a column of users. */
static int
fill(struct request *rq, struct event_out *ev, const char *user_id,
    const struct employment *employment)
{
	struct user_access access;

	if (user_access_read(rq, user_id, employment, &access) < 0)
		return -1;
	event_set_text(ev, "user_id", user_id);
	event_set_text(ev, "employee_id", access.employee_id);
	event_set_text(ev, "department_id", access.department_id);
	for (size_t i = 0; access.role_keys[i] != NULL; i++)
		event_add_text(ev, "role_keys", access.role_keys[i]);
	return 0;
}

int
user_access_changed(struct request *rq, const char *user_id)
{
	struct employment employment;
	struct row *user;
	struct event_out *ev;

	if (employment_read(rq, user_id, &employment) < 0)
		return -1;
	user = row_load(rq, &users_resource, user_id, true);
	if (user == NULL)
		return -1;
	ev = row_event_as(rq, user, &EV_USER_ACCESS_CHANGED);
	if (fill(rq, ev, user_id, &employment) < 0)
		return -1;
	row_set_int(user, "access_epoch", row_int(user, "access_epoch") + 1);
	return row_update(rq, user);
}

/* An event of its own beside the one that the row's change publishes. */
static int
publish_beside(struct request *rq, const struct row *user, const char *status, int64_t version)
{
	struct employment employment;
	struct event_out *ev;

	if (employment_read(rq, row_id(user), &employment) < 0)
		return -1;
	ev = event_publish(rq, &EV_USER_ACCESS_CHANGED, row_id(user), version);
	event_set_int(ev, "access_epoch", row_int(user, "access_epoch"));
	event_set_text(ev, "status", status);
	event_set_text(ev, "account_type", row_text(user, "account_type"));
	event_label(ev, row_text(user, "email"));
	return fill(rq, ev, row_id(user), &employment);
}

int
user_access_moves(struct request *rq, struct row *user, const char *status)
{
	row_set_int(user, "access_epoch", row_int(user, "access_epoch") + 1);
	return publish_beside(rq, user, status, row_version(user) + 1);
}

int
user_access_republish(struct request *rq, struct row *user)
{
	return publish_beside(rq, user, row_text(user, "status"), row_version(user));
}
