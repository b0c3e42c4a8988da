/* One-time tokens; see one_time_tokens.h. */
#include "one_time_tokens.h"

#include <string.h>

#include "clock.h"
#include "db.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "secretbox.h"
#include "secrets.h"
#include "throttle.h"
#include "uuid.h"

static void
tell(struct request *rq, struct row *user, const char *purpose, const char *email,
    const char *token_id, const char *token, int64_t expires_us)
{
	struct event_out *ev = event_publish(rq, &EV_AUTH_TOKEN_ISSUED, row_id(user), row_version(user));
	const char *sealed = secretbox_seal(rq->arena, token);

	event_set_text(ev, "user_id", row_id(user));
	event_set_text(ev, "purpose", purpose);
	event_set_text(ev, "email", email);
	event_set_bytes(ev, "token_ciphertext", sealed, strlen(sealed));
	event_set_time(ev, "expires_at", expires_us);
	event_set_text(ev, "token_id", token_id);
	/* to an address that nobody has confirmed goes no word of the asker's choice */
	if (strcmp(purpose, "CHANGE_EMAIL") != 0)
		event_set_text(ev, "display_name", row_text(user, "display_name"));
	event_set_text(ev, "client", rq->source_type);
	event_set_text(ev, "device", rq->user_agent);
	event_label(ev, row_text(user, "email"));
	event_recipient(ev, row_id(user));
}

int
one_time_token_issue(struct request *rq, struct row *user, const char *purpose,
    const char *email, const char *new_value, int64_t lifetime_s)
{
	char *token = secret_new(rq->arena), *id = uuid_new(rq->arena);
	int64_t expires_us = rq->now_us + lifetime_s * 1000000;
	char expires[CLOCK_TEXT];

	clock_format(expires_us, expires);
	db_queue(rq, "INSERT INTO one_time_tokens (id, user_id, purpose, token_hash, new_value,"
	    " expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
	    DB(id, row_id(user), purpose, secret_hash(rq->arena, token), new_value, expires));
	tell(rq, user, purpose, email, id, token, expires_us);
	return 0;
}

int
one_time_tokens_recent(struct request *rq, const char *user_id, const char *purpose, int seconds,
    int64_t *ret_n)
{
	struct db_result *r = db_query(rq, "SELECT count(*) FROM one_time_tokens"
	    " WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL"
	    " AND created_at > now() - make_interval(secs => $3::integer)",
	    DB(user_id, purpose, arena_printf(rq->arena, "%d", seconds)));

	if (r == NULL)
		return -1;
	*ret_n = db_int(r, 0, 0);
	return 0;
}

/* db_one_or_fail of a token, which tells of a wrong one. */
static struct db_result *
one_or_refuse(struct request *rq, const char *purpose, const char *token, const char *sql)
{
	struct db_result *r = db_one_or_fail(rq, ERR_TOKEN_INVALID,
	    "this token is wrong, used or expired; ask for a new one", sql,
	    DB(secret_hash(rq->arena, token), purpose));

	if (r == NULL && rq->problem.code == ERR_TOKEN_INVALID)
		auth_refused(rq, NULL, purpose, "token_invalid");
	return r;
}

int
one_time_token_look(struct request *rq, const char *purpose, const char *token, const char **ret_email)
{
	struct db_result *r = one_or_refuse(rq, purpose, token,
	    "SELECT u.email FROM one_time_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = $1"
	    " AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > now()");

	if (r == NULL)
		return -1;
	*ret_email = db_text(r, 0, 0);
	return 0;
}

int
one_time_token_redeem(struct request *rq, const char *purpose, const char *token,
    struct one_time_token *ret)
{
	struct db_result *r = one_or_refuse(rq, purpose, token,
	    "UPDATE one_time_tokens SET used_at = now() WHERE token_hash = $1 AND purpose = $2"
	    " AND used_at IS NULL AND expires_at > now() RETURNING id, user_id, new_value");

	if (r == NULL)
		return -1;
	ret->id = db_text(r, 0, 0);
	ret->user_id = db_text(r, 0, 1);
	ret->new_value = db_text(r, 0, 2);
	return db_exec(rq, "UPDATE one_time_tokens SET used_at = now()"
	    " WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL", DB(ret->user_id, purpose));
}

int
one_time_tokens_end(struct request *rq, const char *user_id)
{
	return db_exec(rq, "UPDATE one_time_tokens SET used_at = now()"
	    " WHERE user_id = $1 AND used_at IS NULL", DB(user_id));
}
