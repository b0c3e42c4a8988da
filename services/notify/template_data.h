/*
 * What a template can name: every field of the event under its own name, and beside it
 *
 *   <name>_rs for <name>_inr       rupees: "Rs 1,23,456.00"
 *   <name>_time for <name>_at      "23 Nov 2026, 2:05 pm IST", "" where unset
 *   label, occurred_time           of the event as a whole
 *   the rule's flags               true or false
 *   recipient_name, link           for the one who is told
 */
#ifndef NXT_TEMPLATE_DATA_H
#define NXT_TEMPLATE_DATA_H

#include <jansson.h>

#include "rules.h"

/* All but what depends on the recipient. Belongs to the arena. */
json_t *template_data(struct arena *a, const struct rule *rule, const struct event_in *ev);
/*
 * The same with what depends on him: recipient_name ("there" where name is NULL), flags that
 * compare ids, link. NULL: the rule's link template is broken.
 */
json_t *template_data_for(struct arena *a, const struct rule *rule, const json_t *data,
    const char *user_id, const char *name, struct error *e);
/* Values to try a template with: every name is there, lists have one element. */
json_t *template_sample(struct arena *a, const struct rule *rule);

/* Paise as rupees with Indian digit grouping. */
char *rupees_text(struct arena *a, int64_t paise);
/* Indian time, for people. */
char *time_text(struct arena *a, int64_t wall_us);

#endif
