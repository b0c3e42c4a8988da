/* Finding the rule of an event; see rules.h. */
#include "rules.h"

#include <string.h>

static const struct rule *const all[] = { rules_identity, rules_profiles, rules_marketplace,
	rules_finance, rules_support, NULL };

const struct rule *
rule_find(const struct event_type *type)
{
	for (const struct rule *const *file = all; *file != NULL; file++)
		for (const struct rule *r = *file; r->type != NULL; r++)
			if (r->type == type)
				return r;
	return NULL;
}

void
rules_each(void (*fn)(const struct rule *rule, void *arg), void *arg)
{
	for (const struct rule *const *file = all; *file != NULL; file++)
		for (const struct rule *r = *file; r->type != NULL; r++)
			fn(r, arg);
}
