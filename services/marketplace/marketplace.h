/* What the files of this service share: its resources, and rules that several aggregates follow. */
#ifndef NXT_MARKETPLACE_H
#define NXT_MARKETPLACE_H

#include "event.h"
#include "request.h"
#include "resource.h"

extern const struct resource job_resource;
extern const struct resource job_application_resource;
extern const struct resource lead_resource;
extern const struct resource lead_request_resource;
extern const struct resource review_resource;

extern const struct subscription marketplace_subscriptions[];

#define USER_NOT_ACTIVE "The account is not active."
/* Where a row ends from where it stands, and which column says why (NULL: none). */
struct step {
	const char *from, *verb, *column, *value;
};
/* By the step of its status: 1; 0 where it has none; -1: failed. */
int row_end(struct request *rq, struct row *row, const struct step *steps);	/* ended by {0} */
/* The same for every row whose id `ids` selects, $1 bound to `param`. */
int rows_end(struct request *rq, const struct resource *res, const char *ids, const char *param,
    const struct step *steps);
/* The job or lead whose submission the decision judged, locked; NULL with nothing refused where it was overtaken. */
struct row *load_judged(struct request *rq, const struct resource *res, const struct event_in *ev);
/* What job.returned and lead.returned say: cause, reason, and the request that was decided. */
row_guard tell_returned;
/* What job.closed and lead.closed say. A consequence has named its cause in close_reason beforehand. */
row_guard tell_closed;

/* ---- jobs.c ---- */
/* The reviewer's word on the submission that content_hash names; another one was overtaken. */
int job_decided(struct request *rq, const struct event_in *ev);
int job_coins_taken(struct request *rq, const struct event_in *ev);
int job_coins_refused(struct request *rq, const struct event_in *ev);
/* The company's own review ended: what was approved meanwhile goes LIVE, or comes back. */
int jobs_go_on(struct request *rq, const char *company_id);
int jobs_expire(struct request *rq);
/* Every event of a job names its company. */
row_guard job_name_company;
/* What an application says of its job. */
struct job_facts {
	const char *id, *title, *status, *owner_id, *company_id, *company_name;
};
int job_facts(struct request *rq, const char *job_id, struct job_facts *ret_facts);

/* ---- job_applications.c ---- */
int applications_end(struct request *rq);
route_handler application_candidate;

/* ---- leads.c ---- */
int lead_decided(struct request *rq, const struct event_in *ev);
int leads_expire(struct request *rq);
route_handler lead_price;
/* Tracecoins that a request for a lead of this profession costs, by the rate card. */
int64_t lead_coin_price(const char *profession_key);
/* One request more was accepted. Refuses beyond the lead's limit. */
int lead_count_accepted(struct request *rq, struct row *lead);
int lead_close_at_limit(struct request *rq, const char *lead_id);

/* ---- lead_requests.c ---- */
int lead_request_coins_held(struct request *rq, const struct event_in *ev);
int lead_request_coins_refused(struct request *rq, const struct event_in *ev);
int lead_requests_expire(struct request *rq);
/* A lead that closes rejects what is pending; the coins go back. */
int lead_requests_end(struct request *rq, const char *lead_id);
/* A profile that left the market takes its pending requests along. */
int lead_requests_end_of_profile(struct request *rq, const char *profile_id);
/* Every event of a request names its lead. */
row_guard lead_request_name_lead;
route_handler lead_request_seen, lead_request_contact;

/* ---- reviews.c ---- */
route_handler review_reply;

/* ---- erase.c ---- */
event_reaction user_erase;

#endif
