/*
 * Refresh tokens: one live per session, replaced at each use. A token that comes back after its
 * successor was used, or long after it was replaced, is stolen.
 */
#ifndef NXT_REFRESH_TOKENS_H
#define NXT_REFRESH_TOKENS_H

struct request;
struct row;

/* The first of a family, for a fresh session. */
int refresh_token_first(struct request *rq, const struct row *session, const char *token);
/* None of the session's tokens is taken any more. */
int refresh_tokens_revoke(struct request *rq, const char *session_id);

#endif
