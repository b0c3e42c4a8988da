/*
 * Whom to tell of what: event → template → recipients → channels, as data.
 *
 * One entry per event type that people are told of, with the texts that ship. The texts become rows
 * of notification_templates, `<event>.push` and `<event>.email`, which staff may edit; the rest of
 * the entry is fixed. A test checks every text against the fields of its event.
 */
#ifndef NXT_RULES_H
#define NXT_RULES_H

#include <stdbool.h>

#include "event.h"

enum channel {
	IN_APP = 1,
	EMAIL = 2,
};

/* A name for templates that is true where a text field has that value. */
struct flag {
	const char *name, *field;
	const char *value;	/* NULL: where the field holds the id of who is told */
};

struct rule {
	const struct event_type *type;
	const char *topic;		/* what a preference switches off */
	unsigned channels;		/* enum channel, or-ed */
	bool is_critical;		/* whatever the preferences say, suspended accounts too */
	bool (*when)(const struct event_in *ev);	/* NULL: always */
	/* Whom to tell: the event's own recipients, and … */
	const char *to[2];		/* fields with a user's id */
	const char *holders;		/* whoever holds this permission, in-app alone; never the actor */
	const char *owner_of[2];	/* entity type, field with its id: the owner of that entity */
	bool instead_of_recipients;	/* … those above alone: the texts are not meant for the event's own recipients */
	const char *address;		/* field with one more address; the user's own is not used for auth.token_issued */
	const char *link;		/* template of the path under PUBLIC_URL, {{link}} in the texts */
	struct flag flags[6];
	const char *title;		/* in-app and push: one line … */
	const char *push;		/* … and a sentence */
	const char *subject;		/* e-mail: NULL: as title … */
	const char *text;		/* … and the plain text, from which the HTML part is made */
};

/* {0}-terminated; by publisher. */
extern const struct rule rules_identity[], rules_profiles[], rules_marketplace[], rules_finance[],
    rules_support[];

const struct rule *rule_find(const struct event_type *type);	/* NULL: nobody is told */
/* Calls fn for each rule, in order. */
void rules_each(void (*fn)(const struct rule *rule, void *arg), void *arg);

#endif
