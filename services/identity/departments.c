/* Departments and designations: where employees stand. */
#include "event.h"
#include "identity.h"

static const char *const visibilities[] = { "INTERNAL", NULL };

static const struct column department_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_FILTER | COL_SORT | COL_SEARCH, .max = 100 },
	{ "code", COL_TEXT, COL_REQUIRED | COL_TO_UPPER | COL_FILTER | COL_SORT, .max = 20 },
	{ "description", COL_TEXT, COL_SEARCH, .max = 1000 },
	{ "department_head", COL_TEXT, COL_PERSONAL, .max = 100, .doc = "A name for people to read." },
	{ "department_email", COL_EMAIL, COL_PERSONAL },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "t", .doc = "An inactive one takes nobody new." },
	{ "visibility", COL_ENUM, COL_FILTER, .values = visibilities, .initial = "INTERNAL" },
	{ "transfers_enabled", COL_BOOL, COL_FILTER, .initial = "t",
	    .doc = "Whether employees may move from and to it." },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource departments_resource = {
	.table = "departments", .noun = "department", .module_key = "employees", .label = "name",
	.columns = department_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("departments.read"), .create = STAFF("departments.create"),
	.update = STAFF("departments.update"), .remove = STAFF("departments.delete"),
	.changed = &EV_DEPARTMENT_CHANGED,
	.doc = "Departments; one that employees, designations or roles refer to cannot be removed.",
};

static const struct column designation_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_FILTER | COL_SORT | COL_SEARCH, .max = 100 },
	{ "code", COL_TEXT, COL_REQUIRED | COL_TO_UPPER | COL_FILTER | COL_SORT, .max = 20 },
	{ "department_id", COL_UUID, COL_FILTER, .ref = "departments",
	    .doc = "Only for employees of this department; null: for all." },
	{ "description", COL_TEXT, COL_SEARCH, .max = 1000 },
	{ "level", COL_TEXT, COL_FILTER, .max = 40 },
	{ "can_manage_team", COL_BOOL, COL_FILTER, .initial = "f" },
	{ "can_approve", COL_BOOL, COL_FILTER, .initial = "f" },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource designations_resource = {
	.table = "designations", .noun = "designation", .module_key = "employees", .label = "name",
	.columns = designation_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("designations.read"), .create = STAFF("designations.create"),
	.update = STAFF("designations.update"), .remove = STAFF("designations.delete"),
	.child = { "departments", "designations", "department_id" },
	.changed = &EV_DESIGNATION_CHANGED,
	.doc = "What employees are.",
};
