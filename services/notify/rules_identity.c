/* What people are told of their account, their sessions and their roles. */
#include "rules.h"

static bool
is_new_device(const struct event_in *ev)
{
	return event_bool(ev, "new_device");
}

static bool
is_new_password(const struct event_in *ev)
{
	return event_bool(ev, "password_changed");
}

static bool
waits_for_decision(const struct event_in *ev)
{
	return event_is(ev, "status", "PENDING");
}

/* What the user did himself, or a policy did at once, is no news; of an erased account the farewell is the last word. */
static bool
is_decision(const struct event_in *ev)
{
	return !event_is(ev, "cause", "POLICY") && !event_is(ev, "cause", "FIRST_ADMINISTRATOR") &&
	    !event_is(ev, "cause", "ERASED");
}

const struct rule rules_identity[] = {
	{
		/* The link's token is put in when the mail is sent: see mail_message.c. */
		.type = &EV_AUTH_TOKEN_ISSUED, .topic = "account", .channels = EMAIL, .is_critical = true,
		.to = { "user_id" }, .address = "email",
		.link = "/{{#is_verify}}verify-email{{/is_verify}}{{#is_reset}}reset-password{{/is_reset}}"
		    "{{#is_change}}confirm-email{{/is_change}}?token=********",
		.flags = { { "is_verify", "purpose", "VERIFY_EMAIL" }, { "is_reset", "purpose", "RESET_PASSWORD" },
		    { "is_change", "purpose", "CHANGE_EMAIL" } },
		.subject = "{{#is_verify}}Confirm your e-mail address{{/is_verify}}"
		    "{{#is_reset}}Choose a new password{{/is_reset}}"
		    "{{#is_change}}Confirm your new e-mail address{{/is_change}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_verify}}\n"
		    "please confirm that this is your e-mail address. Your account is ready after that.\n"
		    "{{/is_verify}}\n"
		    "{{#is_reset}}\n"
		    "somebody asked for a new password for your account. If it was you, choose it here:\n"
		    "{{/is_reset}}\n"
		    "{{#is_change}}\n"
		    "please confirm that your account shall use this e-mail address from now on.\n"
		    "{{/is_change}}\n\n"
		    "{{link}}\n\n"
		    "The link works once, until {{expires_time}}. If you did not ask for it, do nothing: "
		    "nobody can use it without this mail.\n",
	},
	{
		.type = &EV_USER_ACTIVATED, .topic = "account", .channels = IN_APP | EMAIL,
		.to = { "id" }, .link = "/",
		.flags = { { "is_company", "account_type", "COMPANY" } },
		.title = "Welcome to Nxtgauge",
		.push = "Your account is active.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your e-mail address is confirmed and your account is active. Welcome!\n\n"
		    "{{#is_company}}\n"
		    "Next, describe your company and submit it for approval; after that you can post jobs.\n"
		    "{{/is_company}}\n"
		    "{{^is_company}}\n"
		    "Next, fill in your profile, so that others can find you.\n"
		    "{{/is_company}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_USER_SUSPENDED, .topic = "account", .channels = EMAIL, .is_critical = true,
		.to = { "id" },
		.subject = "Your account is suspended",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your account is suspended{{#until_time}} until {{until_time}}{{/until_time}}.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "You can still sign in to read your own data. If you think this is a mistake, "
		    "answer through our support.\n",
	},
	{
		/* The last mail: user_erased (people.c) forgets the address once it is sent. */
		.type = &EV_USER_ERASED, .topic = "account", .channels = EMAIL, .is_critical = true,
		.to = { "user_id" },
		.subject = "Your account is erased",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "as you asked, your account was erased on {{occurred_time}}: your personal data are removed "
		    "from all our services, and what you offered or asked for has ended.\n\n"
		    "Orders and invoices are kept as long as the law wants them. This is the last mail "
		    "you get from us; the address is free to register again.\n\n"
		    "If you did not ask for this, tell our support at once.\n",
	},
	{
		.type = &EV_USER_REINSTATED, .topic = "account", .channels = IN_APP | EMAIL, .is_critical = true,
		.to = { "id" }, .link = "/",
		.title = "Your account is active again",
		.push = "The suspension was lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the suspension of your account was lifted; you can use it as before.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_USER_CONTACT_CHANGED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "id" }, .address = "old_email",
		.title = "Your contact data were changed",
		.push = "If that was not you, change your password at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#old_email}}\n"
		    "the e-mail address of your account was changed. This mail goes to the old address and "
		    "to the new one.\n"
		    "{{/old_email}}\n"
		    "{{^old_email}}\n"
		    "the phone number of your account was changed.\n"
		    "{{/old_email}}\n\n"
		    "If that was not you, change your password at once and tell our support.\n",
	},
	{
		.type = &EV_USER_CHANGED, .topic = "security", .channels = IN_APP | EMAIL, .is_critical = true,
		.when = is_new_password, .to = { "id" },
		.title = "Your password was changed",
		.push = "If that was not you, ask for a new one at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the password of your account was changed on {{occurred_time}}, and all other "
		    "sessions were ended.\n\n"
		    "If that was not you, ask for a new password at once and tell our support.\n",
	},
	{
		.type = &EV_TOKEN_REUSE_DETECTED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: somebody may have used your account",
		.push = "A session was ended because its key was used twice. Change your password.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the key of one of your sessions{{#device}} ({{device}}){{/device}} was used a second time on "
		    "{{occurred_time}}. That happens when somebody has copied it. We ended that session at "
		    "once.\n\n"
		    "Please change your password now. Everything else of your account goes on as before.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_ENABLED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Two-step sign-in is on",
		.push = "From now on a sign-in asks for a code of your authenticator.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "two-step sign-in was switched on for your account on {{occurred_time}}. From now on a "
		    "sign-in asks for a code of your authenticator after the password.\n\n"
		    "Keep your recovery codes in a safe place: each lets you in once if you lose the "
		    "authenticator.\n\n"
		    "If that was not you, change your password at once and tell our support.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_DISABLED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Two-step sign-in is off",
		.push = "If that was not you, change your password at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "two-step sign-in was switched off for your account on {{occurred_time}}: the password "
		    "alone opens it again. Your recovery codes are worthless now.\n\n"
		    "If that was not you, change your password at once and tell our support.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_REFUSED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: wrong codes for your account",
		.push = "Somebody who may know your password sent wrong codes. Change it if that was not you.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{count}} wrong codes of the second step in a row were sent for your account:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "Whoever comes so far knows your password or has one of your sessions. If that was not "
		    "you, change the password now, which ends all sessions; the second step has held.\n",
	},
	{
		.type = &EV_RECOVERY_CODE_USED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A recovery code was used",
		.push = "{{codes_left}} are left. If that was not you, change your password at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "somebody signed in to your account with one of your recovery codes:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "{{codes_left}} codes are left; you can make new ones at any time.\n\n"
		    "If that was not you, change your password at once, end all sessions and make new codes.\n",
	},
	{
		.type = &EV_RECOVERY_CODES_RENEWED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "You have new recovery codes",
		.push = "The old ones are worthless now.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "new recovery codes were made for your account on {{occurred_time}}; the old ones are "
		    "worthless now.\n\n"
		    "If that was not you, change your password at once and tell our support.\n",
	},
	{
		.type = &EV_PASSKEY_ADDED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A passkey was added to your account",
		.push = "It opens your account by itself. If that was not you, remove it at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "a passkey{{#name}} ({{name}}){{/name}} was added to your account on {{occurred_time}} from the "
		    "address {{ip_address}}. It opens your account without the password and without a code; the "
		    "password alone no longer does. Make recovery codes, for the day that you lose it.\n\n"
		    "If that was not you, remove it at once, end all sessions and change your password: a new "
		    "password alone does not end a passkey.\n",
	},
	{
		.type = &EV_PASSKEY_REMOVED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A passkey was removed from your account",
		.push = "If that was not you, change your password at once.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "the passkey{{#name}} {{name}}{{/name}} was removed from your account on {{occurred_time}}; "
		    "it opens it no more. You may delete it on your device too.\n\n"
		    "If that was not you, end all sessions and change your password at once.\n",
	},
	{
		.type = &EV_PASSKEY_CLONE_SUSPECTED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: one of your passkeys may have been copied",
		.push = "A sign-in with it was refused. Remove the passkey and set up a new one.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your passkey{{#name}} {{name}}{{/name}} was used with a counter that we had seen before. That "
		    "happens when somebody has copied it. We refused:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "Please remove this passkey, set up a new one, and end the sessions that you do not know.\n",
	},
	{
		.type = &EV_SESSION_OPENED, .topic = "security", .channels = IN_APP | EMAIL, .is_critical = true,
		.when = is_new_device, .to = { "user_id" },
		.title = "New sign-in to your account",
		.push = "{{#device}}{{device}}, {{/device}}{{created_time}}. If that was not you, end the session.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your account was signed in to from a device that we had not seen before:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{created_time}}\n\n"
		    "If that was you, there is nothing to do. If not, end all sessions and change your "
		    "password.\n",
	},
	{
		/* Who asked, so that a request made by somebody else's hand is noticed; who decides, in-app alone. */
		.type = &EV_ROLE_REQUESTED, .topic = "reviews", .channels = IN_APP | EMAIL, .when = waits_for_decision,
		.to = { "user_id" }, .holders = "user-roles.approve",
		.title = "A request for the role {{role_name}}",
		.push = "The request waits for a decision.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your request for the role {{role_name}} has arrived and waits for a decision. We write again "
		    "once there is one.\n\n"
		    "If you did not ask for it, change your password and tell our support.\n",
	},
	{
		.type = &EV_ROLE_DECIDED, .topic = "account", .channels = IN_APP | EMAIL, .when = is_decision,
		.to = { "user_id" },
		.flags = { { "is_approved", "decision", "APPROVED" } },
		.title = "{{#is_approved}}You have the role {{role_name}} now{{/is_approved}}"
		    "{{^is_approved}}{{#revoked}}Your role {{role_name}} has ended{{/revoked}}"
		    "{{^revoked}}Your request for the role {{role_name}} was refused{{/revoked}}{{/is_approved}}",
		.push = "{{#remarks}}{{remarks}}{{/remarks}}{{^remarks}}It takes effect within seconds.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_approved}}\n"
		    "you have the role {{role_name}} now. It takes effect within seconds; sign in again if "
		    "something is still closed to you.\n"
		    "{{/is_approved}}\n"
		    "{{^is_approved}}\n"
		    "{{#revoked}}\nyour role {{role_name}} has ended.\n{{/revoked}}\n"
		    "{{^revoked}}\nyour request for the role {{role_name}} was refused.\n{{/revoked}}\n"
		    "{{/is_approved}}\n\n"
		    "{{#remarks}}\nRemarks: {{remarks}}\n{{/remarks}}\n",
	},
	{
		.type = &EV_EMPLOYEE_HIRED, .topic = "account", .channels = IN_APP | EMAIL, .to = { "user_id" },
		.title = "You are on the staff now",
		.push = "Employee {{employee_code}}{{#designation_name}}, {{designation_name}}{{/designation_name}}.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your account is an employee's now:\n\n"
		    "Code: {{employee_code}}\n"
		    "{{#department_name}}\nDepartment: {{department_name}}\n{{/department_name}}\n"
		    "{{#designation_name}}\nDesignation: {{designation_name}}\n{{/designation_name}}\n\n"
		    "What you may do comes with your roles, of which you are told one by one.\n",
	},
	{
		.type = &EV_EMPLOYEE_STATUS_CHANGED, .topic = "account", .channels = IN_APP | EMAIL,
		.to = { "user_id" },
		.flags = { { "is_active", "employment_status", "ACTIVE" }, { "is_inactive", "employment_status", "INACTIVE" } },
		.title = "Your employment {{#is_active}}goes on{{/is_active}}{{^is_active}}"
		    "{{#is_inactive}}rests{{/is_inactive}}{{^is_inactive}}has ended{{/is_inactive}}{{/is_active}}",
		.push = "{{#is_active}}Your roles of staff count again.{{/is_active}}"
		    "{{^is_active}}You were signed out, and your roles of staff give nothing.{{/is_active}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_active}}\nyour employment goes on: your roles of staff count again.\n{{/is_active}}\n"
		    "{{^is_active}}\n"
		    "your employment {{#is_inactive}}rests{{/is_inactive}}{{^is_inactive}}has ended{{/is_inactive}}. All "
		    "sessions were ended, and your roles of staff give nothing from now on. You can sign in again for "
		    "what is your own.\n"
		    "{{/is_active}}\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n",
	},
	{ 0 }
};
