/* What people are told of approvals, companies, profiles and verification. */
#include "rules.h"

/* Jobs and leads tell of themselves (published, opened, returned), verification too. */
static bool
is_profile_refused(const struct event_in *ev)
{
	return event_is(ev, "decision", "REJECTED") && !event_bool(ev, "withdrawn") &&
	    !event_is(ev, "approval_type", "VERIFICATION") &&
	    (event_is(ev, "entity_type", "company") || event_is(ev, "entity_type", "profile"));
}

static bool
is_refused(const struct event_in *ev)
{
	return event_is(ev, "decision", "REJECTED");
}

/* The decision itself is told by verification.decided. */
static bool
is_badge_lost(const struct event_in *ev)
{
	return event_is(ev, "cause", "EXPIRED") || event_is(ev, "cause", "CONTACT_CHANGED");
}

static bool
is_company_badge_news(const struct event_in *ev)
{
	return is_badge_lost(ev) || event_is(ev, "cause", "DECIDED");
}

/* The user is told of his own suspension; his profiles follow without a word. */
static bool
is_own_cause(const struct event_in *ev)
{
	return event_is(ev, "cause", "STAFF");
}

const struct rule rules_profiles[] = {
	{
		.type = &EV_APPROVAL_REQUESTED, .topic = "reviews", .channels = IN_APP,
		.holders = "approval-requests.approve", .link = "/approval-requests/{{id}}",
		.title = "To review: {{label}}{{^label}}a {{entity_type}}{{/label}}",
		.push = "A {{entity_type}} waits for a decision.",
	},
	{
		.type = &EV_APPROVAL_DECIDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_profile_refused, .to = { "submitted_by_user_id" },
		.link = "/{{#is_company}}company-profiles{{/is_company}}{{^is_company}}user-role-profiles{{/is_company}}/{{entity_id}}",
		.flags = { { "is_company", "entity_type", "company" } },
		.title = "Your {{#is_company}}company{{/is_company}}{{^is_company}}profile{{/is_company}} was not approved",
		.push = "{{remarks}}{{^remarks}}Read what to change and submit it again.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your {{#is_company}}company{{/is_company}}{{^is_company}}profile{{/is_company}}"
		    "{{#label}} “{{label}}”{{/label}} was reviewed and not approved.\n\n"
		    "{{#remarks}}\nRemarks of the reviewer: {{remarks}}\n{{/remarks}}\n\n"
		    "Please change what was found and submit it again:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_ACTIVATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} is approved",
		.push = "You can post jobs now.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your company {{company_name}} was approved and is active. You can post jobs now.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_SUSPENDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} is suspended",
		.push = "{{reason}}{{^reason}}Its jobs are closed.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your company {{company_name}} is suspended, and its jobs are closed.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_REINSTATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} is active again",
		.push = "The suspension was lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the suspension of your company {{company_name}} was lifted.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_VERIFICATION_CHANGED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_company_badge_news, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.flags = { { "is_verified", "new_status", "VERIFIED" }, { "is_refused", "new_status", "REJECTED" } },
		.title = "{{company_name}} is {{#is_verified}}verified{{/is_verified}}{{^is_verified}}not verified{{/is_verified}}",
		.push = "{{reason}}{{^reason}}The badge follows.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_verified}}\nyour company {{company_name}} is verified now.\n{{/is_verified}}\n"
		    "{{^is_verified}}\n"
		    "{{#is_refused}}\nthe verification of your company {{company_name}} was refused.\n{{/is_refused}}\n"
		    "{{^is_refused}}\nyour company {{company_name}} has to be verified anew.\n{{/is_refused}}\n"
		    "{{/is_verified}}\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_ACTIVATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} is active",
		.push = "Customers can find you, and you can request leads.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your profile{{#display_name}} “{{display_name}}”{{/display_name}} as {{role_key}} is approved and "
		    "active. Customers can find you, and you can request leads.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_SUSPENDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} is suspended",
		.push = "{{reason}}{{^reason}}It is not shown any more.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your profile as {{role_key}} is suspended and not shown any more.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_REINSTATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} is active again",
		.push = "The suspension was lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the suspension of your profile as {{role_key}} was lifted.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_VERIFICATION_CHANGED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_badge_lost, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} has to be verified anew",
		.push = "{{reason}}{{^reason}}The badge is gone until then.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your profile as {{role_key}} has to be verified anew; the badge is gone until then.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_SUBMITTED, .topic = "reviews", .channels = IN_APP,
		.holders = "verification-requests.approve", .link = "/verification-requests/{{id}}",
		.title = "To verify: a {{role_key}}",
		.push = "Documents wait to be looked at.",
	},
	{
		.type = &EV_VERIFICATION_DOCUMENT_REQUESTED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/verification-requests/{{id}}",
		.title = "More documents are needed",
		.push = "{{remarks}}{{^remarks}}Your verification goes on once they are here.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "to verify your profile as {{role_key}} we need more documents:\n\n"
		    "{{#document_types}}\n- {{.}}\n{{/document_types}}\n\n"
		    "{{#remarks}}\nRemarks of the reviewer: {{remarks}}\n{{/remarks}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_DOCUMENT_REVIEWED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_refused, .to = { "user_id" }, .link = "/verification-requests/{{verification_request_id}}",
		.title = "A document was refused",
		.push = "{{document_type}}{{#remarks}}: {{remarks}}{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "a document for the verification of your profile was refused: {{document_type}}.\n\n"
		    "{{#remarks}}\nRemarks of the reviewer: {{remarks}}\n{{/remarks}}\n\n"
		    "Please hand in another one:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_DECIDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/verification-requests/{{id}}",
		.flags = { { "is_approved", "decision", "APPROVED" } },
		.title = "{{#is_approved}}You are verified{{/is_approved}}{{^is_approved}}Your verification was refused{{/is_approved}}",
		.push = "{{remarks}}{{^remarks}}Your profile as {{role_key}}.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_approved}}\nyour profile as {{role_key}} is verified now and shows the badge.\n{{/is_approved}}\n"
		    "{{^is_approved}}\nthe verification of your profile as {{role_key}} was refused.\n{{/is_approved}}\n\n"
		    "{{#remarks}}\nRemarks of the reviewer: {{remarks}}\n{{/remarks}}\n\n"
		    "{{link}}\n",
	},
	{ 0 }
};
