/*
 * Links by mail that somebody asked for by naming an address. What is done before the answer is the
 * same for every address: one row. Whether it belongs to an account, and which mail that gets, is
 * looked into afterwards.
 */
#ifndef NXT_LINK_REQUESTS_H
#define NXT_LINK_REQUESTS_H

struct request;

/*
 * Notes the wish in the caller's transaction; purpose as in the table's list. Call
 * link_requests_wake after the commit.
 */
int link_request_add(struct request *rq, const char *purpose, const char *email);
/* The same of a registration, whose link carries what it asked for: see register.c. */
int link_request_add_registration(struct request *rq, const char *email, const char *registration);
/* Has what was noted looked into soon, on a fiber of its own. */
void link_requests_wake(void);
/* The clock: wakes for what a stopped process, or a replica, left behind. */
int link_requests_resume(struct request *rq);

#endif
