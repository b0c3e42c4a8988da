/* The JSON Schema of a declared column: what validate.c takes for it, and what is answered. */
#ifndef NXT_COLUMN_SCHEMA_H
#define NXT_COLUMN_SCHEMA_H

#include <jansson.h>

#include "resource.h"

enum schema_use {
	SCHEMA_ANSWER,	/* what a row may hold: an erased one is blank where a new one may not be */
	SCHEMA_BODY,	/* what validate_body() takes */
	SCHEMA_QUERY,	/* what validate_filter() takes */
};

/* The caller owns it. */
json_t *column_schema(const struct column *c, enum schema_use use);

#endif
