/* A JSON Schema from a declared example: how `struct route` says what a 2xx holds. */
#ifndef NXT_EXAMPLE_SCHEMA_H
#define NXT_EXAMPLE_SCHEMA_H

#include <jansson.h>

/*
 * The schema that an answer like the example fits; the caller owns it.
 *
 * The kind of each value counts: "0192…" stands for a UUID, "2026-…" for a time, any other string for
 * text, null for JSON of any kind, {} for an object of any names. A name that ends in "?" may be null
 * or absent, every other one is always there. An array has its first element's kind. Names beyond the
 * example are no breach. An example that is no JSON aborts: it is a literal in a table.
 */
json_t *example_schema(const char *example);

#endif
