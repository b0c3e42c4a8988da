/*
 * Memory with three lifetimes: process (xmalloc), connection and request (arena).
 *
 * Everything a request allocates dies with its arena; nobody frees piecemeal. Out of memory
 * aborts: a daemon that cannot allocate a few kilobytes cannot promise anything else either.
 */
#ifndef NXT_ARENA_H
#define NXT_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct arena;

struct arena *arena_new(void);
/* Zeroed memory, aligned for any type, valid until arena_free or arena_reset. Never NULL. */
void *arena_alloc(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);	/* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_trimmed(struct arena *a, const char *s);	/* without the ASCII white space around it */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Hands a foreign object over: destroy(object) runs, last in first out, when the arena ends. */
void arena_own(struct arena *a, void *object, void (*destroy)(void *));
/* Ends every object and keeps the first block for reuse. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);	/* NULL is fine */

void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

/*
 * A growing string in an arena. Always NUL-terminated once something was added; `text` may move
 * at each addition.
 */
struct buf {
	struct arena *arena;
	char *text;
	size_t len, cap;
};

void buf_init(struct buf *b, struct arena *a, size_t cap);
/* Room for so many bytes more, and the NUL. */
void buf_grow(struct buf *b, size_t more);
static inline void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (b->len + len >= b->cap)
		buf_grow(b, len);
	memcpy(b->text + b->len, data, len);
	b->len += len;
	b->text[b->len] = '\0';
}
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, long long v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text as a JSON string with its quotes; the input must be valid UTF-8. NULL adds null. */
void buf_add_json(struct buf *b, const char *s);

/* Of two `const char *`, for qsort and bsearch. */
int text_compare(const void *a, const void *b);
/* Sorts, and keeps each text once; returns how many are left. */
size_t texts_sort(const char **texts, size_t n);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
