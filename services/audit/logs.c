/*
 * The log as people read it: rows of audit_logs and their field changes. Nothing here writes.
 *
 * Of an erased person's rows, done by them or about their account, every read leaves out what is personal: the rows
 * themselves cannot be changed. Who is erased is few, so that the look costs a row next to nothing.
 */
#include "audit.h"
#include "db.h"

static const char *const actor_types[] = { "USER", "EMPLOYEE", "SYSTEM", "CRON", NULL };
static const char *const actions[] = { "CREATE", "UPDATE", "DELETE", "APPROVE", "REJECT", NULL };
static const char *const source_types[] = { "UI", "API", "WORKER", "CRON", NULL };
static const char *const statuses[] = { "SUCCESS", "FAILED", NULL };
static const char *const field_classes[] = { "PUBLIC", "INTERNAL", "PERSONAL", NULL };

static const struct column audit_log_columns[] = {
	{ "id", COL_UUID, COL_KEY | COL_READONLY | COL_FILTER, .doc = "The event's own id." },
	{ "actor_user_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "user_refs" },
	{ "actor_employee_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "employee_refs" },
	{ "actor_type", COL_ENUM, COL_READONLY | COL_FILTER, .values = actor_types,
	    .doc = "SYSTEM: a reaction to an event; CRON: a clock." },
	{ "action", COL_ENUM, COL_READONLY | COL_FILTER, .values = actions,
	    .doc = "The finer word is metadata_json.event_type." },
	{ "entity_type", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "Singular: job, company, user." },
	{ "entity_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "entity_label", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "module_key", COL_TEXT, COL_READONLY | COL_FILTER },
	{ "source_type", COL_ENUM, COL_READONLY | COL_FILTER, .values = source_types },
	{ "source_id", COL_UUID, COL_READONLY | COL_FILTER,
	    .doc = "The session, the causing event, or the clock's run." },
	{ "request_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "correlation_id", COL_UUID, COL_READONLY | COL_FILTER,
	    .doc = "The same for everything that followed from one click." },
	{ "ip_address", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "user_agent", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = statuses },
	{ "summary", COL_TEXT, COL_READONLY },
	{ "metadata_json", COL_JSON, COL_READONLY,
	    .doc = "event_type, service, aggregate, version, cause, and where in Kafka it stood." },
	{ "created_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED,
	    .doc = "When it happened, not when it was written." },
	{ 0 }
};

#define IS_ERASED(actor, entity) \
	"EXISTS (SELECT FROM user_refs u WHERE u.erased_at IS NOT NULL AND u.id IN (" actor ", " entity "))"

const struct resource audit_logs_resource = {
	.table = "audit_logs",
	.noun = "audit_log",
	.module_key = "audit",
	.label = "summary",
	.columns = audit_log_columns,
	/* newest first by id, which carries the time: created_at alone has no index over all rows */
	.flags = RES_NO_VERSION | RES_BY_ID,
	.subject = SUBJECT_NOBODY,
	.blank = IS_ERASED("t.actor_user_id", "t.entity_id"),
	.read = STAFF("audit-logs.read"),
	.doc = "What happened, who did it, to what: one row per event, never changed.",
};

static const struct column audit_log_change_columns[] = {
	{ "id", COL_UUID, COL_KEY | COL_READONLY | COL_FILTER, .doc = "Made from the event's id." },
	{ "audit_log_id", COL_UUID, COL_READONLY | COL_FILTER, .ref = "audit_logs" },
	{ "field_name", COL_TEXT, COL_READONLY | COL_FILTER },
	{ "old_value_text", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "new_value_text", COL_TEXT, COL_READONLY | COL_PERSONAL },
	{ "created_at", COL_TIME, COL_READONLY | COL_REQUIRED },
	{ "field_class", COL_ENUM, COL_READONLY, .values = field_classes },
	{ 0 }
};

const struct resource audit_log_changes_resource = {
	.table = "audit_log_changes",
	.noun = "audit_log_change",
	.module_key = "audit",
	.label = "field_name",
	.columns = audit_log_change_columns,
	.flags = RES_NO_VERSION | RES_BY_ID,
	.subject = SUBJECT_NOBODY,
	/* the offset keeps PostgreSQL from reading all logs of the erased for one page of changes */
	.blank = "t.field_class = 'PERSONAL' AND EXISTS (SELECT FROM audit_logs l WHERE l.id = t.audit_log_id AND "
	    IS_ERASED("l.actor_user_id", "l.entity_id") " OFFSET 0)",
	.read = STAFF("audit-logs.read"),
	.child = { "audit_logs", "changes", "audit_log_id" },
	.doc = "Which fields an entry of the log changed, from what to what.",
};

int
partitions_make(struct request *rq)
{
	return db_exec(rq, "SELECT audit_make_partitions(2)", DB0);
}
