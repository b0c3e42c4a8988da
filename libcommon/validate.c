/* Values from strangers against declared columns; see validate.h. */
#include "validate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "clock.h"
#include "contact_scan.h"
#include "email_address.h"
#include "file_reference.h"
#include "json.h"
#include "row.h"
#include "uuid.h"
#include "validate_internal.h"

#define ARRAY_ITEMS_MAX 100
#define MONEY_MAX 1000000000000000LL	/* paise: ten lakh crore rupees, far from overflow in sums */

struct complaint
complain(struct request *rq, const char *code, const char *fmt, ...)
{
	struct complaint c = { .code = code };
	va_list ap;

	va_start(ap, fmt);
	c.detail = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	return c;
}

/* ---- limits ---- */

int64_t
column_length_min(const struct column *c)
{
	return c->min != 0 ? c->min : (c->flags & COL_REQUIRED) ? 1 : 0;
}

int64_t
column_length_max(const struct column *c)
{
	return c->max != 0 ? c->max : TEXT_MAX;
}

static bool
is_bounded(const struct column *c)
{
	return c->min != 0 || c->max != 0;
}

int64_t
column_int_min(const struct column *c)
{
	return is_bounded(c) ? c->min : c->type == COL_MONEY ? 0 : INT32_MIN;
}

int64_t
column_int_max(const struct column *c)
{
	return is_bounded(c) ? c->max : c->type == COL_MONEY ? MONEY_MAX : INT32_MAX;
}

size_t
column_items_max(const struct column *c)
{
	return c->max != 0 ? (size_t)c->max : ARRAY_ITEMS_MAX;
}

bool
column_may_be_null(const struct column *c)
{
	return !(c->flags & (COL_REQUIRED | COL_KEY)) && c->initial == NULL;
}

/* ---- values ---- */

static struct complaint
check_length(struct request *rq, const struct column *col, const char *s)
{
	int64_t max = column_length_max(col), min = column_length_min(col);
	int64_t n = (int64_t)utf8_length(s);

	if (n > max)
		return complain(rq, "too_long", "at most %lld characters", (long long)max);
	if (n < min)
		return complain(rq, "too_short", "at least %lld characters", (long long)min);
	return FINE;
}

/* All but white space of any script, joiners, and letters that show nothing; the document's NOT_BLANK lists the same. */
static bool
shows_something(int32_t c)
{
	return !((c >= '\t' && c <= '\r') || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS || c == 0xad ||
	    (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2060 || c == 0x2800 || c == 0x3164 ||
	    c == 0xfeff);
}

/*
 * Nothing that people see: it would break a line of a mail, a terminal or a table, or show a text in another
 * order than it is read (Unicode TR 36, section 2.8). Line breaks and tabs belong to what has several lines.
 */
static bool
is_control(int32_t c)
{
	return (utf8proc_category(c) == UTF8PROC_CATEGORY_CC && c != '\n' && c != '\r' && c != '\t') ||
	    (c >= 0x202a && c <= 0x202e);
}

static bool
is_control_of_line(int32_t c)
{
	return is_control(c) || c == '\n' || c == '\r' || c == '\t' || c == 0x2028 || c == 0x2029;
}

static bool
holds_control(const struct column *col, const char *s)
{
	return utf8_any(s, column_length_max(col) <= LINE_MAX_CHARS ? is_control_of_line : is_control);
}

static struct complaint
check_text(struct request *rq, const struct column *col, const char *s)
{
	struct complaint c = check_length(rq, col, s);
	const char *what;

	if (c.code != NULL)
		return c;
	if (column_length_min(col) > 0 && !utf8_any(s, shows_something))
		return complain(rq, "required", "not only white space");
	if (!(col->flags & COL_ANY_TEXT) && holds_control(col, s))
		return complain(rq, "control_character", "no line breaks or other control characters here");
	if ((col->flags & COL_NO_CONTACT) && contact_scan(s, &what))
		return complain(rq, "contact_not_allowed", "holds %s; contact details and links are not allowed here", what);
	return FINE;
}

static struct complaint
check_enum(struct request *rq, const struct column *col, const char *s)
{
	struct buf list;

	buf_init(&list, rq->arena, 128);
	for (const char *const *v = col->values; *v != NULL; v++) {
		if (strcmp(*v, s) == 0)
			return FINE;
		buf_printf(&list, "%s%s", v == col->values ? "" : ", ", *v);
	}
	return complain(rq, "not_allowed", "one of %s", list.text);
}

static struct complaint
check_email(struct request *rq, const char *s)
{
	return email_normalise(rq->arena, s) != NULL ? FINE :
	    complain(rq, "bad_email", "an address like name@example.org");
}

/* E.164: a plus and 8 to 15 digits; the plus may be missing in national form. */
static struct complaint
check_phone(struct request *rq, const char *s)
{
	size_t n;

	if (*s == '+')
		s++;
	n = strspn(s, "0123456789");
	if (n < 8 || n > 15 || s[n] != '\0')
		return complain(rq, "bad_phone", "digits with the country code, like +919876543210");
	return FINE;
}

static struct complaint
check_url(struct request *rq, const struct column *col, const char *s)
{
	struct complaint c = check_length(rq, col, s);
	const char *fault = c.code != NULL ? NULL : file_reference_fault(s);

	return fault != NULL ? complain(rq, "bad_url", "%s", fault) : c;
}

static struct complaint
check_date(struct request *rq, const char *s)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	long y, m, d;

	if (strlen(s) != 10 || strspn(s, "0123456789-") != 10 || s[4] != '-' || s[7] != '-')
		return complain(rq, "bad_date", "a date like 2026-11-30");
	y = strtol(s, NULL, 10);
	m = strtol(s + 5, NULL, 10);
	d = strtol(s + 8, NULL, 10);
	if (memchr(s, '-', 4) != NULL || s[5] == '-' || s[6] == '-' || memchr(s + 8, '-', 2) != NULL ||
	    y < 1900 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days[m - 1] ||
	    (m == 2 && d == 29 && !(y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))))
		return complain(rq, "bad_date", "a date like 2026-11-30");
	return FINE;
}

static struct complaint
check_time(struct request *rq, const char *s)
{
	char normal[CLOCK_TEXT];

	return clock_normal(s, normal) ? FINE : complain(rq, "bad_time", "a time like 2026-11-30T09:30:00Z");
}

static struct complaint
check_decimal(struct request *rq, const char *s)
{
	size_t whole = strspn(s, "0123456789"), part = 0;

	if (s[whole] == '.')
		part = strspn(s + whole + 1, "0123456789");
	if (whole < 1 || whole > 3 || part > 3 || (s[whole] == '.' && part == 0) ||
	    s[whole + (part > 0) + part] != '\0')
		return complain(rq, "bad_decimal", "a number like 18.000, at most three decimals");
	return FINE;
}

static struct complaint
check_string(struct request *rq, const struct column *col, const char *s)
{
	switch (col->type) {
	case COL_TEXT:
		return check_text(rq, col, s);
	case COL_URL:
		return check_url(rq, col, s);
	case COL_ENUM:
		return check_enum(rq, col, s);
	case COL_EMAIL:
		return check_email(rq, s);
	case COL_PHONE:
		return check_phone(rq, s);
	case COL_DATE:
		return check_date(rq, s);
	case COL_DECIMAL:
		return check_decimal(rq, s);
	case COL_UUID:
		return uuid_is_valid(s) ? FINE : complain(rq, "bad_uuid", "a UUID");
	case COL_TIME:
		return check_time(rq, s);
	default:
		abort();
	}
}

static struct complaint
check_int(struct request *rq, const struct column *col, int64_t v)
{
	int64_t max = column_int_max(col), min = column_int_min(col);

	if (v < min || v > max)
		return complain(rq, "out_of_range", "from %lld to %lld", (long long)min, (long long)max);
	return FINE;
}

static struct complaint
check_array(struct request *rq, const struct column *col, json_t *v)
{
	struct column item = { .name = col->name, .type = COL_TEXT, .flags = col->flags & COL_NO_CONTACT,
		.max = ARRAY_ITEM_MAX, .min = 1 };
	size_t i, most = column_items_max(col);
	json_t *element;

	if (!json_is_array(v))
		return complain(rq, "wrong_type", "an array of strings");
	if (json_array_size(v) > most)
		return complain(rq, "too_long", "at most %zu items", most);
	json_array_foreach(v, i, element) {
		struct complaint c;
		if (!json_is_string(element))
			return complain(rq, "wrong_type", "an array of strings; item %zu is none", i);
		c = check_text(rq, &item, json_string_value(element));
		if (c.code != NULL)
			return c;
	}
	return FINE;
}

static const char *
expected(enum column_type type)
{
	switch (type) {
	case COL_INT: return "a whole number";
	case COL_MONEY: return "a whole number of paise";
	case COL_BOOL: return "true or false";
	case COL_DECIMAL: return "a string like \"18.000\"";
	default: return "a string";
	}
}

static struct complaint
check_value(struct request *rq, const struct column *col, json_t *v)
{
	bool fits;

	if (col->type == COL_TEXT_ARRAY)
		return check_array(rq, col, v);
	if (col->type == COL_JSON)
		return check_json(rq, col, v);
	if (col->type == COL_BOOL)
		fits = json_is_boolean(v);
	else if (col->type == COL_INT || col->type == COL_MONEY)
		fits = json_is_integer(v);
	else if (col->type == COL_DECIMAL)
		fits = json_is_number(v) || json_is_string(v);
	else
		fits = json_is_string(v);
	if (!fits)
		return complain(rq, "wrong_type", "%s", expected(col->type));
	if (col->type == COL_BOOL)
		return FINE;
	if (json_is_integer(v) && col->type != COL_DECIMAL)
		return check_int(rq, col, json_integer_value(v));
	if (json_is_string(v))
		return check_string(rq, col, json_string_value(v));
	return check_decimal(rq, arena_printf(rq->arena, "%.10g", json_number_value(v)));
}

/* ---- bodies ---- */

static const struct column *
find_column(const struct column *columns, const char *name)
{
	for (; columns != NULL && columns->name != NULL; columns++)
		if (strcmp(columns->name, name) == 0)
			return columns;
	return NULL;
}

static struct complaint
check_writable(struct request *rq, const struct column *col, enum validate_mode mode)
{
	if (mode == VALIDATE_ROUTE)
		return FINE;
	if (col->flags & (COL_READONLY | COL_OWNER | COL_KEY))
		return complain(rq, "read_only", "set by the service alone");
	if (mode == VALIDATE_PATCH && (col->flags & COL_CREATE_ONLY))
		return complain(rq, "create_only", "fixed at creation");
	if ((col->flags & COL_STAFF_WRITE) && rq->route->res != NULL &&
	    !caller_has_permission(rq, rq->route->res->update.permission))
		return complain(rq, "staff_only", "only staff may set this");
	return FINE;
}

static struct complaint
check_field(struct request *rq, const struct column *columns, const char *name, json_t *v,
    enum validate_mode mode)
{
	const struct column *col = find_column(columns, name);
	struct complaint c;

	if (col == NULL || ((col->flags & COL_SECRET) && mode != VALIDATE_ROUTE))
		return complain(rq, "unknown_field", "this request has no such field");
	c = check_writable(rq, col, mode);
	if (c.code != NULL)
		return c;
	if (json_is_null(v))
		return column_may_be_null(col) ? FINE : complain(rq, "required", "may not be null");
	return check_value(rq, col, v);
}

static void
check_required(struct request *rq, const struct column *columns)
{
	for (const struct column *c = columns; c != NULL && c->name != NULL; c++)
		if ((c->flags & COL_REQUIRED) && !(c->flags & (COL_READONLY | COL_OWNER)) &&
		    c->initial == NULL && !body_has(rq, c->name))
			fail_field(rq, c->name, "required", "a value is needed");
}

/*
 * An id is compared as text from here on: with the caller's, with what the database answers. A time is one that
 * PostgreSQL takes too. NULL: there is nothing to fold.
 */
static const char *
folded(struct request *rq, const struct column *col, const char *s)
{
	char time[CLOCK_TEXT], id[UUID_TEXT];
	uint8_t raw[16];

	if (col->type == COL_TIME && clock_normal(s, time))
		return arena_strdup(rq->arena, time);
	if (col->type != COL_UUID || !uuid_parse(s, raw))
		return NULL;
	uuid_format(raw, id);
	return arena_strdup(rq->arena, id);
}

static void
fold_string(struct request *rq, const struct column *col, json_t *v)
{
	const char *s = json_is_string(v) ? folded(rq, col, json_string_value(v)) : NULL;

	if (s != NULL)
		json_string_set(v, s);
}

/* 4.0 is 4 wherever a whole number may be asked for; JSON of no declared form stays as it was sent. */
static void
fold_integers(struct request *rq, const struct column *col)
{
	json_t *v = json_object_get(rq->body, col->name);

	if (v != NULL && (col->type == COL_INT || col->type == COL_MONEY || col->schema != NULL))
		json_object_set_new(rq->body, col->name, json_with_integers(json_incref(v)));
}

int
validate_body(struct request *rq, const struct column *columns, enum validate_mode mode)
{
	const char *name;
	json_t *v;

	for (const struct column *c = columns; c != NULL && c->name != NULL; c++)
		fold_integers(rq, c);
	json_object_foreach(rq->body, name, v) {
		const struct column *col = find_column(columns, name);
		struct complaint c = check_field(rq, columns, name, v, mode);
		if (c.code != NULL)
			fail_field(rq, json_pointer_token(rq->arena, name), c.code, "%s", c.detail);
		else if (mode != VALIDATE_ROUTE || check_schema(rq, col, v) == 0)
			fold_string(rq, col, v);
	}
	if (mode != VALIDATE_PATCH)
		check_required(rq, columns);
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

static const char *
upper_trimmed(struct request *rq, const char *s)
{
	char *copy = arena_trimmed(rq->arena, s);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return copy;
}

/* A checked value as PostgreSQL's text (arrays and JSON as JSON). */
static const char *
to_text(struct request *rq, const struct column *col, json_t *v)
{
	if (json_is_null(v))
		return NULL;
	if (col->type == COL_JSON)
		return json_text(rq->arena, v);
	if (json_is_boolean(v))
		return json_is_true(v) ? "t" : "f";
	if (json_is_integer(v))
		return arena_printf(rq->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	if (json_is_real(v))
		return arena_printf(rq->arena, "%.3f", json_real_value(v));
	if (json_is_string(v) && (col->flags & COL_TO_UPPER))
		return upper_trimmed(rq, json_string_value(v));
	if (json_is_string(v) && col->type == COL_EMAIL)
		return email_normalise(rq->arena, json_string_value(v));
	if (json_is_string(v))
		return arena_strdup(rq->arena, json_string_value(v));
	return json_text(rq->arena, v);
}

int
validate_into_row(struct request *rq, struct row *row, enum validate_mode mode)
{
	const struct column *columns = row_resource(row)->columns;
	const char *name;
	json_t *v;

	if (validate_body(rq, columns, mode) < 0)
		return -1;
	json_object_foreach(rq->body, name, v) {
		const struct column *col = find_column(columns, name);
		if (mode == VALIDATE_PATCH && col->type == COL_JSON && json_is_object(v))
			validate_merge(rq, row, name, v);
		else if (check_schema(rq, col, v) == 0)
			row_put(row, name, to_text(rq, col, v));
	}
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

/* ---- query parameters ---- */

int
fail_parameter(struct request *rq, const char *param, const char *code, const char *fmt, ...)
{
	struct field_error *e = arena_alloc(rq->arena, sizeof(*e));
	va_list ap;

	va_start(ap, fmt);
	e->pointer = param;
	e->code = code;
	e->detail = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	*rq->problem.fields_tail = e;
	rq->problem.fields_tail = &e->next;
	return fail(rq, ERR_UNKNOWN_PARAMETER, "the query has parameters that are unknown or wrong");
}

static bool
is_int(const char *s, int64_t *ret_v)
{
	char *end;
	size_t n = strlen(s);

	*ret_v = strtoll(s, &end, 10);
	return n > 0 && n < 19 && *end == '\0' && (isdigit((unsigned char)s[0]) || s[0] == '-');
}

const char *
validate_filter(struct request *rq, const struct column *col, const char *param, const char *value)
{
	struct complaint c = FINE;
	int64_t v;

	if (col->type == COL_UUID && strcmp(value, "me") == 0 && rq->caller.user_id != NULL)
		return rq->caller.user_id;
	if (col->type == COL_BOOL) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			c = complain(rq, "wrong_type", "true or false");
	} else if (col->type == COL_INT || col->type == COL_MONEY) {
		if (!is_int(value, &v))
			c = complain(rq, "wrong_type", "a whole number");
		else if (col->type == COL_INT && (v > INT32_MAX || v < INT32_MIN))
			c = complain(rq, "out_of_range", "a 32-bit number");
		else if (v > QUERY_INT_MAX || v < -QUERY_INT_MAX)
			c = complain(rq, "out_of_range", "at most %lld, of either sign", QUERY_INT_MAX);
	} else if (col->type == COL_TEXT_ARRAY || col->type == COL_TEXT || col->type == COL_EMAIL ||
	    col->type == COL_PHONE || col->type == COL_URL) {
		if (utf8_length(value) > TEXT_MAX)
			c = complain(rq, "too_long", "at most %d characters", TEXT_MAX);
	} else if (col->type != COL_JSON) {
		c = check_string(rq, col, value);
	}
	if (c.code == NULL) {
		const char *plain = folded(rq, col, value);
		return plain != NULL ? plain : value;
	}
	fail_parameter(rq, param, c.code, "%s", c.detail);
	return NULL;
}

int
validate_query(struct request *rq, const struct column *columns)
{
	for (const struct query_param *p = rq->query; p != NULL; p = p->next) {
		const struct column *col = find_column(columns, p->name);
		if (col == NULL)
			fail_parameter(rq, p->name, "unknown", "no such parameter here");
		else
			validate_filter(rq, col, p->name, p->value);
	}
	for (const struct column *c = columns; c != NULL && c->name != NULL; c++)
		if ((c->flags & COL_REQUIRED) && query_get(rq, c->name) == NULL)
			fail_parameter(rq, c->name, "required", "a value is needed");
	return rq->problem.code == ERR_NONE ? 0 : -1;
}
