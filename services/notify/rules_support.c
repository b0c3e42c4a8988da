/* What people are told of support tickets, and staff of what must not wait. */
#include "rules.h"

static bool
is_closed_by_clock(const struct event_in *ev)
{
	return event_is(ev, "cause", "CLOCK");
}

const struct rule rules_support[] = {
	{
		.type = &EV_TICKET_OPENED, .topic = "support", .channels = IN_APP | EMAIL,
		.to = { "created_by_user_id" }, .holders = "support-tickets.take", .link = "/support-tickets/{{id}}",
		.flags = { { "is_requester", "created_by_user_id", NULL } },
		.title = "{{#is_requester}}We have your ticket “{{subject}}”{{/is_requester}}"
		    "{{^is_requester}}New ticket ({{priority}}): {{subject}}{{/is_requester}}",
		.push = "{{#is_requester}}You will hear from us by {{first_response_due_time}}.{{/is_requester}}"
		    "{{^is_requester}}{{category}}, to be answered by {{first_response_due_time}}.{{/is_requester}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "we have your ticket “{{subject}}” and will answer by {{first_response_due_time}}.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_ASSIGNED, .topic = "support_work", .channels = IN_APP,
		.to = { "assigned_to_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Your ticket now: {{subject}}",
		.push = "{{priority}}, {{category}}.",
	},
	{
		/* The event names the other side: the requester, or the agent. */
		.type = &EV_TICKET_REPLIED, .topic = "support", .channels = IN_APP | EMAIL,
		.link = "/support-tickets/{{id}}",
		.title = "Reply to “{{subject}}”",
		.push = "{{#by_staff}}Our support has answered.{{/by_staff}}{{^by_staff}}The requester wrote.{{/by_staff}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#by_staff}}\nour support has answered your ticket “{{subject}}”.\n{{/by_staff}}\n"
		    "{{^by_staff}}\nthere is a new message in the ticket “{{subject}}”.\n{{/by_staff}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_RESOLVED, .topic = "support", .channels = IN_APP | EMAIL,
		.to = { "created_by_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Your ticket “{{subject}}” is resolved",
		.push = "Reply within 7 days if it is not.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "your ticket “{{subject}}” is resolved. If it is not, reply within 7 days and it is open again:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_REOPENED, .topic = "support_work", .channels = IN_APP,
		.to = { "assigned_to_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Open again: {{subject}}",
		.push = "The requester replied.",
	},
	{
		.type = &EV_TICKET_CLOSED, .topic = "support", .channels = IN_APP, .when = is_closed_by_clock,
		.to = { "created_by_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Your ticket “{{subject}}” is closed",
		.push = "Nothing more was heard for 7 days.",
	},
	{
		.type = &EV_TICKET_OVERDUE, .topic = "support_work", .channels = IN_APP, .is_critical = true,
		.to = { "assigned_to_user_id" }, .holders = "support-tickets.assign", .link = "/support-tickets/{{id}}",
		.flags = { { "is_first", "clock", "FIRST_RESPONSE" } },
		.title = "Overdue: {{subject}}",
		.push = "{{#is_first}}The first answer{{/is_first}}{{^is_first}}The solution{{/is_first}} was due {{due_time}}.",
	},
	{
		.type = &EV_AUDIT_GAP_FOUND, .topic = "security", .channels = IN_APP, .is_critical = true,
		.holders = "audit-logs.read",
		.title = "The audit log is damaged",
		.push = "Chain {{partition}}, rows {{first_sequence}} to {{last_sequence}}: {{cause}}.",
	},
	{ 0 }
};
