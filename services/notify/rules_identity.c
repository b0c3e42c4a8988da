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
		    "Please confirm that this is your e-mail address. Your account will then be ready to use.\n"
		    "{{/is_verify}}\n"
		    "{{#is_reset}}\n"
		    "We received a request to reset the password of your account. If you made it, choose a new "
		    "password here:\n"
		    "{{/is_reset}}\n"
		    "{{#is_change}}\n"
		    "Please confirm that you want to use this e-mail address for your account.\n"
		    "{{/is_change}}\n\n"
		    "{{link}}\n\n"
		    "The link can be used once and expires on {{expires_time}}. If you did not request it, you can "
		    "ignore this e-mail; nobody can use the link without it.\n",
	},
	{
		.type = &EV_USER_ACTIVATED, .topic = "account", .channels = IN_APP | EMAIL,
		.to = { "id" }, .link = "/",
		.flags = { { "is_company", "account_type", "COMPANY" } },
		.title = "Welcome to Nxtgauge",
		.push = "Your account is active.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your e-mail address is confirmed and your account is active. Welcome!\n\n"
		    "{{#is_company}}\n"
		    "Next, describe your company and submit it for approval. Once it is approved, you can post jobs.\n"
		    "{{/is_company}}\n"
		    "{{^is_company}}\n"
		    "Next, complete your profile so that others can find you.\n"
		    "{{/is_company}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_USER_SUSPENDED, .topic = "account", .channels = EMAIL, .is_critical = true,
		.to = { "id" },
		.subject = "Your account has been suspended",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your account has been suspended{{#until_time}} until {{until_time}}{{/until_time}}.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "You can still sign in to view your own data. If you think this is a mistake, please contact "
		    "our support team.\n",
	},
	{
		/* The last mail: user_erased (people.c) forgets the address once it is sent. */
		.type = &EV_USER_ERASED, .topic = "account", .channels = EMAIL, .is_critical = true,
		.to = { "user_id" },
		.subject = "Your account has been deleted",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "As you requested, your account was deleted on {{occurred_time}}. Your personal data has been "
		    "removed from all our services, and your listings and requests have been closed.\n\n"
		    "We keep orders and invoices for as long as the law requires. This is the last e-mail that you "
		    "will receive from us. You can register again with the same address at any time.\n\n"
		    "If you did not request this, please contact our support team immediately.\n",
	},
	{
		.type = &EV_USER_REINSTATED, .topic = "account", .channels = IN_APP | EMAIL, .is_critical = true,
		.to = { "id" }, .link = "/",
		.title = "Your account is active again",
		.push = "The suspension has been lifted.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The suspension of your account has been lifted. You can use it as before.\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_USER_CONTACT_CHANGED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "id" }, .address = "old_email",
		.title = "Your contact details were changed",
		.push = "If this was not you, change your password immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#old_email}}\n"
		    "The e-mail address of your account was changed. We are sending this e-mail to both the old and "
		    "the new address.\n"
		    "{{/old_email}}\n"
		    "{{^old_email}}\n"
		    "The phone number of your account was changed.\n"
		    "{{/old_email}}\n\n"
		    "If this was not you, change your password immediately and contact our support team.\n",
	},
	{
		.type = &EV_USER_CHANGED, .topic = "security", .channels = IN_APP | EMAIL, .is_critical = true,
		.when = is_new_password, .to = { "id" },
		.title = "Your password was changed",
		.push = "If this was not you, reset your password immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The password of your account was changed on {{occurred_time}}. All other sessions were signed "
		    "out.\n\n"
		    "If this was not you, reset your password immediately and contact our support team.\n",
	},
	{
		.type = &EV_TOKEN_REUSE_DETECTED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: someone else may have used your account",
		.push = "We ended a session because its sign-in token was used twice. Please change your password.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The sign-in token of one of your sessions{{#device}} ({{device}}){{/device}} was used a second "
		    "time on {{occurred_time}}. This can mean that someone has copied it, so we ended that session "
		    "immediately.\n\n"
		    "Please change your password now. Your other sessions are not affected.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_ENABLED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Two-step sign-in is on",
		.push = "You will now need a code from your authenticator to sign in.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Two-step sign-in was turned on for your account on {{occurred_time}}. When you sign in, you will "
		    "now need a code from your authenticator after your password.\n\n"
		    "Keep your recovery codes in a safe place. If you lose your authenticator, each code lets you "
		    "sign in once.\n\n"
		    "If this was not you, change your password immediately and contact our support team.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_DISABLED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Two-step sign-in is off",
		.push = "If this was not you, change your password immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Two-step sign-in was turned off for your account on {{occurred_time}}. You can now sign in with "
		    "your password alone. Your recovery codes no longer work.\n\n"
		    "If this was not you, change your password immediately and contact our support team.\n",
	},
	{
		.type = &EV_SECOND_FACTOR_REFUSED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: wrong codes for your account",
		.push = "Someone who may know your password entered wrong codes. If this was not you, change it.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{count}} wrong codes in a row were entered for the second step of signing in to your account:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "Anyone who gets this far knows your password or has access to one of your sessions. The second "
		    "step kept them out. If this was not you, change your password now; this ends all sessions.\n",
	},
	{
		.type = &EV_RECOVERY_CODE_USED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A recovery code was used",
		.push = "{{codes_left}} codes are left. If this was not you, change your password immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "One of your recovery codes was used to sign in to your account:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "{{codes_left}} codes are left. You can create new ones at any time.\n\n"
		    "If this was not you, change your password immediately, end all sessions and create new codes.\n",
	},
	{
		.type = &EV_RECOVERY_CODES_RENEWED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "You have new recovery codes",
		.push = "Your old codes no longer work.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "New recovery codes were created for your account on {{occurred_time}}. The old ones no longer "
		    "work.\n\n"
		    "If this was not you, change your password immediately and contact our support team.\n",
	},
	{
		.type = &EV_PASSKEY_ADDED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A passkey was added to your account",
		.push = "It can be used to sign in to your account. If this was not you, remove it immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "A passkey{{#name}} ({{name}}){{/name}} was added to your account on {{occurred_time}} from the "
		    "IP address {{ip_address}}. You can sign in with it, without a password or a code. Your password "
		    "alone is no longer enough to sign in. Create recovery codes in case you lose the passkey.\n\n"
		    "If this was not you, remove the passkey immediately, end all sessions and change your password. "
		    "Changing your password alone does not remove a passkey.\n",
	},
	{
		.type = &EV_PASSKEY_REMOVED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "A passkey was removed from your account",
		.push = "If this was not you, change your password immediately.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "The passkey{{#name}} {{name}}{{/name}} was removed from your account on {{occurred_time}}. It can "
		    "no longer be used to sign in. You can now delete it from your device too.\n\n"
		    "If this was not you, end all sessions and change your password immediately.\n",
	},
	{
		.type = &EV_PASSKEY_CLONE_SUSPECTED, .topic = "security", .channels = IN_APP | EMAIL,
		.is_critical = true, .to = { "user_id" },
		.title = "Urgent: one of your passkeys may have been copied",
		.push = "We blocked a sign-in with it. Please remove the passkey and set up a new one.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your passkey{{#name}} {{name}}{{/name}} was used with a counter value that we had seen before. This "
		    "can mean that someone has copied it. We blocked this sign-in:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{occurred_time}}\n\n"
		    "Please remove this passkey, set up a new one, and end any sessions that you do not recognise.\n",
	},
	{
		.type = &EV_SESSION_OPENED, .topic = "security", .channels = IN_APP | EMAIL, .is_critical = true,
		.when = is_new_device, .to = { "user_id" },
		.title = "New sign-in to your account",
		.push = "{{#device}}{{device}}, {{/device}}{{created_time}}. If this was not you, end the session.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We noticed a sign-in to your account from a new device:\n\n"
		    "Device: {{device}}{{^device}}not named{{/device}}\n"
		    "Address: {{ip_address}}\n"
		    "Time: {{created_time}}\n\n"
		    "If this was you, you do not need to do anything. If not, end all sessions and change your "
		    "password.\n",
	},
	{
		/* Who asked, so that a request made by somebody else's hand is noticed; who decides, in-app alone. */
		.type = &EV_ROLE_REQUESTED, .topic = "reviews", .channels = IN_APP | EMAIL, .when = waits_for_decision,
		.to = { "user_id" }, .holders = "user-roles.approve",
		.title = "Request for the role {{role_name}}",
		.push = "The request is waiting for a decision.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We have received your request for the role {{role_name}}. It is waiting for a decision, and we "
		    "will let you know as soon as there is one.\n\n"
		    "If you did not make this request, change your password and contact our support team.\n",
	},
	{
		.type = &EV_ROLE_DECIDED, .topic = "account", .channels = IN_APP | EMAIL, .when = is_decision,
		.to = { "user_id" },
		.flags = { { "is_approved", "decision", "APPROVED" } },
		.title = "{{#is_approved}}You now have the role {{role_name}}{{/is_approved}}"
		    "{{^is_approved}}{{#revoked}}Your role {{role_name}} has ended{{/revoked}}"
		    "{{^revoked}}Your request for the role {{role_name}} was declined{{/revoked}}{{/is_approved}}",
		.push = "{{#remarks}}{{remarks}}{{/remarks}}{{^remarks}}It takes effect within seconds.{{/remarks}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_approved}}\n"
		    "You now have the role {{role_name}}. This takes effect within seconds. If you still cannot use "
		    "something, please sign in again.\n"
		    "{{/is_approved}}\n"
		    "{{^is_approved}}\n"
		    "{{#revoked}}\nYour role {{role_name}} has ended.\n{{/revoked}}\n"
		    "{{^revoked}}\nYour request for the role {{role_name}} was declined.\n{{/revoked}}\n"
		    "{{/is_approved}}\n\n"
		    "{{#remarks}}\nRemarks: {{remarks}}\n{{/remarks}}\n",
	},
	{
		.type = &EV_EMPLOYEE_HIRED, .topic = "account", .channels = IN_APP | EMAIL, .to = { "user_id" },
		.title = "Your account is now a staff account",
		.push = "Employee {{employee_code}}{{#designation_name}}, {{designation_name}}{{/designation_name}}.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your account is now a staff account:\n\n"
		    "Employee code: {{employee_code}}\n"
		    "{{#department_name}}\nDepartment: {{department_name}}\n{{/department_name}}\n"
		    "{{#designation_name}}\nDesignation: {{designation_name}}\n{{/designation_name}}\n\n"
		    "Your permissions depend on your roles. We will e-mail you about each role that you are given.\n",
	},
	{
		.type = &EV_EMPLOYEE_STATUS_CHANGED, .topic = "account", .channels = IN_APP | EMAIL,
		.to = { "user_id" },
		.flags = { { "is_active", "employment_status", "ACTIVE" }, { "is_inactive", "employment_status", "INACTIVE" } },
		.title = "Your employment {{#is_active}}has resumed{{/is_active}}{{^is_active}}"
		    "{{#is_inactive}}is paused{{/is_inactive}}{{^is_inactive}}has ended{{/is_inactive}}{{/is_active}}",
		.push = "{{#is_active}}Your staff roles apply again.{{/is_active}}"
		    "{{^is_active}}You were signed out, and your staff roles no longer apply.{{/is_active}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#is_active}}\nYour employment has resumed, and your staff roles apply again.\n{{/is_active}}\n"
		    "{{^is_active}}\n"
		    "Your employment {{#is_inactive}}is paused{{/is_inactive}}{{^is_inactive}}has ended{{/is_inactive}}. You "
		    "were signed out everywhere, and your staff roles no longer apply. You can still sign in to use "
		    "your account for yourself.\n"
		    "{{/is_active}}\n\n"
		    "{{#reason}}\nReason: {{reason}}\n{{/reason}}\n",
	},
	{ 0 }
};
