/*
 * Runtime configuration as this process knows it: the declared initial values, overlaid with what
 * the follower of config_values told last. A value of the wrong type is ignored, with one warning.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "config.h"
#include "json.h"
#include "log.h"
#include "service.h"

struct setting {
	const struct config_key *key;
	char *json;		/* as last told; NULL: the initial value counts */
	json_t *told, *initial;	/* the same, parsed */
	bool warned;
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

void
setting_store(const char *key, const char *json)
{
	struct setting *s = find_or_add(key);

	if (s == NULL)
		return;		/* another service's */
	free(s->json);
	s->json = json == NULL ? NULL : xstrdup(json);
	json_decref(s->told);
	s->told = load(json);
	s->warned = false;
}

/* The value in force, where it has the type that `is_wanted` knows; else the initial one. */
static json_t *
value_of(const char *key, int (*is_wanted)(const json_t *), const char *wanted)
{
	struct setting *s = find_or_die(key);

	if (s->json == NULL)
		return s->initial;
	if (s->told != NULL && is_wanted(s->told))
		return s->told;
	if (!s->warned)
		log_warn("runtime configuration %s is no %s; using the default", key, wanted);
	s->warned = true;
	return s->initial;
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
	return json_integer_value(value_of(key, is_integer, "integer"));
}

bool
setting_bool(const char *key)
{
	return json_is_true(value_of(key, is_boolean, "boolean"));
}

const char *
setting_json(const char *key)
{
	struct setting *s = find_or_die(key);

	return s->json != NULL ? s->json : s->key->initial;
}
