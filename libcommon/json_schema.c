/* Values against schemas; see json_schema.h. Each word of a schema is one entry of the table. */
#include "json_schema.h"

#include <regex.h>
#include <string.h>

#include "arena.h"
#include "json.h"
#include "uuid.h"

struct check {
	struct arena *arena;
	json_fault_fn *fn;
	void *arg;
	int faults;
};

static void check_value(struct check *c, json_t *schema, json_t *value, const char *at);

static void
fault(struct check *c, const char *at, const char *code, const char *detail)
{
	c->faults++;
	if (c->fn != NULL)
		c->fn(c->arg, at, code, detail);
}

static const char *
below(struct check *c, const char *at, const char *key)
{
	return arena_printf(c->arena, "%s/%s", at, json_pointer_token(c->arena, key));
}

/* ---- the words ---- */

static bool
has_type(json_t *value, const char *type)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL:
		return strcmp(type, "number") == 0 || (strcmp(type, "integer") == 0 && json_is_whole(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return strcmp(type, "boolean") == 0;
	case JSON_NULL:
		break;
	}
	return strcmp(type, "null") == 0;
}

static void
check_type(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	json_t *one;
	size_t i;

	(void)schema;
	if (json_is_string(word)) {
		if (!has_type(value, json_string_value(word)))
			fault(c, at, "wrong_type", arena_printf(c->arena, "must be of type %s",
			    json_string_value(word)));
		return;
	}
	json_array_foreach(word, i, one)
		if (has_type(value, json_string_value(one)))
			return;
	fault(c, at, "wrong_type", arena_printf(c->arena, "must be of a type of %s",
	    json_text(c->arena, word)));
}

static void
check_enum(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	json_t *one;
	size_t i;

	(void)schema;
	json_array_foreach(word, i, one)
		if (json_equal(one, value))
			return;
	fault(c, at, "not_allowed", arena_printf(c->arena, "must be one of %s", json_text(c->arena, word)));
}

static void
check_const(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (!json_equal(word, value))
		fault(c, at, "not_allowed", arena_printf(c->arena, "must be %s", json_text(c->arena, word)));
}

/* Integers are compared as such: a double cannot tell 2^53 from 2^53 + 1. */
static int
compare_numbers(json_t *x, json_t *y)
{
	if (json_is_integer(x) && json_is_integer(y))
		return (json_integer_value(x) > json_integer_value(y)) -
		    (json_integer_value(x) < json_integer_value(y));
	return (json_number_value(x) > json_number_value(y)) -
	    (json_number_value(x) < json_number_value(y));
}

static void
check_minimum(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_number(value) && compare_numbers(value, word) < 0)
		fault(c, at, "too_small", arena_printf(c->arena, "at least %s", json_text(c->arena, word)));
}

static void
check_maximum(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_number(value) && compare_numbers(value, word) > 0)
		fault(c, at, "too_large", arena_printf(c->arena, "at most %s", json_text(c->arena, word)));
}

static void
check_min_length(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_string(value) && (json_int_t)utf8_length(json_string_value(value)) < json_integer_value(word))
		fault(c, at, "too_short", arena_printf(c->arena, "at least %s characters",
		    json_text(c->arena, word)));
}

static void
check_max_length(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_string(value) && (json_int_t)utf8_length(json_string_value(value)) > json_integer_value(word))
		fault(c, at, "too_long", arena_printf(c->arena, "at most %s characters",
		    json_text(c->arena, word)));
}

static void
check_pattern(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	regex_t re;

	(void)schema;
	if (!json_is_string(value))
		return;
	if (regcomp(&re, json_string_value(word), REG_EXTENDED | REG_NOSUB) != 0)
		abort();	/* a declared schema is wrong: `settings import` runs each over its initial value */
	if (regexec(&re, json_string_value(value), 0, NULL, 0) != 0)
		fault(c, at, "bad_format", arena_printf(c->arena, "must match %s", json_string_value(word)));
	regfree(&re);
}

static bool
is_known_format(json_t *word)
{
	return json_is_string(word) && strcmp(json_string_value(word), "uuid") == 0;
}

static void
check_format(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (is_known_format(word) && json_is_string(value) && !uuid_is_valid(json_string_value(value)))
		fault(c, at, "bad_uuid", "must be a UUID");
}

static void
check_items(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	json_t *item;
	size_t i;

	(void)schema;
	json_array_foreach(value, i, item)
		check_value(c, word, item, arena_printf(c->arena, "%s/%zu", at, i));
}

static void
check_min_items(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_array(value) && (json_int_t)json_array_size(value) < json_integer_value(word))
		fault(c, at, "too_short", arena_printf(c->arena, "at least %s items", json_text(c->arena, word)));
}

static void
check_max_items(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	if (json_is_array(value) && (json_int_t)json_array_size(value) > json_integer_value(word))
		fault(c, at, "too_long", arena_printf(c->arena, "at most %s items", json_text(c->arena, word)));
}

static void
check_unique_items(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	(void)schema;
	for (size_t i = 0; json_is_true(word) && i < json_array_size(value); i++)
		for (size_t j = 0; j < i; j++)
			if (json_equal(json_array_get(value, i), json_array_get(value, j)))
				fault(c, arena_printf(c->arena, "%s/%zu", at, i), "duplicate",
				    "is there twice");
}

static void
check_properties(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	const char *name;
	json_t *of;

	(void)schema;
	json_object_foreach(word, name, of)
		if (json_object_get(value, name) != NULL)
			check_value(c, of, json_object_get(value, name), below(c, at, name));
}

static void
check_required(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	json_t *name;
	size_t i;

	(void)schema;
	json_array_foreach(word, i, name)
		if (json_is_object(value) && json_object_get(value, json_string_value(name)) == NULL)
			fault(c, below(c, at, json_string_value(name)), "required", "a value is needed");
}

static void
check_additional(struct check *c, json_t *word, json_t *schema, json_t *value, const char *at)
{
	json_t *declared = json_object_get(schema, "properties");
	const char *name;
	json_t *v;

	json_object_foreach(value, name, v) {
		if (json_object_get(declared, name) != NULL)
			continue;
		if (json_is_false(word))
			fault(c, below(c, at, name), "unknown_field", "there is no such field here");
		else if (json_is_object(word))
			check_value(c, word, v, below(c, at, name));
	}
}

static const struct {
	const char *word;
	void (*check)(struct check *c, json_t *word, json_t *schema, json_t *value,
	    const char *at);
} words[] = {
	{ "type", check_type },
	{ "enum", check_enum },
	{ "const", check_const },
	{ "minimum", check_minimum },
	{ "maximum", check_maximum },
	{ "minLength", check_min_length },
	{ "maxLength", check_max_length },
	{ "pattern", check_pattern },
	{ "format", check_format },
	{ "items", check_items },
	{ "minItems", check_min_items },
	{ "maxItems", check_max_items },
	{ "uniqueItems", check_unique_items },
	{ "properties", check_properties },
	{ "required", check_required },
	{ "additionalProperties", check_additional },
};

static void
check_value(struct check *c, json_t *schema, json_t *value, const char *at)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		json_t *word = json_object_get(schema, words[i].word);
		if (word != NULL)
			words[i].check(c, word, schema, value, at);
	}
}

int
json_schema_check(struct arena *a, json_t *schema, json_t *value, json_fault_fn *fn,
    void *arg)
{
	struct check c = { .arena = a, .fn = fn, .arg = arg };

	check_value(&c, schema, value, "");
	return c.faults == 0 ? 0 : -1;
}

/* ---- what a schema may say ---- */

static bool
is_word(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i].word, name) == 0)
			return true;
	return false;
}

const char *
json_schema_unknown(json_t *schema)
{
	const char *name, *unknown, *property;
	json_t *word, *of;

	json_object_foreach(schema, name, word) {
		if (!is_word(name) || (strcmp(name, "format") == 0 && !is_known_format(word)))
			return name;
		if (strcmp(name, "properties") == 0) {
			json_object_foreach(word, property, of)
				if ((unknown = json_schema_unknown(of)) != NULL)
					return unknown;
		} else if (strcmp(name, "items") == 0 || strcmp(name, "additionalProperties") == 0) {
			if ((unknown = json_schema_unknown(word)) != NULL)
				return unknown;
		}
	}
	return NULL;
}
