/*
 * Binary one-dimensional arrays as parameters, for unnest.
 *
 * Layout: PostgreSQL src/backend/utils/adt/arrayfuncs.c, array_recv: ndim, has-null flag, element
 * type, then dimension and lower bound, then length and bytes of each element, all big-endian.
 */
#include <endian.h>
#include <stdarg.h>
#include <string.h>

#include "arena.h"
#include "db.h"
#include "uuid.h"

#define HEADER_BYTES 20
#define POSTGRES_EPOCH_US 946684800000000LL	/* 2000-01-01 */

struct db_array {
	struct buf b;
	enum db_type type;
	uint32_t count;
	bool has_null;
};

/* pg_type.dat; these never change */
static const uint32_t element_oid[] = { [DB_TEXT] = 25, [DB_UUID] = 2950, [DB_INT8] = 20,
	[DB_INT4] = 23, [DB_TIMESTAMPTZ] = 1184, [DB_JSONB] = 3802, [DB_BYTEA] = 17,
	[DB_BOOL] = 16 };

struct db_array *
db_array_new(struct arena *a, enum db_type type)
{
	static const char header[HEADER_BYTES];
	struct db_array *x = arena_alloc(a, sizeof(*x));

	buf_init(&x->b, a, 256);
	buf_add(&x->b, header, sizeof(header));
	x->type = type;
	return x;
}

static void
add_length(struct db_array *x, int32_t n)
{
	uint32_t be = htobe32((uint32_t)n);

	buf_add(&x->b, &be, sizeof(be));
	x->count++;
}

void
db_array_add_null(struct db_array *x)
{
	add_length(x, -1);
	x->has_null = true;
}

void
db_array_add_bytes(struct db_array *x, const void *p, size_t n)
{
	add_length(x, (int32_t)n);
	buf_add(&x->b, p, n);
}

void
db_array_add_text(struct db_array *x, const char *s)
{
	uint8_t id[16];

	if (s == NULL) {
		db_array_add_null(x);
	} else if (x->type == DB_UUID) {
		if (!uuid_parse(s, id))
			db_array_add_null(x);
		else
			db_array_add_bytes(x, id, sizeof(id));
	} else if (x->type == DB_JSONB) {
		add_length(x, (int32_t)strlen(s) + 1);
		buf_add_char(&x->b, 1);		/* version of jsonb's wire form */
		buf_add_str(&x->b, s);
	} else {
		db_array_add_bytes(x, s, strlen(s));
	}
}

void
db_array_add_int(struct db_array *x, int64_t v)
{
	uint64_t be8;
	uint32_t be4 = htobe32((uint32_t)v);
	uint8_t truth = v != 0;

	if (x->type == DB_TIMESTAMPTZ)
		v -= POSTGRES_EPOCH_US;
	be8 = htobe64((uint64_t)v);
	if (x->type == DB_BOOL)
		db_array_add_bytes(x, &truth, sizeof(truth));
	else if (x->type == DB_INT4)
		db_array_add_bytes(x, &be4, sizeof(be4));
	else
		db_array_add_bytes(x, &be8, sizeof(be8));
}

static void
seal(struct db_array *x)
{
	uint32_t header[] = { htobe32(x->count > 0), htobe32(x->has_null),
		htobe32(element_oid[x->type]), htobe32(x->count), htobe32(1) };

	memcpy(x->b.text, header, sizeof(header));
}

const struct db_params *
db_arrays_of(struct arena *a, int n, struct db_array *const *arrays)
{
	struct db_params *p = arena_alloc(a, sizeof(*p));
	const char **values = arena_alloc(a, (size_t)n * sizeof(*values));
	int *lengths = arena_alloc(a, (size_t)n * sizeof(*lengths));
	int *formats = arena_alloc(a, (size_t)n * sizeof(*formats));

	for (int i = 0; i < n; i++) {
		struct db_array *x = arrays[i];
		seal(x);
		values[i] = x->b.text;
		lengths[i] = (int)(x->count > 0 ? x->b.len : 12);	/* an empty array has no dimension */
		formats[i] = 1;
	}
	*p = (struct db_params){ .n = n, .values = values, .lengths = lengths, .formats = formats };
	return p;
}

const struct db_params *
db_arrays(struct arena *a, int n, ...)
{
	struct db_array **arrays = arena_alloc(a, (size_t)n * sizeof(*arrays));
	va_list ap;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		arrays[i] = va_arg(ap, struct db_array *);
	va_end(ap);
	return db_arrays_of(a, n, arrays);
}

const char *
db_text_array(struct arena *a, const char *const *items, size_t n)
{
	struct buf b;

	buf_init(&b, a, 64);
	buf_add_char(&b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_char(&b, '"');
		for (const char *s = items[i]; *s != '\0'; s++) {
			if (*s == '"' || *s == '\\')
				buf_add_char(&b, '\\');
			buf_add_char(&b, *s);
		}
		buf_add_char(&b, '"');
	}
	buf_add_char(&b, '}');
	return b.text;
}
