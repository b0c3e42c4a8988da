/* Whose a number is: that of the first account with a confirmed address that names it. */
#ifndef NXT_PHONES_H
#define NXT_PHONES_H

#include <stdbool.h>

struct request;

/*
 * Makes room for the number in the account `user_id` (NULL: one that is to be made): whoever has not confirmed an
 * address loses it. *ret_taken: another account holds it. phone NULL: there is nothing to do. Of two who claim one
 * number at once the second waits for the first one's transaction.
 */
int phone_claim(struct request *rq, const char *phone, const char *user_id, bool *ret_taken);

#endif
