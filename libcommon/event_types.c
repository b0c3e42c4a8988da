/*
 * Turns event_types.def into constants and finds them by name. Holds no state.
 */
#include "event_types.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The generated descriptors, without the generated headers: those are a megabyte to read. */
#define EVENT_TYPE(symbol, type, message, ...) \
	extern const ProtobufCMessageDescriptor nxtgauge__events__v1__##message##__descriptor;
#include "event_types.def"
#undef EVENT_TYPE

#define EVENT_TYPE(symbol, type, message, publisher, aggregate, key_field, how, outcome, module, \
		   hours, text)                                                                   \
	const struct event_type EV_##symbol = {                                                  \
		.name = type,                                                                     \
		.service = publisher,                                                             \
		.noun = aggregate,                                                                \
		.key = key_field,                                                                 \
		.action = EVENT_##how,                                                            \
		.status = EVENT_##outcome,                                                        \
		.module_key = module,                                                             \
		.descriptor = &nxtgauge__events__v1__##message##__descriptor,                     \
		.retention_hours = hours,                                                         \
		.doc = text,                                                                      \
	};
#include "event_types.def"
#undef EVENT_TYPE

#define EVENT_TYPE(symbol, ...) &EV_##symbol,
static const struct event_type *const event_types[] = {
#include "event_types.def"
};
#undef EVENT_TYPE

#define EVENT_TYPE_COUNT (sizeof(event_types) / sizeof(event_types[0]))

static int
event_type_compare(const void *name, const void *entry)
{
	const struct event_type *const *type = entry;

	return strcmp(name, (*type)->name);
}

/* An entry out of its place would not be found, and events of unknown types are passed over. */
static void
must_be_sorted(void)
{
	static bool is_sorted;

	for (size_t i = 1; i < EVENT_TYPE_COUNT && !is_sorted; i++)
		if (strcmp(event_types[i - 1]->name, event_types[i]->name) >= 0) {
			fprintf(stderr, "event_types.def: %s is not in its place by name\n",
			    event_types[i]->name);
			abort();
		}
	is_sorted = true;
}

const struct event_type *
event_type_find(const char *name)
{
	const struct event_type *const *found;

	must_be_sorted();
	found = bsearch(
	    name, event_types, EVENT_TYPE_COUNT, sizeof(event_types[0]), event_type_compare);
	return found ? *found : NULL;
}

const struct event_type *const *
event_type_all(size_t *ret_count)
{
	must_be_sorted();
	*ret_count = EVENT_TYPE_COUNT;
	return event_types;
}

const char *
event_action_name(enum event_action action)
{
	switch (action) {
	case EVENT_CREATE:
		return "CREATE";
	case EVENT_UPDATE:
		return "UPDATE";
	case EVENT_DELETE:
		return "DELETE";
	case EVENT_BY_DECISION:
	case EVENT_BY_CHANGE:
		return NULL;
	}
	return NULL;
}

const char *
event_status_name(enum event_status status)
{
	return status == EVENT_FAILED ? "FAILED" : "SUCCESS";
}
