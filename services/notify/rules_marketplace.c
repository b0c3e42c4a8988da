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
		.push = "{{#is_owner}}It was approved, and candidates can now apply.{{/is_owner}}"
		    "{{^is_owner}}{{company_name}}{{^company_name}}A company{{/company_name}} is now taking applications.{{/is_owner}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_owner}}\n"
		    "Your job “{{title}}”{{#company_name}} at {{company_name}}{{/company_name}} was approved and is "
		    "live. Candidates can now apply.\n"
		    "{{/is_owner}}\n"
		    "{{^is_owner}}\n"
		    "“{{title}}”{{#company_name}} at {{company_name}}{{/company_name}} matches what you are looking for "
		    "and is now taking applications.\n"
		    "{{/is_owner}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_JOB_RETURNED, .topic = "jobs", .channels = IN_APP | EMAIL,
		.when = is_returned_by_others, .to = { "posted_by_user_id" }, .link = "/jobs/{{id}}",
		.flags = { { "is_unpaid", "cause", "DEBIT_REFUSED" }, { "is_judged", "cause", "REJECTED" } },
		.title = "Your job “{{title}}” was {{#is_judged}}not approved{{/is_judged}}{{^is_judged}}not posted{{/is_judged}}",
		.push = "{{reason}}{{^reason}}{{#is_unpaid}}You do not have enough tracecoins.{{/is_unpaid}}"
		    "{{^is_unpaid}}It is a draft again.{{/is_unpaid}}{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_unpaid}}\n"
		    "Your job “{{title}}” could not be posted because you do not have enough tracecoins. It is a draft "
		    "again.\n"
		    "{{/is_unpaid}}\n"
		    "{{#is_judged}}\n"
		    "Your job “{{title}}” was reviewed and not approved. It is a draft again.\n\n"
		    "{{#reason}}\nReviewer's remarks: {{reason}}\n{{/reason}}\n\n"
		    "Please make the necessary changes and submit it again:\n"
		    "{{/is_judged}}\n"
		    "{{^is_judged}}{{^is_unpaid}}\n"
		    "Your job “{{title}}” is a draft again.{{#reason}} {{reason}}{{/reason}}\n"
		    "{{/is_unpaid}}{{/is_judged}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_JOB_CLOSED, .topic = "jobs", .channels = IN_APP | EMAIL,
		.when = is_closed_by_others, .to = { "posted_by_user_id" }, .link = "/jobs/{{id}}",
		.flags = { { "is_expired", "cause", "EXPIRED" } },
		.title = "Your job “{{title}}” has been closed",
		.push = "{{#is_expired}}It has expired. You can post it again if you are still hiring.{{/is_expired}}"
		    "{{^is_expired}}{{reason}}{{^reason}}It is no longer taking applications.{{/reason}}{{/is_expired}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your job “{{title}}” has been closed and is no longer taking applications.\n\n"
		    "{{#is_expired}}\nIt has expired. You can post it again.\n{{/is_expired}}\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_APPLICATION_SUBMITTED, .topic = "applications", .channels = IN_APP | EMAIL,
		.to = { "applicant_user_id", "job_owner_user_id" }, .link = "/job-applications/{{id}}",
		.flags = { { "is_applicant", "applicant_user_id", NULL } },
		.title = "{{#is_applicant}}You applied for “{{job_title}}”{{/is_applicant}}"
		    "{{^is_applicant}}New application for “{{job_title}}”{{/is_applicant}}",
		.push = "{{#is_applicant}}{{company_name}}{{^company_name}}The company{{/company_name}} will review it.{{/is_applicant}}"
		    "{{^is_applicant}}A candidate applied.{{/is_applicant}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_applicant}}\n"
		    "Your application for “{{job_title}}”{{#company_name}} at {{company_name}}{{/company_name}} was sent.\n"
		    "{{/is_applicant}}\n"
		    "{{^is_applicant}}\nA candidate applied for your job “{{job_title}}”.\n{{/is_applicant}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_APPLICATION_ADVANCED, .topic = "applications", .channels = IN_APP | EMAIL,
		.to = { "applicant_user_id" }, .link = "/job-applications/{{id}}",
		.flags = { { "is_shortlisted", "stage", "SHORTLISTED" }, { "is_interview", "stage", "INTERVIEW" },
		    { "is_offered", "stage", "OFFERED" } },
		.title = "“{{job_title}}”: {{#is_shortlisted}}you have been shortlisted{{/is_shortlisted}}"
		    "{{#is_interview}}you are invited to an interview{{/is_interview}}"
		    "{{#is_offered}}you have an offer{{/is_offered}}",
		.push = "{{company_name}}{{^company_name}}The company{{/company_name}} has moved your application forward.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "There is news about your application for “{{job_title}}”{{#company_name}} at {{company_name}}{{/company_name}}:\n\n"
		    "{{#is_shortlisted}}\nYou have been shortlisted.\n{{/is_shortlisted}}\n"
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
		.push = "{{reason}}{{^reason}}It is no longer being considered.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#withdrawn}}\nThe application for “{{job_title}}” was withdrawn by the candidate.\n{{/withdrawn}}\n"
		    "{{^withdrawn}}\n"
		    "{{#is_applicant}}\nYour application for “{{job_title}}” was declined.\n{{/is_applicant}}\n"
		    "{{^is_applicant}}\nAn application for “{{job_title}}” was declined. We have told the candidate.\n{{/is_applicant}}\n"
		    "{{/withdrawn}}\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_OPENED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "created_by_user_id" }, .link = "/leads/{{id}}",
		.flags = { { "is_owner", "created_by_user_id", NULL } },
		.title = "{{#is_owner}}Your request “{{title}}” is open{{/is_owner}}"
		    "{{^is_owner}}New lead for you: “{{title}}”{{/is_owner}}",
		.push = "{{#is_owner}}Professionals can now respond.{{/is_owner}}"
		    "{{^is_owner}}Be among the first to respond.{{/is_owner}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_owner}}\n"
		    "Your request “{{title}}” was approved. Professionals can now respond. Your contact details stay "
		    "hidden until you accept one of them.\n"
		    "{{/is_owner}}\n"
		    "{{^is_owner}}\n"
		    "A customer is looking for a professional like you: “{{title}}”. You can respond now.\n"
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
		    "Your request “{{title}}” was reviewed and not approved. It is a draft again.\n\n"
		    "{{#reason}}\nReviewer's remarks: {{reason}}\n{{/reason}}\n"
		    "{{/is_judged}}\n"
		    "{{^is_judged}}\nYour request “{{title}}” is a draft again.{{#reason}} {{reason}}{{/reason}}\n{{/is_judged}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_CLOSED, .topic = "leads", .channels = IN_APP | EMAIL,
		.when = is_closed_by_others, .to = { "created_by_user_id" }, .link = "/leads/{{id}}",
		.title = "Your request “{{title}}” has been closed",
		.push = "{{reason}}{{^reason}}Professionals can no longer respond.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your request “{{title}}” has been closed. Professionals can no longer respond.\n\n"
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
		.title = "A professional responded to your request",
		.push = "Please review the response within 48 hours.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "A professional responded to your request and would like to work for you. Please review the "
		    "response within 48 hours:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_REQUEST_ACCEPTED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "requested_by_user_id", "lead_owner_user_id" }, .link = "/lead-requests/{{id}}",
		.flags = { { "is_professional", "requested_by_user_id", NULL } },
		.title = "{{#is_professional}}You were chosen for “{{lead_title}}”{{/is_professional}}"
		    "{{^is_professional}}You accepted a professional for “{{lead_title}}”{{/is_professional}}",
		.push = "You can now see each other's contact details.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_professional}}\nThe customer accepted your request for “{{lead_title}}”.\n{{/is_professional}}\n"
		    "{{^is_professional}}\nYou accepted a professional for “{{lead_title}}”.\n{{/is_professional}}\n"
		    "You can now see each other's contact details.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_LEAD_REQUEST_REJECTED, .topic = "leads", .channels = IN_APP | EMAIL,
		.to = { "requested_by_user_id" }, .link = "/lead-requests/{{id}}",
		.flags = { { "is_unseen", "reason", "UNSEEN" }, { "is_closed", "reason", "CLOSED" },
		    { "is_unpaid", "reason", "REFUSED" } },
		.title = "Your request for “{{lead_title}}” was not successful",
		.push = "{{#is_unpaid}}You do not have enough tracecoins.{{/is_unpaid}}"
		    "{{^is_unpaid}}Your tracecoins were returned to your wallet.{{/is_unpaid}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_unseen}}\nThe customer did not review your request for “{{lead_title}}” in time.\n{{/is_unseen}}\n"
		    "{{#is_closed}}\n“{{lead_title}}” was closed before the customer decided.\n{{/is_closed}}\n"
		    "{{#is_unpaid}}\nYour request for “{{lead_title}}” was not sent because you do not have enough tracecoins.\n{{/is_unpaid}}\n"
		    "{{^is_unseen}}{{^is_closed}}{{^is_unpaid}}The customer declined your request for “{{lead_title}}”."
		    "{{/is_unpaid}}{{/is_closed}}{{/is_unseen}}\n"
		    "{{^is_unpaid}}\nYour tracecoins were returned to your wallet.\n{{/is_unpaid}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_CONTACT_REVEALED, .topic = "leads", .channels = IN_APP, .to = { "owner_user_id" },
		.link = "/lead-requests/{{lead_request_id}}",
		.title = "Your contact details were shared",
		.push = "You accepted a request, so the professional can now see them.",
	},
	{
		.type = &EV_REVIEW_SUBMITTED, .topic = "reviews", .channels = IN_APP,
		.holders = "reviews.publish", .link = "/reviews/{{id}}",
		.title = "A review is waiting to be checked",
		.push = "{{rating}} of 5 stars for a {{entity_type}}.",
	},
	{
		.type = &EV_REVIEW_PUBLISHED, .topic = "reviews", .channels = IN_APP | EMAIL,
		.to = { "subject_user_id" }, .link = "/reviews/{{id}}",
		.title = "You have a new review: {{rating}} of 5 stars",
		.push = "{{review_text}}{{^review_text}}You can reply to it once.{{/review_text}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "You received a review with {{rating}} of 5 stars.\n\n"
		    "{{#review_text}}\n“{{review_text}}”\n{{/review_text}}\n\n"
		    "You can reply to it once:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_REVIEW_HIDDEN, .topic = "reviews", .channels = IN_APP,
		.to = { "reviewer_user_id" }, .link = "/reviews/{{id}}",
		.title = "Your review has been hidden",
		.push = "{{reason}}{{^reason}}It was checked and is not shown.{{/reason}}",
	},
	{ 0 }
};
