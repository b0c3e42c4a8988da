/* Values of JSON columns, and what a patch makes of them; see validate.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "json.h"
#include "json_schema.h"
#include "row.h"
#include "validate.h"
#include "validate_internal.h"

#define JSON_TEXT_MAX (64 * 1024)
#define INT64_END 9223372036854775808.0	/* 2^63 */

/*
 * jsonb writes a double as digits without an exponent, and digits beyond 64 bits no daemon reads back.
 * Recursion is bounded by JSON_DEPTH_MAX.
 */
static bool
has_number_beyond_64_bits(json_t *v)
{
	const char *name;
	json_t *part;
	size_t i;

	json_array_foreach(v, i, part)
		if (has_number_beyond_64_bits(part))
			return true;
	json_object_foreach(v, name, part)
		if (has_number_beyond_64_bits(part))
			return true;
	return json_is_real(v) && fabs(json_real_value(v)) >= INT64_END;
}

struct complaint
check_json(struct request *rq, const struct column *col, json_t *v)
{
	if ((col->flags & COL_OBJECT) && !json_is_object(v))
		return complain(rq, "wrong_type", "an object");
	if (!(col->flags & COL_ANY_JSON) && !json_is_object(v) && !json_is_array(v))
		return complain(rq, "wrong_type", "an object or an array");
	if (has_number_beyond_64_bits(v))
		return complain(rq, "number_out_of_range", "no number beyond 64 bits");
	if (strlen(json_text(rq->arena, v)) > JSON_TEXT_MAX)
		return complain(rq, "too_long", "at most %d bytes", JSON_TEXT_MAX);
	return FINE;
}

/* ---- declared schemas ---- */

/* As text, and read once, at start. */
static struct declared {
	const char *text;
	json_t *schema;
	struct declared *next;
} *all;

static json_t *
schema_of(const struct column *col)
{
	const struct declared *d = all;

	while (d != NULL && d->text != col->schema)
		d = d->next;
	return d == NULL ? NULL : d->schema;
}

static int
declare(const struct column *col, struct error *e)
{
	json_error_t wrong;
	json_t *schema = json_loads(col->schema, JSON_REJECT_DUPLICATES, &wrong);
	const char *unknown = schema == NULL ? NULL : json_schema_unknown(schema);
	struct declared *d;

	if (schema == NULL)
		return error_set(e, ERR_INTERNAL, "the schema of %s is no JSON: %s, at character %d", col->name,
		    wrong.text, wrong.position);
	if (unknown != NULL) {
		error_set(e, ERR_INTERNAL, "the schema of %s says \"%s\", which is not checked", col->name, unknown);
		json_decref(schema);
		return -1;
	}
	d = xmalloc(sizeof(*d));
	*d = (struct declared){ col->schema, schema, all };
	all = d;
	return 0;
}

int
validate_declare(const struct column *columns, struct error *e)
{
	for (const struct column *c = columns; c != NULL && c->name != NULL; c++)
		if (c->schema != NULL && schema_of(c) == NULL && declare(c, e) < 0)
			return -1;
	return 0;
}

/* ---- values ---- */

struct schema_look {
	struct request *rq;
	const struct column *col;
};

static void
take_fault(void *arg, const char *pointer, const char *code, const char *detail)
{
	const struct schema_look *look = arg;

	fail_field(look->rq, arena_printf(look->rq->arena, "/%s%s", look->col->name, pointer), code, "%s", detail);
}

int
check_schema(struct request *rq, const struct column *col, json_t *v)
{
	struct schema_look look = { rq, col };
	json_t *schema;

	if (col->schema == NULL || json_is_null(v))
		return 0;
	if ((schema = schema_of(col)) == NULL)
		abort();	/* validate_declare() was not told of these columns */
	return json_schema_check(rq->arena, schema, v, take_fault, &look);
}

/* What a patch gave: many of them may make a value that no daemon would read back. */
static struct complaint
check_merged(struct request *rq, const struct column *col, json_t *v)
{
	struct complaint c = check_json(rq, col, v);
	const char *text = json_text(rq->arena, v);
	struct error e;

	if (c.code != NULL || json_parse_strict(rq->arena, text, strlen(text), true, &e) != NULL)
		return c;
	return complain(rq, "too_long", "at most %d values", JSON_VALUES_MAX);
}

/* The row's JSON column as the patch makes it. The body stays as it was sent: the unit may run again on a newer row. */
static json_t *
patched(struct request *rq, const struct row *row, const struct column *col, json_t *patch)
{
	const char *stored = row_text(row, col->name);
	json_t *target = stored == NULL ? NULL : json_loads(stored, JSON_DECODE_ANY, NULL);

	if (target != NULL)
		arena_own(rq->arena, target, (void (*)(void *))json_decref);
	return json_merge_patch(rq->arena, target, patch);
}

int
validate_merge(struct request *rq, struct row *row, const char *column, json_t *patch)
{
	const struct column *col = resource_column(row_resource(row), column);
	json_t *v = patched(rq, row, col, patch);
	struct complaint c = check_merged(rq, col, v);

	if (c.code != NULL)
		return fail_field(rq, column, c.code, "%s", c.detail);
	if (check_schema(rq, col, v) < 0)
		return -1;
	row_put(row, column, json_text(rq->arena, v));
	return 0;
}
