/* The registry of widgets: what can stand on a dashboard. */
#ifndef NXT_DASHBOARDS_H
#define NXT_DASHBOARDS_H

#include <stdbool.h>
#include <stddef.h>

struct request;

struct widget_type {
	const char *key, *title;
	const char *permission;		/* what one must be allowed to read for it; NULL: everybody */
	const char *dashboard_type;	/* on dashboards of that type alone; their built-in one has it */
	int width_units;		/* of 12 */
};
extern const struct widget_type widget_types[];	/* by key NULL terminated, in built-in order */

const struct widget_type *widget_type_find(const char *key);	/* NULL: there is none */
bool widget_type_allowed(const struct request *rq, const struct widget_type *type);

#endif
