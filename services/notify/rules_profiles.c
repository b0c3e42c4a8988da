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
		.push = "A {{entity_type}} is waiting for a decision.",
	},
	{
		.type = &EV_APPROVAL_DECIDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_profile_refused, .to = { "submitted_by_user_id" },
		.link = "/{{#is_company}}company-profiles{{/is_company}}{{^is_company}}user-role-profiles{{/is_company}}/{{entity_id}}",
		.flags = { { "is_company", "entity_type", "company" } },
		.title = "Your {{#is_company}}company{{/is_company}}{{^is_company}}profile{{/is_company}} was not approved",
		.push = "{{remarks}}{{^remarks}}Please make the changes and submit it again.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your {{#is_company}}company{{/is_company}}{{^is_company}}profile{{/is_company}}"
		    "{{#label}} “{{label}}”{{/label}} was reviewed and not approved.\n\n"
		    "{{#remarks}}\nReviewer's remarks: {{remarks}}\n{{/remarks}}\n\n"
		    "Please make the necessary changes and submit it again:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_ACTIVATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} has been approved",
		.push = "You can now post jobs.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your company {{company_name}} has been approved and is active. You can now post jobs.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_SUSPENDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} has been suspended",
		.push = "{{reason}}{{^reason}}Its jobs have been closed.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your company {{company_name}} has been suspended, and its jobs have been closed.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_REINSTATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.title = "{{company_name}} is active again",
		.push = "The suspension has been lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The suspension of your company {{company_name}} has been lifted.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_COMPANY_VERIFICATION_CHANGED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_company_badge_news, .to = { "user_id" }, .link = "/company-profiles/{{id}}",
		.flags = { { "is_verified", "new_status", "VERIFIED" }, { "is_refused", "new_status", "REJECTED" } },
		.title = "{{company_name}} is {{#is_verified}}now{{/is_verified}}{{^is_verified}}not{{/is_verified}} verified",
		.push = "{{reason}}{{^reason}}{{#is_verified}}Your company now shows the verification badge.{{/is_verified}}"
		    "{{^is_verified}}Your company does not show the verification badge.{{/is_verified}}{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_verified}}\nYour company {{company_name}} is now verified.\n{{/is_verified}}\n"
		    "{{^is_verified}}\n"
		    "{{#is_refused}}\nThe verification of your company {{company_name}} was not successful.\n{{/is_refused}}\n"
		    "{{^is_refused}}\nYour company {{company_name}} needs to be verified again.\n{{/is_refused}}\n"
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
		    "Your profile{{#display_name}} “{{display_name}}”{{/display_name}} as {{role_key}} has been approved "
		    "and is active. Customers can find you, and you can request leads.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_SUSPENDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} has been suspended",
		.push = "{{reason}}{{^reason}}It is no longer shown.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your profile as {{role_key}} has been suspended and is no longer shown.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_REINSTATED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_own_cause, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} is active again",
		.push = "The suspension has been lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The suspension of your profile as {{role_key}} has been lifted.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_PROFILE_VERIFICATION_CHANGED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_badge_lost, .to = { "user_id" }, .link = "/user-role-profiles/{{id}}",
		.title = "Your profile as {{role_key}} needs to be verified again",
		.push = "{{reason}}{{^reason}}Until then it does not show the verification badge.{{/reason}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your profile as {{role_key}} needs to be verified again. Until then it does not show the "
		    "verification badge.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_SUBMITTED, .topic = "reviews", .channels = IN_APP,
		.holders = "verification-requests.approve", .link = "/verification-requests/{{id}}",
		.title = "To verify: a {{role_key}}",
		.push = "Documents are waiting to be reviewed.",
	},
	{
		.type = &EV_VERIFICATION_DOCUMENT_REQUESTED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/verification-requests/{{id}}",
		.title = "We need more documents",
		.push = "{{remarks}}{{^remarks}}Your verification will continue once we have received them.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "To verify your profile as {{role_key}}, we need more documents:\n\n"
		    "{{#document_types}}\n- {{.}}\n{{/document_types}}\n\n"
		    "{{#remarks}}\nReviewer's remarks: {{remarks}}\n{{/remarks}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_DOCUMENT_REVIEWED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.when = is_refused, .to = { "user_id" }, .link = "/verification-requests/{{verification_request_id}}",
		.title = "We could not accept a document",
		.push = "{{document_type}}{{#remarks}}: {{remarks}}{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We could not accept a document for the verification of your profile: {{document_type}}.\n\n"
		    "{{#remarks}}\nReviewer's remarks: {{remarks}}\n{{/remarks}}\n\n"
		    "Please upload another one:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_VERIFICATION_DECIDED, .topic = "profiles", .channels = IN_APP | EMAIL,
		.to = { "user_id" }, .link = "/verification-requests/{{id}}",
		.flags = { { "is_approved", "decision", "APPROVED" } },
		.title = "{{#is_approved}}You are verified{{/is_approved}}{{^is_approved}}Your verification was not successful{{/is_approved}}",
		.push = "{{remarks}}{{^remarks}}Your profile as {{role_key}}.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_approved}}\nYour profile as {{role_key}} is now verified and shows the badge.\n{{/is_approved}}\n"
		    "{{^is_approved}}\nThe verification of your profile as {{role_key}} was not successful.\n{{/is_approved}}\n\n"
		    "{{#remarks}}\nReviewer's remarks: {{remarks}}\n{{/remarks}}\n\n"
		    "{{link}}\n",
	},
	{ 0 }
};
