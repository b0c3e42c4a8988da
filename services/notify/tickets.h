/* Support: tickets and what is said in them. */
#ifndef NXT_TICKETS_H
#define NXT_TICKETS_H

#include "event.h"
#include "request.h"
#include "resource.h"

extern const struct resource support_tickets_resource, support_ticket_messages_resource;
extern const struct column ticket_assign_body[], ticket_reply_body[];

int ticket_assign(struct request *rq);
int ticket_reply(struct request *rq);
/* The agent left or is away: his tickets go back to the queue. */
int tickets_of_agent_return(struct request *rq, const struct event_in *ev);
int tickets_close(struct request *rq);		/* clock: RESOLVED for seven days */
int tickets_overdue(struct request *rq);	/* clock: a due time has passed */
/* A payment that does not match opens a ticket by itself, once. */
int ticket_of_payment(struct request *rq, const struct event_in *ev);

#endif
