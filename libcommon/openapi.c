/*
 * The OpenAPI 3.1 document, made from the routes and columns that are really served; see openapi.h.
 *
 * Made once, at the first request for it: the tables never change while a daemon runs.
 */
#include "openapi.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column_schema.h"
#include "dispatch.h"
#include "example_schema.h"
#include "list.h"
#include "print.h"

static const char *text;

static void
set_text(json_t *o, const char *name, const char *v)
{
	if (v != NULL)
		json_object_set_new(o, name, json_string(v));
}

/* ---- bodies and rows ---- */

static bool
is_writable(const struct column *c, bool patch)
{
	return !(c->flags & (COL_READONLY | COL_OWNER | COL_KEY | COL_SECRET)) &&
	    !(patch && (c->flags & COL_CREATE_ONLY));
}

enum shape { SHAPE_ITEM, SHAPE_CREATE, SHAPE_PATCH, SHAPE_BODY };

static bool
is_shown(const struct column *c, enum shape shape)
{
	switch (shape) {
	case SHAPE_ITEM: return !(c->flags & COL_SECRET);
	case SHAPE_CREATE: return is_writable(c, false);
	case SHAPE_PATCH: return is_writable(c, true);
	default: return true;
	}
}

static json_t *
property_of(const struct column *c, enum shape shape)
{
	json_t *s = column_schema(c, shape == SHAPE_ITEM ? SCHEMA_ANSWER : SCHEMA_BODY);

	if (shape == SHAPE_PATCH && c->type == COL_JSON)
		json_object_set_new(s, "description", json_sprintf("%s%sAn object is merged into the one that is there"
		    " (RFC 7396): null removes a member, objects within merge, all else replaces.",
		    c->doc != NULL ? c->doc : "", c->doc != NULL ? " " : ""));
	return s;
}

static json_t *
object_of(const struct column *columns, enum shape shape)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *s = json_pack("{s:s}", "type", "object");

	for (const struct column *c = columns; c != NULL && c->name != NULL; c++) {
		bool must = c->flags & (COL_REQUIRED | COL_KEY);
		if (!is_shown(c, shape))
			continue;
		json_object_set_new(properties, c->name, property_of(c, shape));
		if (must && (shape == SHAPE_CREATE || shape == SHAPE_BODY) && c->initial == NULL)
			json_array_append_new(required, json_string(c->name));
	}
	json_object_set_new(s, "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set_new(s, "required", required);
	else
		json_decref(required);
	if (shape != SHAPE_ITEM)
		json_object_set_new(s, "additionalProperties", json_false());
	return s;
}

/* ---- parameters ---- */

static json_t *
parameter(const char *name, const char *in, bool required, json_t *schema, const char *doc)
{
	json_t *p = json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in, "required", required,
	    "schema", schema);

	set_text(p, "description", doc);
	return p;
}

static void
add_range(json_t *list, const struct column *c)
{
	static const char *const ends[] = { "after", "before" };
	char name[100];

	for (int i = 0; i < 2; i++) {
		if (c->type == COL_TIME || c->type == COL_DATE) {
			snprintf(name, sizeof(name), "%.*s_%s", (int)list_range_stem(c), c->name, ends[i]);
		} else if (c->type == COL_INT || c->type == COL_MONEY) {
			snprintf(name, sizeof(name), "%s_%s", i == 0 ? "min" : "max", c->name);
		} else {
			return;
		}
		json_array_append_new(list, parameter(name, "query", false, column_schema(c, SCHEMA_QUERY), NULL));
	}
}

static bool
add_filters(json_t *list, const struct resource *res)
{
	bool search = false;

	for (const struct column *c = res->columns; c->name != NULL; c++) {
		search = search || (c->flags & COL_SEARCH);
		if (!(c->flags & COL_FILTER))
			continue;
		json_array_append_new(list, parameter(c->name, "query", false, column_schema(c, SCHEMA_QUERY), NULL));
		add_range(list, c);
	}
	return search;
}

static json_t *
sorts_of(const struct resource *res)
{
	json_t *values = json_array();

	for (const struct column *c = res->columns; c->name != NULL; c++) {
		if (!(c->flags & (COL_SORT | COL_KEY)))
			continue;
		json_array_append_new(values, json_string(c->name));
		json_array_append_new(values, json_sprintf("-%s", c->name));
	}
	return json_pack("{s:s, s:o}", "type", "string", "enum", values);
}

/* ?fields=id,status */
static json_t *
fields_parameter(const struct resource *res)
{
	json_t *values = json_array(), *p;

	for (const struct column *c = res->columns; c->name != NULL; c++)
		if (!(c->flags & COL_SECRET))
			json_array_append_new(values, json_string(c->name));
	p = parameter("fields", "query", false, json_pack("{s:s, s:i, s:{s:s, s:o}}", "type", "array", "minItems", 1,
	    "items", "type", "string", "enum", values), "Columns to answer, comma between.");
	json_object_set_new(p, "style", json_string("form"));
	json_object_set_new(p, "explode", json_false());
	return p;
}

static void
add_list_parameters(json_t *list, const struct resource *res)
{
	bool search = add_filters(list, res);

	json_array_append_new(list, parameter("limit", "query", false, json_pack("{s:s, s:i, s:i, s:i}",
	    "type", "integer", "minimum", 1, "maximum", LIST_LIMIT_MAX, "default", LIST_LIMIT_DEFAULT),
	    NULL));
	json_array_append_new(list, parameter("cursor", "query", false, json_pack("{s:s}", "type",
	    "string"), "next_cursor of the page before."));
	json_array_append_new(list, parameter("sort", "query", false, sorts_of(res), NULL));
	json_array_append_new(list, fields_parameter(res));
	if (search)
		json_array_append_new(list, parameter("q", "query", false, json_pack("{s:s}", "type",
		    "string"), "Words to search for."));
}

static void
add_path_parameters(json_t *list, const char *path)
{
	for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at + 1, '{')) {
		size_t n = strcspn(at + 1, "}");
		char name[64];
		bool id;

		snprintf(name, sizeof(name), "%.*s", (int)n, at + 1);
		id = strcmp(name, "id") == 0;
		json_array_append_new(list, parameter(name, "path", true, id ?
		    json_pack("{s:s, s:s}", "type", "string", "format", "uuid") :
		    json_pack("{s:s}", "type", "string"), NULL));
	}
}

static bool
is_list(const struct route *r)
{
	return r->res != NULL && strcmp(r->method, "GET") == 0 &&
	    (r->verb != NULL || strchr(r->path, '{') == NULL);
}

static void
add_headers(json_t *list, const struct route *r)
{
	bool changes = strcmp(r->method, "PATCH") == 0 || strcmp(r->method, "DELETE") == 0;

	if (strcmp(r->method, "POST") == 0 && !(r->flags & ROUTE_NO_IDEMPOTENCY))
		json_array_append_new(list, parameter("Idempotency-Key", "header",
		    r->flags & ROUTE_IDEMPOTENCY, json_pack("{s:s, s:i, s:i}", "type", "string",
		    "minLength", 1, "maxLength", 255), "Your own word for this request; a repeat replays the first answer."));
	if ((changes && r->res != NULL) || (r->flags & ROUTE_IF_MATCH))
		json_array_append_new(list, parameter("If-Match", "header",
		    r->res != NULL && (r->res->flags & RES_IF_MATCH), json_pack("{s:s}", "type", "string"),
		    "The ETag you read."));
}

static json_t *
parameters_of(const struct route *r)
{
	json_t *list = json_array();

	add_path_parameters(list, r->path);
	if (is_list(r))
		add_list_parameters(list, r->res);
	else if (r->res != NULL && strcmp(r->method, "GET") == 0)
		json_array_append_new(list, fields_parameter(r->res));
	for (const struct column *c = r->query; c != NULL && c->name != NULL; c++)
		json_array_append_new(list, parameter(c->name, "query", c->flags & COL_REQUIRED,
		    column_schema(c, SCHEMA_QUERY), NULL));
	add_headers(list, r);
	return list;
}

/* ---- operations ---- */

static json_t *
reference(const char *table, const char *suffix)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s%s", table, suffix));
}

static json_t *
body_schema(const struct route *r)
{
	if (r->res != NULL && r->verb == NULL)
		return reference(r->res->table, strcmp(r->method, "PATCH") == 0 ? "_patch" : "_create");
	return object_of(r->body, SHAPE_BODY);
}

static bool
needs_body(const struct route *r)
{
	bool plain = r->res != NULL && r->verb == NULL;

	if (plain && strcmp(r->method, "PATCH") == 0)
		return false;
	for (const struct column *c = plain ? r->res->columns : r->body; c != NULL && c->name != NULL; c++)
		if ((c->flags & COL_REQUIRED) && c->initial == NULL && (!plain || is_writable(c, false)))
			return true;
	return false;
}

static void
add_body(json_t *op, const struct route *r)
{
	bool plain = r->res != NULL && r->verb == NULL;

	if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "DELETE") == 0 ||
	    (!plain && r->body == NULL))
		return;
	json_object_set_new(op, "requestBody", json_pack("{s:b, s:{s:{s:o}}}", "required", needs_body(r),
	    "content", "application/json", "schema", body_schema(r)));
}

/* "users", "{…example…}", or both: a row of users with more beside its columns. */
static json_t *
declared_answer(const char *answer)
{
	const char *example = strchr(answer, '{');
	char table[80];

	if (example == answer)
		return example_schema(example);
	snprintf(table, sizeof(table), "%.*s", (int)strcspn(answer, " {"), answer);
	if (example == NULL)
		return reference(table, "");
	return json_pack("{s:[o, o]}", "allOf", reference(table, ""), example_schema(example));
}

static json_t *
answer_schema(const struct route *r)
{
	if (is_list(r))
		return json_pack("{s:s, s:[s,s], s:{s:{s:s, s:o}, s:{s:[s,s]}}}", "type", "object",
		    "required", "items", "next_cursor", "properties", "items", "type", "array", "items",
		    reference(r->res->table, ""), "next_cursor", "type", "string", "null");
	if (r->answer == NULL) {
		fprintf(stderr, "%s %s says nothing of its answer\n", r->method, r->path);
		abort();
	}
	return declared_answer(r->answer);
}

static json_t *
refusal(const char *what)
{
	return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", what, "content",
	    "application/problem+json", "schema", "$ref", "#/components/schemas/problem");
}

static json_t *
responses_of(const struct route *r)
{
	int status = r->status != 0 ? r->status : 200;
	json_t *all = json_object(), *ok = json_pack("{s:s}", "description", "Done.");
	char code[8];

	if (r->answer != NULL && strchr(r->answer, '/') != NULL && strchr(r->answer, '{') == NULL)
		json_object_set_new(ok, "content", json_pack("{s:{s:{s:s}}}", r->answer, "schema", "type", "string"));
	else if (status != 204)
		json_object_set_new(ok, "content", json_pack("{s:{s:o}}", r->media_type != NULL ?
		    r->media_type : "application/json", "schema", answer_schema(r)));
	snprintf(code, sizeof(code), "%d", status);
	json_object_set_new(all, code, ok);
	if (r->flags & ROUTE_201_OR_200)
		json_object_set(all, "200", ok);
	if (r->res != NULL && strcmp(r->method, "GET") == 0 && !is_list(r))
		json_object_set_new(all, "304", json_pack("{s:s}", "description", "Not modified."));
	json_object_set_new(all, "4XX", refusal("Refused; see code."));
	json_object_set_new(all, "503", refusal("Too much at once, or the database is away; see Retry-After."));
	return all;
}

/* "post_jobs_id_submit" */
static json_t *
operation_id(const struct route *r)
{
	char id[200];
	size_t n = 0;

	for (const char *p = r->method; *p != '\0'; p++)
		id[n++] = (char)(*p | 0x20);
	for (const char *p = r->path; *p != '\0' && n < sizeof(id) - 1; p++)
		if (*p != '{' && *p != '}')
			id[n++] = *p == '/' || *p == '-' || *p == '.' ? '_' : *p;
	id[n] = '\0';
	return json_string(id);
}

static void
add_route(const struct route *r, void *arg)
{
	json_t *paths = arg, *path = json_object_get(paths, r->path), *op = json_object();
	char who[300], method[16];
	size_t i;

	if (r->flags & ROUTE_OPS) {
		json_decref(op);
		return;
	}
	if (path == NULL) {
		path = json_object();
		json_object_set_new(paths, r->path, path);
	}
	access_text(&r->access, who, sizeof(who));
	json_object_set_new(op, "operationId", operation_id(r));
	set_text(op, "summary", r->summary);
	json_object_set_new(op, "description", json_sprintf("Who may: %s.", who));
	json_object_set_new(op, "tags", json_pack("[s]", r->res != NULL ? r->res->table :
	    service_self->name));
	json_object_set_new(op, "security", r->access.who & WHO_ANYONE ? json_array() :
	    json_pack("[{s:[]}]", "bearer"));
	json_object_set_new(op, "parameters", parameters_of(r));
	add_body(op, r);
	json_object_set_new(op, "responses", responses_of(r));
	for (i = 0; i < sizeof(method) - 1 && r->method[i] != '\0'; i++)
		method[i] = (char)(r->method[i] | 0x20);
	method[i] = '\0';
	json_object_set_new(path, method, op);
}

/* ---- the document ---- */

static json_t *
problem_schema(void)
{
	return json_pack("{s:s, s:[s,s,s,s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s},"
	    " s:{s:s}, s:{s:s, s:o}, s:{s:s, s:{s:s}}, s:{s:s}}}", "type", "object", "required", "type",
	    "title", "status", "code", "properties", "type", "type", "string", "title", "type",
	    "string", "status", "type", "integer", "detail", "type", "string", "instance", "type",
	    "string", "code", "type", "string", "request_id", "type", "string", "errors", "type",
	    "array", "items", example_schema("{\"pointer\":\"…\",\"code\":\"…\",\"detail\":\"…\"}"),
	    "legal", "type", "array", "items", "type", "string", "challenge", "type", "string");
}

static json_t *
schemas_of(const struct service *svc)
{
	json_t *all = json_object();
	char name[120];

	json_object_set_new(all, "problem", problem_schema());
	for (const struct resource *const *r = svc->resources; r != NULL && *r != NULL; r++) {
		json_t *item = object_of((*r)->columns, SHAPE_ITEM);
		set_text(item, "description", (*r)->doc);
		json_object_set_new(all, (*r)->table, item);
		if ((*r)->create.who != WHO_NOBODY) {
			snprintf(name, sizeof(name), "%s_create", (*r)->table);
			json_object_set_new(all, name, object_of((*r)->columns, SHAPE_CREATE));
		}
		if ((*r)->update.who != WHO_NOBODY) {
			snprintf(name, sizeof(name), "%s_patch", (*r)->table);
			json_object_set_new(all, name, object_of((*r)->columns, SHAPE_PATCH));
		}
	}
	return all;
}

const char *
openapi_text(const struct service *svc)
{
	json_t *paths, *doc;

	if (text != NULL)
		return text;
	paths = json_object();
	dispatch_each_route(add_route, paths);
	doc = json_pack("{s:s, s:{s:o, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s, s:s}}}}", "openapi", "3.1.0",
	    "info", "title", json_sprintf("Nxtgauge %s", svc->name), "version", NXT_VERSION,
	    "description", "Printed from the tables that serve it.", "paths", paths, "components",
	    "schemas", schemas_of(svc), "securitySchemes", "bearer", "type", "http", "scheme", "bearer",
	    "bearerFormat", "JWT");
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

void
openapi_print(const struct service *svc)
{
	puts(openapi_text(svc));
}
