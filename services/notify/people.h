/* Users and employees as notify knows them. */
#ifndef NXT_PEOPLE_H
#define NXT_PEOPLE_H

#include "event.h"

extern const struct ref_map user_map, employee_map;

int user_settings_keep(struct request *rq, const struct event_in *ev);
int user_forget(struct request *rq, const struct event_in *ev);

#endif
