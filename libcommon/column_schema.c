/* Columns as JSON Schema; the limits are those of validate.h, so that both say the same. See column_schema.h. */
#include "column_schema.h"

#include <stdlib.h>

#include "email_address.h"
#include "validate.h"

#define NOT_BLANK	"[^ \\t\\n\\v\\f\\r\\u00a0\\u00ad\\u1680\\u2000-\\u200f\\u2028\\u2029\\u202f\\u205f\\u2060" \
	"\\u2800\\u3000\\u3164\\ufeff]"
#define NOT_BEFORE_1900	"^(19|[2-9][0-9])"
#define NOT_BEFORE_1970	"^(19[7-9]|[2-9])"
#define LOCAL_CHAR	"[^\\x00- \\x7f<>()\\[\\],;:\\\\\"@]"
#define DOMAIN_CHAR	"[^\\x00- \\x7f<>()\\[\\],;:\\\\\"@.]"

static void
set_int(json_t *o, const char *name, int64_t v)
{
	json_object_set_new(o, name, json_integer(v));
}

static void
set_text(json_t *o, const char *name, const char *v)
{
	json_object_set_new(o, name, json_string(v));
}

static json_t *
enum_of(const struct column *c)
{
	json_t *values = json_array();

	for (const char *const *v = c->values; *v != NULL; v++)
		json_array_append_new(values, json_string(*v));
	return values;
}

static void
limit_text(json_t *s, const struct column *c)
{
	int64_t min = column_length_min(c);

	set_int(s, "maxLength", column_length_max(c));
	if (min != 0)
		set_int(s, "minLength", min);
	if (c->pattern != NULL)
		set_text(s, "pattern", c->pattern);
	else if (c->type == COL_TEXT && min > 0)
		set_text(s, "pattern", NOT_BLANK);
}

static void
limit_email(json_t *s)
{
	set_int(s, "maxLength", EMAIL_MAX);
	set_text(s, "pattern", "^" LOCAL_CHAR "{1,64}@(" DOMAIN_CHAR "+\\.)+" DOMAIN_CHAR "+$");
}

static json_t *
string_schema(const struct column *c, enum schema_use use)
{
	static const char *const formats[] = { [COL_UUID] = "uuid", [COL_TIME] = "date-time",
		[COL_DATE] = "date", [COL_EMAIL] = "email", [COL_URL] = NULL };
	json_t *s = json_pack("{s:s}", "type", "string");

	if (c->type == COL_EMAIL && use != SCHEMA_BODY)
		return s;	/* a filter takes any text; an answer holds what our own rule took, which is no one else's */
	if ((size_t)c->type < COUNT_OF(formats) && formats[c->type] != NULL)
		set_text(s, "format", formats[c->type]);
	if (c->type == COL_ENUM)
		json_object_set_new(s, "enum", enum_of(c));
	if (c->type == COL_DECIMAL)
		set_text(s, "pattern", c->pattern != NULL && use == SCHEMA_BODY ? c->pattern :
		    "^[0-9]{1,3}(\\.[0-9]{1,3})?$");
	if (c->type == COL_PHONE && use != SCHEMA_QUERY)
		set_text(s, "pattern", "^\\+?[0-9]{8,15}$");
	if (use != SCHEMA_ANSWER && c->type == COL_TIME)
		set_text(s, "pattern", NOT_BEFORE_1970);
	if (use != SCHEMA_ANSWER && c->type == COL_DATE)
		set_text(s, "pattern", NOT_BEFORE_1900);
	if (use != SCHEMA_BODY)
		return s;
	if (c->type == COL_TEXT || c->type == COL_URL)
		limit_text(s, c);
	if (c->type == COL_EMAIL)
		limit_email(s);
	return s;
}

static json_t *
int_schema(const struct column *c, enum schema_use use)
{
	json_t *s = json_pack("{s:s}", "type", "integer");

	if (c->type == COL_MONEY)
		set_text(s, "format", "int64");
	if (use == SCHEMA_QUERY) {
		set_int(s, "minimum", c->type == COL_INT ? INT32_MIN : -QUERY_INT_MAX);
		set_int(s, "maximum", c->type == COL_INT ? INT32_MAX : QUERY_INT_MAX);
	} else if (use == SCHEMA_BODY || c->min != 0 || c->max != 0 || c->type == COL_MONEY) {
		set_int(s, "minimum", column_int_min(c));
		set_int(s, "maximum", column_int_max(c));
	}
	return s;
}

static json_t *
array_schema(const struct column *c, enum schema_use use)
{
	json_t *item = json_pack("{s:s}", "type", "string"), *s;

	if (use == SCHEMA_QUERY)	/* what the array must hold */
		return item;
	s = json_pack("{s:s, s:o}", "type", "array", "items", item);
	if (use == SCHEMA_BODY) {
		set_int(item, "minLength", 1);
		set_int(item, "maxLength", ARRAY_ITEM_MAX);
		set_int(s, "maxItems", column_items_max(c));
	}
	return s;
}

static json_t *
json_kind_schema(const struct column *c)
{
	json_t *own = c->schema != NULL ? json_loads(c->schema, 0, NULL) : NULL;

	if (c->schema != NULL && own == NULL)
		abort();	/* it is a literal in a table */
	if (own != NULL)
		return own;
	if (c->flags & COL_ANY_JSON)
		return json_pack("{s:[s,s,s,s,s]}", "type", "object", "array", "string", "number", "boolean");
	if (c->flags & COL_OBJECT)
		return json_pack("{s:s}", "type", "object");
	return json_pack("{s:[s,s]}", "type", "object", "array");
}

static json_t *
value_schema(const struct column *c, enum schema_use use)
{
	switch (c->type) {
	case COL_INT:
	case COL_MONEY:
		return int_schema(c, use);
	case COL_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case COL_JSON:
		return json_kind_schema(c);
	case COL_TEXT_ARRAY:
		return array_schema(c, use);
	default:
		return string_schema(c, use);
	}
}

/* "type": "string" becomes ["string", "null"]; an enum lists null too. */
static void
allow_null(json_t *s)
{
	json_t *type = json_object_get(s, "type"), *values = json_object_get(s, "enum");

	if (json_is_string(type))
		json_object_set_new(s, "type", json_pack("[O,s]", type, "null"));
	else if (json_is_array(type))
		json_array_append_new(type, json_string("null"));
	if (values != NULL)
		json_array_append_new(values, json_null());
}

/* The caller's own id has a name of its own in a query. */
static json_t *
or_me(json_t *s)
{
	return json_pack("{s:[o, {s:s}]}", "anyOf", s, "const", "me");
}

json_t *
column_schema(const struct column *c, enum schema_use use)
{
	json_t *s = value_schema(c, use);

	if (use != SCHEMA_QUERY && column_may_be_null(c))
		allow_null(s);
	if (use == SCHEMA_QUERY && c->type == COL_UUID)
		s = or_me(s);
	if (c->doc != NULL)
		set_text(s, "description", c->doc);
	else if (c->type == COL_MONEY)
		set_text(s, "description", "In paise.");
	return s;
}
