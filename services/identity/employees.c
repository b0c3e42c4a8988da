/*
 * Employees; see employees.h.
 *
 * Who reports to whom never makes a circle, and nobody leaves while active people report to them:
 * both are judged under one lock, so that two writers cannot each be right alone.
 */
#include "employees.h"

#include <ctype.h>
#include <string.h>

#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "sessions.h"
#include "user_access.h"
#include "user_roles.h"

static const char *const statuses[] = { "ACTIVE", "INACTIVE", "TERMINATED", NULL };

static const struct column employee_columns[] = {
	COLUMN_ID,
	{ "user_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .ref = "users" },
	{ "employee_code", COL_TEXT, COL_FILTER | COL_SORT | COL_SEARCH, .min = 1, .max = 40,
	    .doc = "Made where none is given." },
	{ "department_id", COL_UUID, COL_FILTER, .ref = "departments" },
	{ "designation_id", COL_UUID, COL_FILTER, .ref = "designations" },
	{ "joining_date", COL_DATE, COL_FILTER | COL_SORT },
	{ "employment_status", COL_ENUM, COL_READONLY | COL_FILTER | COL_SORT, .values = statuses },
	{ "manager_employee_id", COL_UUID, COL_FILTER, .ref = "employees" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column reason_body[] = {
	{ "reason", COL_TEXT, COL_REQUIRED, .max = 500 },
	{ 0 }
};
static const struct column reactivate_body[] = {
	{ "reason", COL_TEXT, 0, .max = 500 },
	{ 0 }
};

/* ---- events ---- */

/* Names for those who read the event without our tables. */
static int
fill_names(struct request *rq, struct row *employee)
{
	struct event_out *ev = row_event(rq, employee);
	struct db_result *r = db_query(rq,
	    "SELECT (SELECT coalesce(display_name, email) FROM users WHERE id = $1),"
	    " (SELECT name FROM departments WHERE id = $2), (SELECT name FROM designations WHERE id = $3)",
	    DB(row_text(employee, "user_id"), row_text(employee, "department_id"),
	    row_text(employee, "designation_id")));

	if (r == NULL)
		return -1;
	event_set_text(ev, "display_name", db_text(r, 0, 0));
	event_set_text(ev, "department_name", db_text(r, 0, 1));
	event_set_text(ev, "designation_name", db_text(r, 0, 2));
	return 0;
}

/* ---- rules ---- */

static int
lock_reporting_lines(struct request *rq)
{
	return db_lock(rq, "reporting lines");
}

/* The manager is active and does not report, by however many steps, to this employee. */
static int
check_manager(struct request *rq, const struct row *employee)
{
	const char *manager_id = row_text(employee, "manager_employee_id");
	struct db_result *r;

	if (manager_id == NULL)
		return 0;
	if (lock_reporting_lines(rq) < 0)
		return -1;
	r = db_query(rq, "WITH RECURSIVE above (id, manager_id) AS ("
	    " SELECT id, manager_employee_id FROM employees WHERE id = $1 UNION"
	    " SELECT e.id, e.manager_employee_id FROM employees e JOIN above a ON e.id = a.manager_id)"
	    " SELECT EXISTS (SELECT FROM employees WHERE id = $1 AND employment_status = 'ACTIVE'),"
	    " EXISTS (SELECT FROM above WHERE id = $2)", DB(manager_id, row_id(employee)));
	if (r == NULL)
		return -1;
	if (!db_bool(r, 0, 0))
		return fail_field(rq, "manager_employee_id", "unknown_reference",
		    "there is no such active employee");
	if (db_bool(r, 0, 1))
		return fail_field(rq, "manager_employee_id", "cycle",
		    "this manager reports to the employee");
	return 0;
}

/* Department and designation are active and belong together; a closed department moves nobody. */
static int
check_place(struct request *rq, const struct row *employee)
{
	const char *old = row_old(employee, "department_id");
	bool moves = old != NULL && row_changed(employee, "department_id");
	struct db_result *r = db_query(rq,
	    "SELECT (SELECT is_active FROM departments WHERE id = $1),"
	    " (SELECT is_active AND (department_id IS NULL OR department_id IS NOT DISTINCT FROM $1::uuid)"
	    "  FROM designations WHERE id = $2),"
	    " NOT EXISTS (SELECT FROM departments WHERE id IN ($1, $3) AND NOT transfers_enabled)",
	    DB(row_text(employee, "department_id"), row_text(employee, "designation_id"), old));

	if (r == NULL)
		return -1;
	if (row_is_set(employee, "department_id") && !db_bool(r, 0, 0))
		fail_field(rq, "department_id", "unknown_reference", "there is no such active department");
	if (row_is_set(employee, "designation_id") && !db_bool(r, 0, 1))
		fail_field(rq, "designation_id", "unknown_reference",
		    "there is no such active designation in this department");
	if (moves && !db_bool(r, 0, 2))
		fail_field(rq, "department_id", "transfers_disabled",
		    "one of the two departments takes part in no transfers");
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

/* E- and ten digits of the id's random part: short, and no counter to lock. */
static void
make_code(struct request *rq, struct row *employee)
{
	const char *id = row_id(employee);
	char *code = arena_printf(rq->arena, "E-%s", id + 26);

	for (char *p = code; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	row_set(employee, "employee_code", code);
}

static int
user_must_be_active(struct request *rq, const char *user_id)
{
	bool is_active;

	if (user_is_active(rq, user_id, &is_active) < 0)
		return -1;
	return is_active ? 0 : fail_field(rq, "user_id", "unknown_reference", "there is no such active user");
}

/* ---- guards ---- */

static int
employee_hire(struct request *rq, struct row *employee)
{
	if (!row_is_set(employee, "employee_code"))
		make_code(rq, employee);
	if (user_must_be_active(rq, row_text(employee, "user_id")) < 0 ||
	    check_place(rq, employee) < 0 || check_manager(rq, employee) < 0)
		return -1;
	unit_later(rq, user_access_changed, row_text(employee, "user_id"));
	return fill_names(rq, employee);
}

static int
employee_move(struct request *rq, struct row *employee)
{
	struct event_out *ev;

	if (strcmp(row_text(employee, "employment_status"), "TERMINATED") == 0)
		return fail(rq, ERR_CONFLICT, "this employment has ended");
	if (!row_is_set(employee, "employee_code"))
		return fail_field(rq, "employee_code", "required", "an employee has a code");
	if (!row_changed(employee, "department_id") && !row_changed(employee, "designation_id") &&
	    !row_changed(employee, "manager_employee_id"))
		return fill_names(rq, employee);
	ev = row_event_as(rq, employee, &EV_EMPLOYEE_MOVED);
	event_set_text(ev, "old_department_id", row_old(employee, "department_id"));
	event_set_text(ev, "old_designation_id", row_old(employee, "designation_id"));
	event_set_text(ev, "old_manager_employee_id", row_old(employee, "manager_employee_id"));
	if (check_place(rq, employee) < 0 || (row_changed(employee, "manager_employee_id") &&
	    check_manager(rq, employee) < 0))
		return -1;
	if (row_changed(employee, "department_id"))
		unit_later(rq, user_access_changed, row_text(employee, "user_id"));
	return fill_names(rq, employee);
}

static int
status_changes(struct request *rq, struct row *employee)
{
	struct event_out *ev = row_event(rq, employee);

	event_set_text(ev, "old_status", row_old(employee, "employment_status"));
	event_set_text(ev, "reason", body_text(rq, "reason"));
	unit_later(rq, user_access_changed, row_text(employee, "user_id"));
	return fill_names(rq, employee);
}

/* A manager may leave while people who rest report to them; nobody comes back to one who has left. */
static int
employee_reactivate(struct request *rq, struct row *employee)
{
	bool has_left;

	if (lock_reporting_lines(rq) < 0 ||
	    db_query_bool(rq, "SELECT EXISTS (SELECT FROM employees WHERE id = $1"
	    " AND employment_status = 'TERMINATED')", DB(row_text(employee, "manager_employee_id")), &has_left) < 0)
		return -1;
	if (has_left)
		return fail(rq, ERR_CONFLICT, "the manager of this employee has left; name another first");
	return status_changes(rq, employee);
}

static int
employee_deactivate(struct request *rq, struct row *employee)
{
	if (administrators_must_remain(rq, row_text(employee, "user_id")) < 0 ||
	    sessions_end(rq, row_text(employee, "user_id"), NULL, "REVOKED") < 0)
		return -1;
	return status_changes(rq, employee);
}

static int
employee_terminate(struct request *rq, struct row *employee)
{
	const char *user_id = row_text(employee, "user_id");
	struct db_result *r;

	if (administrators_must_remain(rq, user_id) < 0 || lock_reporting_lines(rq) < 0)
		return -1;
	r = db_query(rq, "SELECT count(*) FROM employees WHERE manager_employee_id = $1"
	    " AND employment_status = 'ACTIVE'", DB(row_id(employee)));
	if (r == NULL)
		return -1;
	if (db_int(r, 0, 0) > 0)
		return fail(rq, ERR_CONFLICT, "%s active employees report to this one; move them first",
		    db_text(r, 0, 0));
	if (user_roles_end_internal(rq, user_id) < 0 ||
	    sessions_end(rq, user_id, NULL, "TERMINATED") < 0)
		return -1;
	return status_changes(rq, employee);
}

#define NOT_ONESELF(p) { .who = WHO_STAFF, .permission = (p), .conditions = NOT_OWNER }

static const struct transition employee_transitions[] = {
	/* verb         from        to            who                                   event */
	{ NULL,         NULL,       "ACTIVE",     STAFF("employees.create"),            &EV_EMPLOYEE_HIRED,
	    .column = "employment_status", .doc = "POST /v1/employees, or with an INTERNAL role" },
	{ "deactivate", "ACTIVE",   "INACTIVE",   NOT_ONESELF("employees.deactivate"),  &EV_EMPLOYEE_STATUS_CHANGED,
	    employee_deactivate, "employment_status", .body = reason_body,
	    .doc = "Rest the employment: sessions end, INTERNAL roles give nothing meanwhile." },
	{ "reactivate", "INACTIVE", "ACTIVE",     NOT_ONESELF("employees.reactivate"),  &EV_EMPLOYEE_STATUS_CHANGED,
	    employee_reactivate, "employment_status", .body = reactivate_body, .doc = "Go on with the employment." },
	{ "terminate",  "ACTIVE",   "TERMINATED", NOT_ONESELF("employees.terminate"),   &EV_EMPLOYEE_STATUS_CHANGED,
	    employee_terminate, "employment_status", .body = reason_body,
	    .doc = "End the employment for good, with sessions and INTERNAL roles." },
	{ "terminate",  "INACTIVE", "TERMINATED", NOT_ONESELF("employees.terminate"),   &EV_EMPLOYEE_STATUS_CHANGED,
	    employee_terminate, "employment_status", .body = reason_body,
	    .doc = "End the employment for good, with sessions and INTERNAL roles." },
	{ 0 }
};

const struct resource employees_resource = {
	.table = "employees", .noun = "employee", .module_key = "employees", .label = "employee_code",
	.recipient = "user_id",
	.columns = employee_columns, .transitions = employee_transitions,
	.owner = "t.user_id = :me",
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("employees.read"), .create = STAFF("employees.create"),
	.update = STAFF("employees.update"),
	.on_create = employee_hire, .on_update = employee_move,
	.created = &EV_EMPLOYEE_HIRED, .changed = &EV_EMPLOYEE_CHANGED,
	.doc = "The people who work for the platform.",
};

int
employee_ensure(struct request *rq, const char *user_id)
{
	struct row *employee = row_load_by_if_there(rq, &employees_resource, "user_id", user_id, true);

	if (rq->problem.code != ERR_NONE)
		return -1;
	if (employee != NULL)
		return strcmp(row_text(employee, "employment_status"), "TERMINATED") == 0 ?
		    fail(rq, ERR_CONFLICT, "this person's employment has ended") : 0;
	employee = row_new(rq, &employees_resource);
	row_set(employee, "user_id", user_id);
	row_event_as(rq, employee, &EV_EMPLOYEE_HIRED);
	if (employee_hire(rq, employee) < 0)
		return -1;
	return row_insert(rq, employee);
}
