/*
 * JSON from strangers; see json.h. jansson parses; what it lets through or reports badly is
 * checked here: depth and number of values before it allocates anything, and error texts that
 * never repeat the input, which may hold a password.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "arena.h"
#include "error.h"

#define DOUBLE_INT_MAX 9007199254740992.0	/* 2^53 */

/* One pass without recursion: brackets and commas outside strings. */
static int
check_shape(const char *text, size_t len, struct error *e)
{
	size_t values = 1, line = 1, start = 0;
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '\n') {
			line++;
			start = i + 1;
		} else if (in_string && c == '\\') {
			i++;
		} else if (c == '"') {
			in_string = !in_string;
		} else if (in_string) {
			continue;
		} else if (c == '[' || c == '{') {
			values++;
			if (++depth > JSON_DEPTH_MAX)
				return error_set(e, ERR_BAD_JSON,
				    "nested deeper than %d levels at line %zu, column %zu",
				    JSON_DEPTH_MAX, line, i - start + 1);
		} else if (c == ']' || c == '}') {
			depth--;
		} else if (c == ',' && ++values > JSON_VALUES_MAX) {
			return error_set(e, ERR_BAD_JSON, "more than %d values at line %zu, column %zu",
			    JSON_VALUES_MAX, line, i - start + 1);
		}
	}
	return 0;
}

/* jansson's lexer takes a NUL between tokens for nothing at all. */
static int
check_no_nul(const char *text, size_t len, struct error *e)
{
	const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;

	if (nul == NULL)
		return 0;
	return error_set(e, ERR_BAD_JSON, "the character U+0000 is not allowed, at byte %zu",
	    (size_t)(nul - text) + 1);
}

const char *
json_pointer_token(struct arena *a, const char *name)
{
	struct buf b;

	if (strpbrk(name, "~/") == NULL)
		return name;
	buf_init(&b, a, 64);
	for (; *name != '\0'; name++)
		if (*name == '~' || *name == '/')
			buf_add_str(&b, *name == '~' ? "~0" : "~1");
		else
			buf_add_char(&b, *name);
	return b.text;
}

static const char *
reason_of(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input: return "the text ends too early";
	case json_error_end_of_input_expected: return "something follows after the value";
	case json_error_invalid_utf8: return "invalid UTF-8";
	case json_error_null_character: return "the character U+0000 is not allowed";
	case json_error_null_byte_in_key: return "the character U+0000 is not allowed in a key";
	case json_error_duplicate_key: return "the same key stands twice in an object";
	case json_error_numeric_overflow:
		return strstr(error->text, "integer") != NULL
		    ? "an integer beyond 64 bits" : "a number too large for a double";
	case json_error_stack_overflow: return "nested too deep";
	case json_error_invalid_syntax:
		if (strstr(error->text, "Unicode") != NULL)
			return "an escape that is no character (a lone surrogate?)";
		if (strstr(error->text, "control character") != NULL ||
		    strstr(error->text, "newline") != NULL)
			return "a control character inside a string";
		return "a syntax error";
	default: return "not valid JSON";
	}
}

static void
release(void *value)
{
	json_decref(value);
}

json_t *
json_parse_strict(struct arena *a, const char *text, size_t len, bool any, struct error *e)
{
	json_error_t error;
	json_t *value;

	if (check_shape(text, len, e) < 0 || check_no_nul(text, len, e) < 0)
		return NULL;
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (value == NULL) {
		error_set(e, ERR_BAD_JSON, "%s at line %d, column %d", reason_of(&error),
		    error.line < 1 ? 1 : error.line, error.column < 0 ? 0 : error.column);
		return NULL;
	}
	arena_own(a, value, release);
	if (!any && !json_is_object(value)) {
		error_set(e, ERR_BAD_JSON, "the body must be one JSON object");
		return NULL;
	}
	return value;
}

/* ---- merge-patch ---- */

/* A new reference. */
static json_t *
merged(const json_t *target, json_t *patch)
{
	json_t *all, *value;
	const char *key;

	if (!json_is_object(patch))
		return json_incref(patch);
	all = json_is_object(target) ? json_copy((json_t *)target) : json_object();	/* takes no const */
	json_object_foreach(patch, key, value) {
		if (json_is_null(value))
			json_object_del(all, key);
		else
			json_object_set_new(all, key, merged(json_object_get(all, key), value));
	}
	return all;
}

json_t *
json_merge_patch(struct arena *a, const json_t *target, json_t *patch)
{
	json_t *value = merged(target, patch);

	arena_own(a, value, release);
	return value;
}

/* ---- writing ---- */

/* Bytes that JSON.stringify escapes; everything else stands as it is (RFC 8785 §3.2.2.2). */
static void
write_string(struct buf *b, const char *s, size_t len)
{
	static const char escapes[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
	size_t start = 0;

	buf_add_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, s + start, i - start);
		start = i + 1;
		buf_add_char(b, '\\');
		if (c >= 0x20)
			buf_add_char(b, (char)c);
		else if (escapes[c] == 'u')
			buf_printf(b, "u%04x", c);
		else
			buf_add_char(b, escapes[c]);
	}
	buf_add(b, s + start, len - start);
	buf_add_char(b, '"');
}

/* digits × 10^exponent, read back as a double. */
static double
value_of(const char *digits, int count, int exponent)
{
	char text[48];

	snprintf(text, sizeof(text), "%.*se%d", count, digits, exponent);
	return strtod(text, NULL);
}

/* The decimal one unit above in the last place; false where that would need another digit. */
static bool
next_digits(char *digits, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		if (digits[i] != '9') {
			digits[i]++;
			return true;
		}
		digits[i] = '0';
	}
	return false;
}

/*
 * The shortest digits that read back as v > 0, as ECMAScript's Number::toString wants; *ret_point
 * is where the decimal point stands, counted from the first digit. The nearest decimal of a length
 * is tried first; above a power of two the gap is wider than below, so the next one up may fit
 * where the nearest does not.
 */
static int
shortest_digits(double v, char digits[20], int *ret_point)
{
	char text[40];

	for (int count = 1; count <= 17; count++) {
		int exponent;
		snprintf(text, sizeof(text), "%.*e", count - 1, v);
		exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
		digits[0] = text[0];
		if (count > 1)
			memcpy(digits + 1, text + 2, (size_t)count - 1);
		*ret_point = exponent + 1;
		if (value_of(digits, count, exponent - count + 1) == v ||
		    (next_digits(digits, count) && value_of(digits, count, exponent - count + 1) == v))
			return count;
	}
	abort();	/* 17 digits always do */
}

static void
write_zeros(struct buf *b, int n)
{
	while (n-- > 0)
		buf_add_char(b, '0');
}

/*
 * ECMAScript's Number::toString, as RFC 8785 §3.2.2.3 asks: numbers below 10^21 stand without an
 * exponent. Elsewhere only those that are read back, as integers of 64 bits.
 */
static void
write_real(struct buf *b, double v, bool canonical)
{
	char digits[20];
	int count, point, longest = canonical ? 21 : 18;

	if (v == 0) {
		buf_add_char(b, '0');
		return;
	}
	if (v < 0) {
		buf_add_char(b, '-');
		v = -v;
	}
	count = shortest_digits(v, digits, &point);
	if (point > 0 && point <= longest) {
		int whole = count < point ? count : point;
		buf_add(b, digits, (size_t)whole);
		write_zeros(b, point - whole);
		if (count > point) {
			buf_add_char(b, '.');
			buf_add(b, digits + point, (size_t)(count - point));
		}
	} else if (point > -6 && point <= 0) {
		buf_add(b, "0.", 2);
		write_zeros(b, -point);
		buf_add(b, digits, (size_t)count);
	} else {
		buf_add(b, digits, 1);
		if (count > 1) {
			buf_add_char(b, '.');
			buf_add(b, digits + 1, (size_t)count - 1);
		}
		buf_printf(b, "e%c%d", point > 0 ? '+' : '-', abs(point - 1));
	}
}

struct member {
	const char *key;
	size_t len;
	json_t *value;
};

/*
 * Order by UTF-16 code units. UTF-8 bytes give the order of code points; the two differ only
 * where a character beyond U+FFFF (lead byte F0…) meets one of U+E000…U+FFFF (lead EE, EF),
 * because its surrogates start at D800.
 */
static int
compare_utf16(const void *pa, const void *pb)
{
	const struct member *x = pa, *y = pb;
	size_t n = x->len < y->len ? x->len : y->len;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)x->key[i], d = (unsigned char)y->key[i];
		if (c == d)
			continue;
		if (c >= 0xf0 && d >= 0xee && d < 0xf0)
			return -1;
		if (d >= 0xf0 && c >= 0xee && c < 0xf0)
			return 1;
		return c < d ? -1 : 1;
	}
	return (x->len > y->len) - (x->len < y->len);
}

static void write_value(struct buf *b, const json_t *value, bool canonical);

static void
write_object(struct buf *b, const json_t *object, bool canonical)
{
	size_t n = 0;
	struct member *members = arena_alloc(b->arena, json_object_size(object) * sizeof(*members));
	json_t *walk = (json_t *)object;	/* jansson's iterator takes no const */

	for (void *it = json_object_iter(walk); it != NULL; it = json_object_iter_next(walk, it)) {
		members[n].key = json_object_iter_key(it);
		members[n].len = strlen(members[n].key);
		members[n++].value = json_object_iter_value(it);
	}
	if (canonical)
		qsort(members, n, sizeof(*members), compare_utf16);
	buf_add_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		write_string(b, members[i].key, members[i].len);
		buf_add_char(b, ':');
		write_value(b, members[i].value, canonical);
	}
	buf_add_char(b, '}');
}

static void
write_array(struct buf *b, const json_t *array, bool canonical)
{
	buf_add_char(b, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_add_char(b, ',');
		write_value(b, json_array_get(array, i), canonical);
	}
	buf_add_char(b, ']');
}

/* RFC 8785 knows doubles only: an integer beyond 2^53 is written as the double it becomes. */
static void
write_integer(struct buf *b, json_int_t v, bool canonical)
{
	if (canonical && (v > INT64_C(1) << 53 || v < -(INT64_C(1) << 53)))
		write_real(b, (double)v, true);
	else
		buf_add_int(b, v);
}

/* Recursion is bounded: what we write was parsed here or built by us. */
static void
write_value(struct buf *b, const json_t *value, bool canonical)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: write_object(b, value, canonical); break;
	case JSON_ARRAY: write_array(b, value, canonical); break;
	case JSON_STRING: write_string(b, json_string_value(value), json_string_length(value)); break;
	case JSON_INTEGER: write_integer(b, json_integer_value(value), canonical); break;
	case JSON_REAL: write_real(b, json_real_value(value), canonical); break;
	case JSON_TRUE: buf_add_str(b, "true"); break;
	case JSON_FALSE: buf_add_str(b, "false"); break;
	case JSON_NULL: buf_add_str(b, "null"); break;
	}
}

char *
json_canonical(struct arena *a, const json_t *value)
{
	struct buf b;

	buf_init(&b, a, 256);
	write_value(&b, value, true);
	return b.text;
}

char *
json_text(struct arena *a, const json_t *value)
{
	struct buf b;

	buf_init(&b, a, 256);
	write_value(&b, value, false);
	return b.text;
}

/* ---- UTF-8 ---- */

/* Length of the well-formed sequence at p (Unicode 15, table 3-7), 0 where there is none. */
static size_t
sequence_length(const unsigned char *p, size_t left)
{
	unsigned char c = p[0], low = 0x80, high = 0xbf;
	size_t n;

	if (c < 0x80)
		return c != 0;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (c == 0xe0)
		low = 0xa0;	/* overlong */
	else if (c == 0xed)
		high = 0x9f;	/* surrogates */
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;	/* beyond U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_is_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	while (len > 0) {
		size_t n = sequence_length(p, len);
		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

size_t
utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

bool
utf8_any(const char *s, bool (*is)(int32_t c))
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_int32_t c;

	while (*p != '\0') {
		p += utf8proc_iterate(p, -1, &c);
		if (is(c))
			return true;
	}
	return false;
}

/* ---- whole numbers ---- */

bool
json_is_whole(const json_t *value)
{
	double d = json_real_value(value);

	return json_is_integer(value) || (json_is_real(value) && fabs(d) < DOUBLE_INT_MAX && floor(d) == d);
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
json_t *
json_with_integers(json_t *value)
{
	json_t *part, *whole;
	const char *name;
	size_t i;

	if (json_is_real(value) && json_is_whole(value)) {
		whole = json_integer((json_int_t)json_real_value(value));
		json_decref(value);
		return whole;
	}
	json_array_foreach(value, i, part)
		json_array_set_new(value, i, json_with_integers(json_incref(part)));
	json_object_foreach(value, name, part)	/* replacing a member's value keeps the order */
		json_object_set_new(value, name, json_with_integers(json_incref(part)));
	return value;
}

/* ---- SHA-256, by OpenSSL for its use of the processor's SHA instructions ---- */

static EVP_MD *sha256;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		abort();
}

void
sha256_raw(const void *data, size_t len, unsigned char out[32])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch_sha256);
	if (!EVP_Digest(data, len, out, NULL, sha256, NULL))
		abort();
}

void
sha256_hex(const void *data, size_t len, char out[65])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char raw[32];

	sha256_raw(data, len, raw);
	for (int i = 0; i < 32; i++) {
		out[2 * i] = hex[raw[i] >> 4];
		out[2 * i + 1] = hex[raw[i] & 15];
	}
	out[64] = '\0';
}
