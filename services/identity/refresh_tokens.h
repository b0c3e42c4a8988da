/*
 * Refresh tokens: one live per session, replaced at each use. A token that comes back after its
 * successor was used, or long after it was replaced, is stolen.
 */
#ifndef NXT_REFRESH_TOKENS_H
#define NXT_REFRESH_TOKENS_H

#include <stdbool.h>

struct request;
struct row;

/* The first of a family, for a fresh session. */
int refresh_token_first(struct request *rq, const struct row *session, const char *token);
/* None of the session's tokens is taken any more. */
int refresh_tokens_revoke(struct request *rq, const char *session_id);

/* Never used, not revoked, not expired. */
bool refresh_token_is_fresh(const struct request *rq, const struct row *token);
/*
 * The locked, fresh token is replaced: what says so is set in it, and its successor made. Neither is
 * written yet. `text` is the token itself.
 */
struct row *refresh_token_replace(struct request *rq, struct row *token, const struct row *session,
    const char *text, const char **ret_successor);
/* The rest of the unit acts for the token's user, in its session. */
void refresh_act(struct request *rq, const struct row *user, const struct row *session);

/*
 * auth_refresh for many at once: route.together. A fresh token of a live session that nobody else
 * holds goes here, all else alone.
 */
int refreshes_together(struct request *rq, const char *key);

#endif
