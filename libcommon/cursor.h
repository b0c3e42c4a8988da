/*
 * Keyset cursors: opaque, signed (HMAC-SHA256 with CURSOR_KEY), bound to path, filter and sort.
 */
#ifndef NXT_CURSOR_H
#define NXT_CURSOR_H

#include <stddef.h>

struct arena;
struct error;

#define CURSOR_TEXT_MAX 2048

/*
 * `scope` is whatever the cursor must be used with again: method, path, caller, filters, sort.
 * NULL where the keys (valid UTF-8 or NULL) are together longer than about 1,400 bytes.
 */
char *cursor_make(struct arena *a, const char *scope, const char *const *keys, size_t nkeys);
/* The keys of a cursor made with the same scope; -1: tampered, foreign or malformed (ERR_BAD_CURSOR). Keys may be NULL. */
int cursor_read(struct arena *a, const char *scope, const char *cursor, const char **ret_keys,
    size_t nkeys, struct error *e);
/* The secret as configured; "" makes one that ends with the process. Before the first cursor. */
void cursor_init(const char *key);

#endif
