/*
 * Devices that a user has signed in from, each known by a random token that it got then and sends
 * again at the next sign-in. What a client says of itself (user agent, name, address) proves
 * nothing: it only decides whether a sign-in is worth a mail.
 */
#ifndef NXT_DEVICES_H
#define NXT_DEVICES_H

#include <stdbool.h>

struct request;

/* Was this token given to this user? NULL for either: no. */
int device_is_known(struct request *rq, const char *user_id, const char *token, bool *ret_known);
/* The token that the answer of a sign-in carries: the same for a known device, else a fresh one. */
int device_remember(struct request *rq, const char *user_id, const char *known_token,
    const char **ret_token);
/* None of the user's is known any more: a password is set because somebody else may have the old. */
int devices_forget(struct request *rq, const char *user_id);
/* Has the user had a session whose client said the same of itself? */
int device_looks_familiar(struct request *rq, const char *user_id, const char *device,
    bool *ret_familiar);

#endif
