/*
 * Runtime configuration as this process knows it: the declared initial values, overlaid with what
 * the follower of config_values told last. A value that does not fit its declared schema is ignored,
 * with a warning and a metric: the one before stays in force.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "config.h"
#include "json.h"
#include "json_schema.h"
#include "log.h"
#include "metrics.h"
#include "service.h"

struct setting {
	const struct config_key *key;
	char *json;		/* as last told and fit; NULL: the initial value counts */
	json_t *told, *initial;	/* the same, parsed */
	struct setting *next;
};
static struct setting *settings;

static json_t *
load(const char *text)
{
	return text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
}

static const struct config_key *
declared(const char *key)
{
	const struct config_key *k = service_self == NULL ? NULL : service_self->config_keys;

	for (; k != NULL && k->key != NULL; k++)
		if (strcmp(k->key, key) == 0)
			return k;
	return NULL;
}

static struct setting *
find_or_add(const char *key)
{
	struct setting *s;
	const struct config_key *k;

	for (s = settings; s != NULL; s = s->next)
		if (strcmp(s->key->key, key) == 0)
			return s;
	if ((k = declared(key)) == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->key = k;
	s->initial = load(k->initial);
	s->next = settings;
	settings = s;
	return s;
}

/* A key nobody declared is a fault of the program, like an unknown column. */
static struct setting *
find_or_die(const char *key)
{
	struct setting *s = find_or_add(key);

	if (s == NULL) {
		log_error("runtime configuration key %s is not declared", key);
		abort();
	}
	return s;
}

static void
note_fault(void *arg, const char *pointer, const char *code, const char *detail)
{
	(void)code;
	log_warn("runtime configuration %s%s %s; the value before stays in force", (const char *)arg,
	    pointer, detail);
}

static bool
fits(const struct setting *s, json_t *value)
{
	struct arena *a = arena_new();
	json_t *schema = load(s->key->schema);
	bool ok = value != NULL &&
	    json_schema_check(a, schema, value, note_fault, (void *)(uintptr_t)s->key->key) == 0;

	json_decref(schema);
	arena_free(a);
	return ok;
}

void
setting_store(const char *key, const char *json)
{
	struct setting *s = find_or_add(key);
	json_t *told = json_with_integers(load(json));

	if (s == NULL || (json != NULL && !fits(s, told))) {
		if (s != NULL)
			metric_add(M_SETTINGS_REFUSED, 1);
		json_decref(told);	/* another service's, or of no use */
		return;
	}
	free(s->json);
	s->json = told == NULL ? NULL : json_dumps(told, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(s->told);
	s->told = told;
}

/* The value in force; asking for another type than the schema's is a fault of the program. */
static json_t *
value_of(const char *key, int (*is_wanted)(const json_t *))
{
	struct setting *s = find_or_die(key);
	json_t *value = s->told != NULL ? s->told : s->initial;

	if (!is_wanted(value))
		abort();
	return value;
}

static int
is_integer(const json_t *value)
{
	return json_is_integer(value);
}

static int
is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}

int64_t
setting_int(const char *key)
{
	return json_integer_value(value_of(key, is_integer));
}

bool
setting_bool(const char *key)
{
	return json_is_true(value_of(key, is_boolean));
}

const char *
setting_json(const char *key)
{
	struct setting *s = find_or_die(key);

	return s->json != NULL ? s->json : s->key->initial;
}
