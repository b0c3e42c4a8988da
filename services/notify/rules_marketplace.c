/* What people are told of jobs, applications, leads and reviews. */
#include "rules.h"

/* Who withdrew or closed it himself knows it. */
static bool
is_returned_by_others(const struct event_in *ev)
{
	return !event_is(ev, "cause", "WITHDRAWN");
}

static bool
is_closed_by_others(const struct event_in *ev)
{
	return !event_is(ev, "cause", "OWNER");
}

const struct rule rules_marketplace[] = {
	{
		.type = &EV_JOB_PUBLISHED, .topic = "jobs", .channels = IN_APP | EMAIL,
		.to = { "posted_by_user_id" }, .link = "/jobs/{{id}}",
		.flags = { { "is_owner", "posted_by_user_id", NULL } },
		.title = "{{#is_owner}}Your job “{{title}}” is live{{/is_owner}}"
		    "{{^is_owner}}A job for you: “{{title}}”{{/is_owner}}",
		.push = "{{#is_owner}}It was approved; candidates can apply now.{{/is_owner}}"
		    "{{^is_owner}}{{company_name}}{{^company_name}}A company{{/company_name}} takes applications now.{{/is_owner}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_owner}}\n"
		    "your job “{{title}}”{{#company_name}} at {{company_name}}{{/company_name}} was approved and is "
		    "live. Candidates can apply now.\n"
		    "{{/is_owner}}\n"
		    "{{^is_owner}}\n"
		    "“{{title}}”{{#company_name}} at {{company_name}}{{/company_name}} fits what you are looking for "
		    "and takes applications now.\n"
		    "{{/is_owner}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_JOB_RETURNED, .topic = "jobs", .channels = IN_APP | EMAIL,
		.when = is_returned_by_others, .to = { "posted_by_user_id" }, .link = "/jobs/{{id}}",
		.flags = { { "is_unpaid", "cause", "DEBIT_REFUSED" }, { "is_judged", "cause", "REJECTED" } },
		.title = "Your job “{{title}}” was {{#is_judged}}not approved{{/is_judged}}{{^is_judged}}not posted{{/is_judged}}",
		.push = "{{reason}}{{^reason}}{{#is_unpaid}}You have too few tracecoins.{{/is_unpaid}}"
		    "{{^is_unpaid}}It is a draft again.{{/is_unpaid}}{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_unpaid}}\n"
		    "your job “{{title}}” could not be posted: you have too few tracecoins. It is a draft again.\n"
		    "{{/is_unpaid}}\n"
		    "{{#is_judged}}\n"
		    "your job “{{title}}” was reviewed and not approved. It is a draft again.\n\n"
		    "{{#reason}}\nRemarks of the reviewer: {{reason}}\n{{/reason}}\n\n"
		    "Please change it and submit it again:\n"
		    "{{/is_judged}}\n"
		    "{{^is_judged}}{{^is_unpaid}}\n"
		    "your job “{{title}}” is a draft again.{{#reason}} {{reason}}{{/reason}}\n"
		    "{{/is_unpaid}}{{/is_judged}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_JOB_CLOSED, .topic = "jobs", .channels = IN_APP | EMAIL,
		.when = is_closed_by_others, .to = { "posted_by_user_id" }, .link = "/jobs/{{id}}",
		.flags = { { "is_expired", "cause", "EXPIRED" } },
		.title = "Your job “{{title}}” is closed",
		.push = "{{#is_expired}}Its time ran out; post it again if you still search.{{/is_expired}}"
		    "{{^is_expired}}{{reason}}{{^reason}}It takes no more applications.{{/reason}}{{/is_expired}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your job “{{title}}” is closed and takes no more applications.\n\n"
		    "{{#is_expired}}\nIts time ran out. You can post it again.\n{{/is_expired}}\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_APPLICATION_SUBMITTED, .topic = "applications", .channels = IN_APP | EMAIL,
		.to = { "applicant_user_id", "job_owner_user_id" }, .link = "/job-applications/{{id}}",
		.flags = { { "is_applicant", "applicant_user_id", NULL } },
		.title = "{{#is_applicant}}You applied for “{{job_title}}”{{/is_applicant}}"
		    "{{^is_applicant}}New application for “{{job_title}}”{{/is_applicant}}",
		.push = "{{#is_applicant}}{{company_name}} will look at it.{{/is_applicant}}"
		    "{{^is_applicant}}A candidate applied.{{/is_applicant}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_applicant}}\n"
		    "your application for “{{job_title}}”{{#company_name}} at {{company_name}}{{/company_name}} was sent.\n"
		    "{{/is_applicant}}\n"
		    "{{^is_applicant}}\na candidate applied for your job “{{job_title}}”.\n{{/is_applicant}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_APPLICATION_ADVANCED, .topic = "applications", .channels = IN_APP | EMAIL,
		.to = { "applicant_user_id" }, .link = "/job-applications/{{id}}",
		.flags = { { "is_shortlisted", "stage", "SHORTLISTED" }, { "is_interview", "stage", "INTERVIEW" },
		    { "is_offered", "stage", "OFFERED" } },
		.title = "“{{job_title}}”: {{#is_shortlisted}}you are on the short list{{/is_shortlisted}}"
		    "{{#is_interview}}you are invited to an interview{{/is_interview}}"
		    "{{#is_offered}}you have an offer{{/is_offered}}",
		.push = "{{company_name}}{{^company_name}}The company{{/company_name}} moved your application on.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "there is news of your application for “{{job_title}}”{{#company_name}} at {{company_name}}{{/company_name}}:\n\n"
		    "{{#is_shortlisted}}\nYou are on the short list.\n{{/is_shortlisted}}\n"
		    "{{#is_interview}}\nYou are invited to an interview.\n{{/is_interview}}\n"
		    "{{#is_offered}}\nYou have an offer.\n{{/is_offered}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_APPLICATION_REJECTED, .topic = "applications", .channels = IN_APP | EMAIL,
		.to = { "applicant_user_id", "job_owner_user_id" }, .link = "/job-applications/{{id}}",
		.flags = { { "is_applicant", "applicant_user_id", NULL } },
		.title = "{{#withdrawn}}Application for “{{job_title}}” withdrawn{{/withdrawn}}"
		    "{{^withdrawn}}Application for “{{job_title}}” declined{{/withdrawn}}",
		.push = "{{reason}}{{^reason}}It takes part no longer.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#withdrawn}}\nthe application for “{{job_title}}” was withdrawn by the candidate.\n{{/withdrawn}}\n"
		    "{{^withdrawn}}\n"
		    "{{#is_applicant}}\nyour application for “{{job_title}}” was declined.\n{{/is_applicant}}\n"
		    "{{^is_applicant}}\nan application for “{{job_title}}” was declined; the candidate was told.\n{{/is_applicant}}\n"
		    "{{/withdrawn}}\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_OPENED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "created_by_user_id" }, .link = "/leads/{{id}}",
		.flags = { { "is_owner", "created_by_user_id", NULL } },
		.title = "{{#is_owner}}Your request “{{title}}” is open{{/is_owner}}"
		    "{{^is_owner}}Somebody is looking for you: “{{title}}”{{/is_owner}}",
		.push = "{{#is_owner}}Professionals can answer now.{{/is_owner}}"
		    "{{^is_owner}}Be among the first to answer.{{/is_owner}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_owner}}\n"
		    "your request “{{title}}” was approved. Professionals can answer now; your contact data stay "
		    "hidden until you accept one.\n"
		    "{{/is_owner}}\n"
		    "{{^is_owner}}\n"
		    "a customer is looking for somebody of your profession: “{{title}}”. You can answer now.\n"
		    "{{/is_owner}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_RETURNED, .topic = "leads", .channels = IN_APP | EMAIL,
		.when = is_returned_by_others, .to = { "created_by_user_id" }, .link = "/leads/{{id}}",
		.flags = { { "is_judged", "cause", "REJECTED" } },
		.title = "Your request “{{title}}” was {{#is_judged}}not approved{{/is_judged}}{{^is_judged}}not posted{{/is_judged}}",
		.push = "{{reason}}{{^reason}}It is a draft again.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_judged}}\n"
		    "your request “{{title}}” was reviewed and not approved. It is a draft again.\n\n"
		    "{{#reason}}\nRemarks of the reviewer: {{reason}}\n{{/reason}}\n"
		    "{{/is_judged}}\n"
		    "{{^is_judged}}\nyour request “{{title}}” is a draft again.{{#reason}} {{reason}}{{/reason}}\n{{/is_judged}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_CLOSED, .topic = "leads", .channels = IN_APP | EMAIL,
		.when = is_closed_by_others, .to = { "created_by_user_id" }, .link = "/leads/{{id}}",
		.title = "Your request “{{title}}” is closed",
		.push = "{{reason}}{{^reason}}It takes no more answers.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your request “{{title}}” is closed and takes no more answers.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		/*
		 * The customer hears of a request only once its tracecoins are held. The event's own recipient is the
		 * professional, whose wallet it is.
		 */
		.type = &EV_WALLET_DEBITED, .topic = "leads", .channels = IN_APP | EMAIL,
		.owner_of = { "lead", "subject_id" }, .instead_of_recipients = true, .link = "/leads/{{subject_id}}",
		.title = "A professional answered your request",
		.push = "Have a look within 48 hours.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "a professional answered your request and would like to work for you. Please have a look "
		    "within 48 hours:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_REQUEST_ACCEPTED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "requested_by_user_id", "lead_owner_user_id" }, .link = "/lead-requests/{{id}}",
		.flags = { { "is_professional", "requested_by_user_id", NULL } },
		.title = "{{#is_professional}}You were chosen for “{{lead_title}}”{{/is_professional}}"
		    "{{^is_professional}}You accepted a professional for “{{lead_title}}”{{/is_professional}}",
		.push = "You can see each other's contact data now.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_professional}}\nthe customer accepted your request for “{{lead_title}}”.\n{{/is_professional}}\n"
		    "{{^is_professional}}\nyou accepted a professional for “{{lead_title}}”.\n{{/is_professional}}\n"
		    "You can see each other's contact data now.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_REQUEST_REJECTED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "requested_by_user_id" }, .link = "/lead-requests/{{id}}",
		.flags = { { "is_unseen", "reason", "UNSEEN" }, { "is_closed", "reason", "CLOSED" },
		    { "is_unpaid", "reason", "REFUSED" } },
		.title = "Your request for “{{lead_title}}” came to nothing",
		.push = "{{#is_unpaid}}You have too few tracecoins.{{/is_unpaid}}"
		    "{{^is_unpaid}}Your tracecoins are back in your wallet.{{/is_unpaid}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_unseen}}\nthe customer did not look at your request for “{{lead_title}}” in time.\n{{/is_unseen}}\n"
		    "{{#is_closed}}\n“{{lead_title}}” was closed before the customer decided.\n{{/is_closed}}\n"
		    "{{#is_unpaid}}\nyour request for “{{lead_title}}” was not sent: you have too few tracecoins.\n{{/is_unpaid}}\n"
		    "{{^is_unseen}}{{^is_closed}}{{^is_unpaid}}the customer decided against your request for “{{lead_title}}”."
		    "{{/is_unpaid}}{{/is_closed}}{{/is_unseen}}\n"
		    "{{^is_unpaid}}\nYour tracecoins are back in your wallet.\n{{/is_unpaid}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_CONTACT_REVEALED, .topic = "leads", .channels = IN_APP, .to = { "owner_user_id" },
		.link = "/lead-requests/{{lead_request_id}}",
		.title = "Your contact data were shown",
		.push = "To somebody you deal with over a request.",
	},
	{
		.type = &EV_REVIEW_SUBMITTED, .topic = "reviews", .channels = IN_APP,
		.holders = "reviews.publish", .link = "/reviews/{{id}}",
		.title = "A review waits to be checked",
		.push = "{{rating}} of 5 stars for a {{entity_type}}.",
	},
	{
		.type = &EV_REVIEW_PUBLISHED, .topic = "reviews", .channels = IN_APP | EMAIL,
		.to = { "subject_user_id" }, .link = "/reviews/{{id}}",
		.title = "You have a new review: {{rating}} of 5 stars",
		.push = "{{review_text}}{{^review_text}}You may answer it once.{{/review_text}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "you were reviewed with {{rating}} of 5 stars.\n\n"
		    "{{#review_text}}\n“{{review_text}}”\n{{/review_text}}\n\n"
		    "You may answer it once:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_REVIEW_HIDDEN, .topic = "reviews", .channels = IN_APP,
		.to = { "reviewer_user_id" }, .link = "/reviews/{{id}}",
		.title = "Your review is not shown",
		.push = "{{reason}}{{^reason}}It was checked and hidden.{{/reason}}",
	},
	{ 0 }
};
