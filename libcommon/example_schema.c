/*
 * A JSON Schema from a declared example; see example_schema.h.
 *
 * Knows nothing of routes and columns: openapi.c decides where the schema stands.
 */
#include "example_schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *schema_of(const json_t *value);

static json_t *
schema_of_string(const char *text)
{
	json_t *s = json_pack("{s:s}", "type", "string");

	if (strcmp(text, "0192…") == 0)
		json_object_set_new(s, "format", json_string("uuid"));
	else if (strcmp(text, "2026-…") == 0)
		json_object_set_new(s, "format", json_string("date-time"));
	return s;
}

/* JSON of any kind has no "type" that could take null too. */
static void
make_nullable(json_t *s)
{
	json_t *type = json_object_get(s, "type");

	if (json_is_string(type))
		json_object_set_new(s, "type", json_pack("[O, s]", type, "null"));
}

static json_t *
schema_of_object(const json_t *object)
{
	json_t *properties = json_object(), *required = json_array(), *value;
	json_t *s = json_pack("{s:s}", "type", "object");
	const char *name;

	json_object_foreach((json_t *)object, name, value) {
		size_t n = strlen(name);
		bool optional = n > 0 && name[n - 1] == '?';
		json_t *property = schema_of(value);

		if (optional)
			make_nullable(property);
		else
			json_array_append_new(required, json_string(name));
		json_object_setn_new(properties, name, n - optional, property);
	}
	if (json_object_size(object) > 0)
		json_object_set(s, "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(s, "required", required);
	json_decref(properties);
	json_decref(required);
	return s;
}

static json_t *
schema_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return schema_of_object(value);
	case JSON_ARRAY:
		if (json_array_size(value) == 0)
			abort();	/* of what? */
		return json_pack("{s:s, s:o}", "type", "array", "items", schema_of(json_array_get(value, 0)));
	case JSON_STRING: return schema_of_string(json_string_value(value));
	case JSON_INTEGER: return json_pack("{s:s}", "type", "integer");
	case JSON_REAL: return json_pack("{s:s}", "type", "number");
	case JSON_NULL: return json_pack("{s:s}", "description", "JSON of any kind.");
	default: return json_pack("{s:s}", "type", "boolean");
	}
}

json_t *
example_schema(const char *example)
{
	json_error_t e;
	json_t *value = json_loads(example, JSON_REJECT_DUPLICATES, &e), *s;

	if (value == NULL) {
		fprintf(stderr, "example at %d: %s: %s\n", e.position, e.text, example);
		abort();
	}
	s = schema_of(value);
	json_decref(value);
	return s;
}
