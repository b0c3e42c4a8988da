/* The rows of notification_templates: seeded from the rules, edited by staff, read at each event. */
#ifndef NXT_TEMPLATES_H
#define NXT_TEMPLATES_H

#include "render.h"
#include "request.h"
#include "resource.h"
#include "rules.h"

/* The templates of a rule's event, by channel; those not there have a NULL key. -1: rq has why. */
struct templates {
	struct template push, email, sms;
};
int templates_load(struct request *rq, const struct rule *rule, struct templates *ret_t);
/* Adds the templates that are missing, renews those that nobody has edited. */
int templates_seed(struct request *rq);
/* Puts the words that ship in the place of staff's; body is NULL where none ship. */
void template_take_shipped(const struct rule *rule, struct template *t, bool is_email);
/* nxt-notify templates check: every shipped text against the fields of its event. */
int templates_check_command(struct request *rq, int argc, char **argv);
int template_preview(struct request *rq);
int template_test(struct request *rq);
extern const struct column template_preview_body[];

#endif
