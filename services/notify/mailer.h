/* The mail servers as the mailer sees them. */
#ifndef NXT_MAILER_H
#define NXT_MAILER_H

#include <stdint.h>

#include "request.h"
#include "smtp.h"

/*
 * The next server to try, after `last` (NULL: the first) in order of fail-over; one that is resting
 * after trouble, or at its cap, is passed over. NULL: none left, or failed (rq has why).
 */
const struct smtp_server *server_next(struct request *rq, const struct smtp_server *last);
/* Trouble lets a server rest, longer each time; success ends that. */
void server_failed(const struct smtp_server *s, const char *why);
void server_worked(const struct smtp_server *s);
/* ms until some server may be tried; 0: now. */
int server_wait_ms(void);

#endif
