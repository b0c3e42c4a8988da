/* Known devices; see devices.h. The table holds hashes of the tokens only. */
#include "devices.h"

#include "db.h"
#include "request.h"
#include "secrets.h"
#include "sessions.h"

#define DEVICES_MAX 20	/* per user; a client that never sends its token gets one at each sign-in */

int
device_is_known(struct request *rq, const char *user_id, const char *token, bool *ret_known)
{
	return db_query_bool(rq,
	    "SELECT EXISTS (SELECT FROM user_devices WHERE user_id = $1 AND device_hash = $2)",
	    DB(user_id, secret_hash(rq->arena, token != NULL ? token : "")), ret_known);
}

int
device_is_at_home(struct request *rq, const char *user_id, const char *device, bool *ret_is)
{
	return db_query_bool(rq,
	    "SELECT EXISTS (SELECT FROM user_sessions WHERE user_id = $1 AND device = $2"
	    " AND user_agent IS NOT DISTINCT FROM $3 AND ip_address = $4)",
	    DB(user_id, device, rq->user_agent, rq->ip_address), ret_is);
}

int
device_proof(struct request *rq, const char *user_id, struct sign_in *how, const char **ret_proof)
{
	const char *token = body_text(rq, "device_token");
	bool is_known, is_at_home;

	*ret_proof = NULL;
	if (device_is_known(rq, user_id, token, &is_known) < 0 ||
	    device_is_at_home(rq, user_id, how->device, &is_at_home) < 0)
		return -1;
	if (is_known)
		how->known_token = token;
	if (is_known)
		*ret_proof = arena_printf(rq->arena, "device:%s:%s", user_id, token);
	else if (is_at_home)
		*ret_proof = arena_printf(rq->arena, "home:%s:%s:%s", user_id, rq->ip_address, how->device);
	return 0;
}

int
device_remember(struct request *rq, const char *user_id, const char *known_token,
    const char **ret_token)
{
	const char *token = known_token != NULL ? known_token : secret_new(rq->arena);

	if (db_exec(rq, "INSERT INTO user_devices (user_id, device_hash) VALUES ($1, $2)"
	    " ON CONFLICT (user_id, device_hash) DO UPDATE SET last_seen_at = now()",
	    DB(user_id, secret_hash(rq->arena, token))) < 0)
		return -1;
	if (known_token == NULL && db_exec(rq, "DELETE FROM user_devices WHERE user_id = $1"
	    " AND device_hash IN (SELECT device_hash FROM user_devices WHERE user_id = $1"
	    " ORDER BY last_seen_at DESC, device_hash OFFSET $2::integer)",
	    DB(user_id, arena_printf(rq->arena, "%d", DEVICES_MAX))) < 0)
		return -1;
	*ret_token = token;
	return 0;
}

int
devices_forget(struct request *rq, const char *user_id)
{
	return db_exec(rq, "DELETE FROM user_devices WHERE user_id = $1", DB(user_id));
}

int
device_looks_familiar(struct request *rq, const char *user_id, const char *device,
    bool *ret_familiar)
{
	return db_query_bool(rq,
	    "SELECT EXISTS (SELECT FROM user_sessions WHERE user_id = $1"
	    " AND user_agent IS NOT DISTINCT FROM $2 AND device IS NOT DISTINCT FROM $3"
	    /* one that names no device is known by its address */
	    " AND ($3::text IS NOT NULL OR ip_address IS NOT DISTINCT FROM $4))",
	    DB(user_id, rq->user_agent, device, rq->ip_address), ret_familiar);
}
