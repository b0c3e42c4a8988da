/*
 * Devices that a user has signed in from. One that names itself gets a random token and is known by
 * it from anywhere; without it, it is known by the same name and user agent only at an address that
 * it had a session from. The latter can be forged by who shares the address: it wins a count of
 * failures of its own, which grows as any other does, and nothing else.
 */
#ifndef NXT_DEVICES_H
#define NXT_DEVICES_H

#include <stdbool.h>

struct request;
struct sign_in;

/* Was this token given to this user? NULL for either: no. */
int device_is_known(struct request *rq, const char *user_id, const char *token, bool *ret_known);
/* Has the user had a session of that name, user agent and address? NULL for either: no. */
int device_is_at_home(struct request *rq, const char *user_id, const char *device, bool *ret_is);
/*
 * What the body's device_token, or the place, proves to throttle_read of this user; NULL: nothing. A token
 * that is known goes into how->known_token, for session_open.
 */
int device_proof(struct request *rq, const char *user_id, struct sign_in *how, const char **ret_proof);
/* The token that the answer of a sign-in carries: the same for a known device, else a fresh one. */
int device_remember(struct request *rq, const char *user_id, const char *known_token,
    const char **ret_token);
/* None of the user's is known any more: a password is set because somebody else may have the old. */
int devices_forget(struct request *rq, const char *user_id);
/* Has the user had a session whose client said the same of itself? */
int device_looks_familiar(struct request *rq, const char *user_id, const char *device,
    bool *ret_familiar);

#endif
