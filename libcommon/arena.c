/* Memory with three lifetimes; see arena.h. Blocks double in size up to 64 KiB. */
#include "arena.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096
#define LARGEST_BLOCK (64 * 1024)
#define ALIGNMENT 16

struct block {
	struct block *next;
	size_t size, used;	/* of the bytes after this header */
	_Alignas(ALIGNMENT) char bytes[];
};

struct owned {
	void *object;
	void (*destroy)(void *);
	struct owned *next;
};

struct arena {
	struct block *head;	/* newest first; the last is the first block, kept by reset */
	struct owned *owned;
};

static void
out_of_memory(void)
{
	fputs("{\"level\":\"error\",\"msg\":\"out of memory\"}\n", stderr);
	abort();
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (q == NULL)
		out_of_memory();
	return q;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

static struct block *
block_new(size_t size)
{
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	return b;
}

struct arena *
arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->head = block_new(FIRST_BLOCK - sizeof(struct block));
	return a;
}

static void *
take(struct block *b, size_t n)
{
	void *p = b->bytes + b->used;

	b->used += n;
	return p;
}

static void *
alloc_raw(struct arena *a, size_t n)
{
	struct block *b = a->head;
	size_t size;

	n = (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (n <= b->size - b->used)
		return take(b, n);
	size = (b->size + sizeof(*b)) * 2;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	size -= sizeof(*b);
	b = block_new(n > size ? n : size);
	b->next = a->head;
	a->head = b;
	return take(b, n);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	return memset(alloc_raw(a, n ? n : 1), 0, n);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = alloc_raw(a, n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
arena_trimmed(struct arena *a, const char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	return arena_strndup(a, s, n);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0)
		abort();
	if ((size_t)n < sizeof(small)) {
		text = arena_strndup(a, small, (size_t)n);
	} else {
		text = alloc_raw(a, (size_t)n + 1);
		vsnprintf(text, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	return text;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

void
arena_own(struct arena *a, void *object, void (*destroy)(void *))
{
	struct owned *o = arena_alloc(a, sizeof(*o));

	o->object = object;
	o->destroy = destroy;
	o->next = a->owned;
	a->owned = o;
}

void
arena_reset(struct arena *a)
{
	struct block *b;

	for (struct owned *o = a->owned; o != NULL; o = o->next)
		o->destroy(o->object);
	a->owned = NULL;
	while ((b = a->head)->next != NULL) {
		a->head = b->next;
		free(b);
	}
	a->head->used = 0;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->head);
	free(a);
}

void
buf_init(struct buf *b, struct arena *a, size_t cap)
{
	b->arena = a;
	b->cap = cap < 64 ? 64 : cap;
	b->text = alloc_raw(a, b->cap);
	b->text[0] = '\0';
	b->len = 0;
}

void
buf_grow(struct buf *b, size_t more)
{
	char *text;

	if (b->len + more + 1 <= b->cap)
		return;
	do
		b->cap *= 2;
	while (b->len + more + 1 > b->cap);
	text = alloc_raw(b->arena, b->cap);
	memcpy(text, b->text, b->len + 1);
	b->text = text;
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_add_int(struct buf *b, long long v)
{
	char digits[24], *p = digits + sizeof(digits);
	unsigned long long u = v < 0 ? -(unsigned long long)v : (unsigned long long)v;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
	} else {
		buf_grow(b, (size_t)n);
		vsnprintf(b->text + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

static void
add_escaped(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	switch (c) {
	case '"': buf_add(b, "\\\"", 2); break;
	case '\\': buf_add(b, "\\\\", 2); break;
	case '\n': buf_add(b, "\\n", 2); break;
	case '\r': buf_add(b, "\\r", 2); break;
	case '\t': buf_add(b, "\\t", 2); break;
	default: buf_add(b, u, sizeof(u));
	}
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* What needs no escape, which is nearly everything, goes in one piece. */
void
buf_add_json(struct buf *b, const char *s)
{
	size_t n = 0;

	if (s == NULL) {
		buf_add(b, "null", 4);
		return;
	}
	buf_add_char(b, '"');
	for (;; s += n + 1) {
		for (n = 0; is_plain((unsigned char)s[n]); n++)
			;
		buf_grow(b, n + 1);
		buf_add(b, s, n);
		if (s[n] == '\0')
			break;
		add_escaped(b, (unsigned char)s[n]);
	}
	buf_add_char(b, '"');
}

/* ---- lists of texts ---- */

int
text_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t
texts_sort(const char **texts, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(texts, n, sizeof(*texts), text_compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0)
			texts[kept++] = texts[i];
	return kept;
}
