/* nxt-marketplace: jobs, leads, and what follows from them. A table of contents. */
#include "service.h"

#include "marketplace.h"

static const struct resource *const resources[] = {
	&job_resource,
	&job_application_resource,
	&lead_resource,
	&lead_request_resource,
	&review_resource,
	NULL
};

static const struct column reply_body[] = {
	{ "reply_text", COL_TEXT, COL_REQUIRED | COL_NO_CONTACT, .max = 4000 }, { 0 }
};

static const struct route routes[] = {
	{ "GET", "/v1/job-applications/{id}/candidate", SIGNED_IN, application_candidate,
	    .summary = "The candidate's contact and resume, for the company applied to.",
	    .answer = "{\"user_id\":\"0192…\",\"display_name?\":\"…\",\"email?\":\"…\",\"phone?\":\"…\","
	    "\"location?\":\"…\",\"experience_years?\":5,\"resume_file_url?\":\"…\"}" },
	{ "GET", "/v1/leads/{id}/price", SIGNED_IN, lead_price,
	    .summary = "What a request for this lead costs, in tracecoins.",
	    .answer = "{\"coin_price\":10}" },
	{ "POST", "/v1/lead-requests/{id}/seen", SIGNED_IN, lead_request_seen,
	    .summary = "The customer has looked at the request.", .answer = "lead_requests" },
	{ "GET", "/v1/lead-requests/{id}/contact", SIGNED_IN, lead_request_contact,
	    .summary = "The other side's contact, once the request is accepted.",
	    .answer = "{\"user_id\":\"0192…\",\"display_name?\":\"…\",\"email?\":\"…\",\"phone?\":\"…\"}" },
	{ "POST", "/v1/reviews/{id}/reply", SIGNED_IN, review_reply, .body = reply_body,
	    .summary = "The reviewed answers, once.", .answer = "reviews" },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "jobs_expire", 30, jobs_expire, "LIVE jobs end at expires_at." },
	{ "applications_end", 300, applications_end,
	    "Applications of a closed job end after a week." },
	{ "leads_expire", 60, leads_expire, "OPEN leads end after their date." },
	{ "lead_requests_expire", 60, lead_requests_expire,
	    "Requests unseen for 48 hours give the coins back." },
	{ 0 }
};

static const struct config_key config_keys[] = {
	{ "marketplace.job_posting_price", "marketplace",
	    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}",
	    "0", "Tracecoins that posting a job costs; 0: nothing." },
	{ "marketplace.job_live_days", "marketplace",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":365}",
	    "30", "How long a published job stays LIVE." },
	{ "marketplace.lead_rate_card", "marketplace",
	    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\","
	    "\"minimum\":0,\"maximum\":1000000}}",
	    "{\"*\":10}", "Tracecoins that a request for a lead costs, by profession; \"*\" for all"
	    " others." },
	{ "marketplace.lead_accept_limit", "marketplace",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}",
	    "3", "How many requests of a lead may be accepted where its customer says nothing." },
	{ 0 }
};

static const char *const republish[] = { "jobs", "job_applications", "leads", "lead_requests",
    "reviews", NULL };

static const struct service service = {
	.name = "marketplace",
	.port = 8104,
	.resources = resources,
	.routes = routes,
	.subscriptions = marketplace_subscriptions,
	.clocks = clocks,
	.config_keys = config_keys,
	.republish = republish,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &service);
}
