/*
 * Sessions: opened by a sign-in, prolonged by refreshing, ended by their owner, by staff, by a
 * clock, or by what happens to the account. An ended session keeps its row.
 */
#ifndef NXT_SESSIONS_H
#define NXT_SESSIONS_H

#include <stdbool.h>

struct request;
struct row;
struct user_access;

/* Who proved to be whom, and from where. */
struct sign_in {
	const char *client;	/* UI or API */
	const char *device;	/* as the client calls itself, or NULL */
	const char *method;	/* password, totp, recovery_code, passkey */
	const char *known_token;	/* which the device was given and sent again, or NULL */
};

/* The rest of the unit acts for this user, who has just proved who they are. */
void act_as_user(struct request *rq, const struct row *user);
/* Opens a session for the locked user and answers with its tokens; the sixth ends the oldest. */
int session_open(struct request *rq, struct row *user, const struct sign_in *how);
/*
 * The answer of sign-in and refresh: a fresh access token beside the given refresh token.
 * device_token NULL: the answer has none.
 */
int session_answer(struct request *rq, const struct row *user, const struct row *session,
    const char *refresh_token, const char *device_token);
/* The same where it is known what the user may do. */
int session_answer_with(struct request *rq, const struct row *user, const struct row *session,
    const struct user_access *access, const char *refresh_token, const char *device_token);
/* Ends one locked session and its refresh tokens; an ended one stays as it is. */
int session_end(struct request *rq, struct row *session, const char *cause);
/* Ends all of a user's but `except` (NULL: all). */
int sessions_end(struct request *rq, const char *user_id, const char *except, const char *cause);
bool session_is_live(const struct request *rq, const struct row *session);

/* What the caller's session proves to throttle_read. */
const char *session_proof(struct request *rq);
/* ERR_STEP_UP_REQUIRED unless the caller proved themselves within STEP_UP_S. */
int session_needs_step_up(struct request *rq);
/* The same, and the caller's row, locked: such changes of one account come one after another. NULL: refused. */
struct row *caller_stepped_up(struct request *rq);
/* The same for changes of second factors: where there is one, a password is not proof enough. */
struct row *caller_proved_factor(struct request *rq);
/* The caller has just done so, by `method`: opens for STEP_UP_S what needs it. */
int session_proved(struct request *rq, const char *method);
/* The same, and answers 204. */
int session_stepped_up(struct request *rq, const char *method);

#endif
