/*
 * What this process knows of identity's decisions since a token was signed: changed users, ended
 * sessions, removed keys, and what each role may. Filled by the follower; read by auth.c.
 */
#ifndef NXT_ACCESS_H
#define NXT_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct access_claims;

enum access_verdict { ACCESS_FINE, ACCESS_SESSION_ENDED, ACCESS_SUSPENDED, ACCESS_STALE };

/* Judges verified claims against the projections; a few look-ups in memory. */
enum access_verdict access_judge(const struct access_claims *claims);
bool access_key_is_removed(const char *kid);

/* ---- the follower's side ---- */
/* Begins anew with users and sessions of the last quarter of an hour; older tokens have expired. */
void access_forget_changes(void);
void access_put_user(const char *user_id, int64_t epoch, bool suspended);
void access_end_session(const char *session_id);
void access_remove_key(const char *kid);
/* Roles are replaced as a whole: forget, then one call each. `permissions` are separated by spaces. */
void access_forget_roles(void);
void access_put_role(const char *role_key, const char *permissions, bool can_approve,
    bool can_manage_settings, bool is_active);

#endif
