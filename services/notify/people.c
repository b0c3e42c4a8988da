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

/* Addresses and texts go; ids and what was sent when stay. */
int
user_forget(struct request *rq, const struct event_in *ev)
{
	const char *id = event_text(ev, "user_id");

	db_queue(rq, "UPDATE user_refs SET email = NULL, phone = NULL, display_name = NULL,"
	    " status = 'ERASED' WHERE id = $1", DB(id));
	db_queue(rq, "DELETE FROM suppressions s USING email_logs e WHERE e.user_id = $1"
	    " AND lower(s.email) = lower(e.to_email)", DB(id));
	db_queue(rq, "UPDATE user_settings_refs SET settings_json = '{}' WHERE user_id = $1", DB(id));
	db_queue(rq, "UPDATE notifications SET title = '', body = '', version = version + 1"
	    " WHERE user_id = $1", DB(id));
	return db_exec(rq, "UPDATE email_logs SET to_email = '', subject = '', body_snapshot = '',"
	    " html_snapshot = NULL, token_ciphertext = NULL, version = version + 1 WHERE user_id = $1", DB(id));
}
