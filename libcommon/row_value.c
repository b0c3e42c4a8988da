/*
 * When are two texts of a column one value? What came in a request and what PostgreSQL gives back
 * are spelled differently: times, JSON, decimals.
 */
#include <jansson.h>
#include <string.h>

#include "clock.h"
#include "row.h"

static bool
same_json(const char *a, const char *b)
{
	json_t *x = json_loads(a, JSON_DECODE_ANY, NULL), *y = json_loads(b, JSON_DECODE_ANY, NULL);
	bool same = x != NULL && y != NULL && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

/* "18", "18.0" and "18.000" are as long as "18". */
static size_t
decimal_length(const char *s)
{
	size_t n = strlen(s);

	if (memchr(s, '.', n) == NULL)
		return n;
	while (s[n - 1] == '0')
		n--;
	return s[n - 1] == '.' ? n - 1 : n;
}

bool
row_value_same(const struct column *col, const char *a, const char *b)
{
	int64_t time;

	if (a == NULL || b == NULL)
		return a == b;
	if (strcmp(a, b) == 0)
		return true;
	switch (col->type) {
	case COL_TIME:
		time = clock_parse(a);
		return time >= 0 && time == clock_parse(b);
	case COL_JSON:
	case COL_TEXT_ARRAY:
		return same_json(a, b);
	case COL_DECIMAL:
		return decimal_length(a) == decimal_length(b) &&
		    strncmp(a, b, decimal_length(a)) == 0;
	default:
		return false;
	}
}

const char *
row_value_shown(struct request *rq, const struct column *col, const char *text)
{
	int64_t time = col->type == COL_TIME && text != NULL ? clock_parse(text) : -1;
	char *rfc;

	if (time < 0)
		return text;
	rfc = arena_alloc(rq->arena, CLOCK_TEXT);
	clock_format(time, rfc);
	return rfc;
}
