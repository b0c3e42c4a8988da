/* Users and employees as notify knows them. */
#ifndef NXT_PEOPLE_H
#define NXT_PEOPLE_H

#include "event.h"

extern const struct ref_map user_map, employee_map;

int user_settings_keep(struct request *rq, const struct event_in *ev);
/* The farewell mail is queued first; then all that names the person or holds their words is blanked. */
int user_erased(struct request *rq, const struct event_in *ev);

#endif
