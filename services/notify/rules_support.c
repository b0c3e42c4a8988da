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
		.title = "{{#is_requester}}We have received your ticket “{{subject}}”{{/is_requester}}"
		    "{{^is_requester}}New ticket ({{priority}}): {{subject}}{{/is_requester}}",
		.push = "{{#is_requester}}You will hear from us by {{first_response_due_time}}.{{/is_requester}}"
		    "{{^is_requester}}{{category}}, reply due by {{first_response_due_time}}.{{/is_requester}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "We have received your ticket “{{subject}}” and will reply by {{first_response_due_time}}.\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_ASSIGNED, .topic = "support_work", .channels = IN_APP,
		.to = { "assigned_to_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Ticket assigned to you: {{subject}}",
		.push = "{{priority}}, {{category}}.",
	},
	{
		/* The event names the other side: the requester, or the agent. */
		.type = &EV_TICKET_REPLIED, .topic = "support", .channels = IN_APP | EMAIL,
		.link = "/support-tickets/{{id}}",
		.title = "Reply to “{{subject}}”",
		.push = "{{#by_staff}}Our support team has replied.{{/by_staff}}{{^by_staff}}The requester has replied.{{/by_staff}}",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "{{#by_staff}}\nOur support team has replied to your ticket “{{subject}}”.\n{{/by_staff}}\n"
		    "{{^by_staff}}\nThere is a new message in the ticket “{{subject}}”.\n{{/by_staff}}\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_RESOLVED, .topic = "support", .channels = IN_APP | EMAIL,
		.to = { "created_by_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Your ticket “{{subject}}” has been resolved",
		.push = "If the problem remains, reply within 7 days.",
		.text =
		    "Hello {{recipient_name}},\n\n"
		    "Your ticket “{{subject}}” has been resolved. If the problem remains, reply within 7 days to reopen "
		    "the ticket:\n\n"
		    "{{link}}\n",
	},
	{
		.type = &EV_TICKET_REOPENED, .topic = "support_work", .channels = IN_APP,
		.to = { "assigned_to_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Ticket reopened: {{subject}}",
		.push = "The requester has replied.",
	},
	{
		.type = &EV_TICKET_CLOSED, .topic = "support", .channels = IN_APP, .when = is_closed_by_clock,
		.to = { "created_by_user_id" }, .link = "/support-tickets/{{id}}",
		.title = "Your ticket “{{subject}}” has been closed",
		.push = "There was no reply for 7 days.",
	},
	{
		.type = &EV_TICKET_OVERDUE, .topic = "support_work", .channels = IN_APP, .is_critical = true,
		.to = { "assigned_to_user_id" }, .holders = "support-tickets.assign", .link = "/support-tickets/{{id}}",
		.flags = { { "is_first", "clock", "FIRST_RESPONSE" } },
		.title = "Overdue: {{subject}}",
		.push = "The {{#is_first}}first reply{{/is_first}}{{^is_first}}solution{{/is_first}} was due on {{due_time}}.",
	},
	{
		.type = &EV_AUDIT_GAP_FOUND, .topic = "security", .channels = IN_APP, .is_critical = true,
		.holders = "audit-logs.read",
		.title = "The audit log is damaged",
		.push = "Chain {{partition}}, rows {{first_sequence}} to {{last_sequence}}: {{cause}}.",
	},
	{ 0 }
};
