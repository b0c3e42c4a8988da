/*
 * Who calls: ES256 access tokens (RFC 9068, typ at+jwt), verified here by every daemon.
 *
 * A verified token is cached by its SHA-256 until it expires, a session in it ends, its holder's
 * access epoch moves, or its key is removed. Those facts come by event into access_users,
 * access_sessions, access_roles and access_keys, which every replica reads when it has written them, and twice a second.
 */
#ifndef NXT_AUTH_H
#define NXT_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct event_base;
struct request;

/* Loads the last good JWKS from STATE_DIR, then keeps JWKS_URL fetched (on start, each minute, and at an unknown kid, at most every 5 s). */
int auth_init(struct event_base *base, struct error *e);
bool auth_keys_loaded(void);
/* identity: the JWKS is this text instead of fetched; called again when the key files change. */
int auth_use_jwks(const char *jwks_json, struct error *e);
/* Reads the projections now, at each auth_access_changed(), and twice a second, on a fiber of its own. */
void auth_follow_access(struct db *db);
/* This process has just committed a change of them. */
void auth_access_changed(void);
bool auth_access_loaded(void);
/* Parks until they were read for the first time or timeout_ms have passed. */
void auth_access_await(int timeout_ms);

/*
 * Fills rq->caller from the Authorization header. 0: verified, or no header and rq->caller empty.
 * -1: refused with ERR_BAD_TOKEN or ERR_TOKEN_STALE.
 */
int auth_caller(struct request *rq, const char *authorization);
/* Frees expired tokens of the cache, a slice of it per call; the follower calls it at each look. */
void auth_forget_expired(void);
/* As caller_has_permission, for a list of role keys. */
bool access_roles_hold(const char *const *role_keys, const char *permission);
/* All that they hold, sorted, each once; how many. */
size_t access_permissions_of(struct arena *a, const char *const *role_keys, const char *const **ret_sorted);

/* Claims of an access token, as identity signs them (signing_keys.c there) and auth_caller reads them. */
struct access_claims {
	const char *sub, *sid, *account_type, *employee_id, *department_id, *client;
	const char *const *role_keys;	/* NULL-terminated */
	int64_t epoch;
	bool restricted, factor_missing;
	int64_t issued_s, expires_s;
};
#define AUTH_ISSUER "nxtgauge"
#define AUTH_AUDIENCE "nxtgauge-api"
#define AUTH_MAX_LIFETIME_S 900	/* longer ones are refused: facts older than this are forgotten */
#define AUTH_LEEWAY_S 5		/* between our clock and identity's */
#define AUTH_ROLES_MAX 32

#endif
