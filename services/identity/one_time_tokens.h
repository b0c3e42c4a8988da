/*
 * What a link in a mail proves once. The token leaves only inside auth.token_issued, sealed for
 * notify; the table holds its hash.
 */
#ifndef NXT_ONE_TIME_TOKENS_H
#define NXT_ONE_TIME_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct request;
struct row;

struct one_time_token {
	const char *id, *user_id;
	/* what the link puts in place: the address of a CHANGE_EMAIL, what a registration asked for (register.c); or NULL */
	const char *new_value;
};

/* Makes one for the user and has it mailed to `email`; purpose as in the table's list. */
int one_time_token_issue(struct request *rq, struct row *user, const char *purpose,
    const char *email, const char *new_value, int64_t lifetime_s);
/* How many that were not used were issued for this purpose within `seconds`. */
int one_time_tokens_recent(struct request *rq, const char *user_id, const char *purpose, int seconds,
    int64_t *ret_n);
/* The address of whose it is. ERR_TOKEN_INVALID as below; it is not used up. */
int one_time_token_look(struct request *rq, const char *purpose, const char *token, const char **ret_email);
/*
 * Uses it up, with all others of the same user and purpose. ERR_TOKEN_INVALID for wrong, used and
 * expired alike.
 */
int one_time_token_redeem(struct request *rq, const char *purpose, const char *token,
    struct one_time_token *ret);
/*
 * None of the user's is taken any more. After a new password or address: an open link may be in the
 * mailbox, or of the asking, of somebody who is to be kept out from now on.
 */
int one_time_tokens_end(struct request *rq, const char *user_id);

#endif
