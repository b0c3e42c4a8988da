/* Users and employees as notify knows them: where to send, and what they do not want. */
#include "people.h"

#include "db.h"
#include "notify.h"

const struct ref_map user_map = {
	.table = "user_refs",
	.columns = { "status", "account_type", "email", "phone", "display_name" },
};

const struct ref_map employee_map = {
	.table = "employee_refs",
	.columns = { "user_id", "employee_code", "status=employment_status", "department_id" },
};

int
user_settings_keep(struct request *rq, const struct event_in *ev)
{
	const char *settings = event_text(ev, "settings_json");

	return db_exec(rq, "INSERT INTO user_settings_refs AS s (user_id, settings_json, version)"
	    " VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET settings_json = excluded.settings_json,"
	    " version = excluded.version, updated_at = now() WHERE s.version < excluded.version",
	    DB(event_text(ev, "user_id"), settings != NULL ? settings : "{}",
	    arena_printf(rq->arena, "%lld", (long long)event_int(ev, "version"))));
}

/*
 * Addresses and texts go; ids and what was sent when stay. The version of the reference row is raised
 * by its map before. Of the mails the farewell alone keeps its address, until the mailer has settled it.
 */
static int
forget(struct request *rq, const char *id, const char *farewell_event_id)
{
	static const char *const statements[] = {
		("UPDATE user_refs SET email = NULL, phone = NULL, display_name = NULL, status = 'ERASED'"
		" WHERE id = $1"),
		("DELETE FROM suppressions s USING email_logs e WHERE e.user_id = $1"
		" AND lower(s.email) = lower(e.to_email)"),
		"UPDATE user_settings_refs SET settings_json = '{}' WHERE user_id = $1",
		"UPDATE notifications SET title = '', body = '', version = version + 1 WHERE user_id = $1",
		"UPDATE entity_refs SET label = NULL WHERE user_id = $1",
		("UPDATE support_ticket_messages SET message_body = '', attachment_url = NULL,"
		" version = version + 1 WHERE id IN (SELECT id FROM support_ticket_messages WHERE sender_user_id = $1"
		" UNION SELECT m.id FROM support_ticket_messages m JOIN support_tickets k"
		" ON k.id = m.support_ticket_id WHERE k.created_by_user_id = $1)"),
		("UPDATE support_tickets SET subject = 'Erased', description = NULL, version = version + 1"
		" WHERE created_by_user_id = $1"),
		"UPDATE kb_article_feedback SET feedback_text = NULL, version = version + 1 WHERE user_id = $1",
	};

	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB(id)) < 0)
			return -1;
	return db_exec(rq, "UPDATE email_logs SET " EMAIL_BLANK ", version = version + 1"
	    " WHERE user_id = $1 AND source_event_id IS DISTINCT FROM $2", DB(id, farewell_event_id));
}

int
user_erased(struct request *rq, const struct event_in *ev)
{
	if (tell(rq, ev) < 0)
		return -1;
	return forget(rq, event_text(ev, "user_id"), ev->id);
}
