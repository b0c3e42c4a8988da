/*
 * JSON Schema, the part of draft 2020-12 that declared schemas of runtime configuration, JSON columns and
 * bodies use: type, enum, const, minimum, maximum, minLength, maxLength, pattern (POSIX extended), format
 * (uuid), items, minItems, maxItems, uniqueItems, properties, required, additionalProperties. Debian has no C
 * library for it; a schema is written by us, never by a stranger.
 */
#ifndef NXT_JSON_SCHEMA_H
#define NXT_JSON_SCHEMA_H

#include <jansson.h>

struct arena;

/*
 * Called once for each fault: the RFC 6901 pointer below the checked value ("" is the value
 * itself), a code as in field errors, and a text for the caller. All are arena text.
 */
typedef void json_fault_fn(void *arg, const char *pointer, const char *code, const char *detail);

/*
 * 0: the value fits. -1: it does not, and fn (may be NULL) was told of every fault. 4.0 is an integer; who reads
 * the value with json_is_integer() gives it in as json_with_integers() makes it.
 */
int json_schema_check(struct arena *a, json_t *schema, json_t *value,
    json_fault_fn *fn, void *arg);
/* NULL, or the first word in the schema that the part above does not know: it would be ignored. */
const char *json_schema_unknown(json_t *schema);

#endif
