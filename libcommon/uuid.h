/* UUIDs: version 7 (RFC 9562) for every id we make, version 5 where an id must be derived. */
#ifndef NXT_UUID_H
#define NXT_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define UUID_TEXT 37	/* 36 characters and the NUL */

/* A fresh UUIDv7, lower case; strictly increasing within the process, also within one ms and when the clock steps back. */
void uuid_v7(char out[UUID_TEXT]);
char *uuid_new(struct arena *a);
/* Random bytes for ids, fetched in bulk; not for secrets. */
void uuid_random(void *out, size_t n);
/* UUIDv5 of `name` in namespace `ns` (a UUID in text). */
void uuid_v5(const char *ns, const char *name, char out[UUID_TEXT]);
bool uuid_is_valid(const char *s);	/* canonical 8-4-4-4-12 hex, either case */
bool uuid_parse(const char *s, uint8_t out[16]);
void uuid_format(const uint8_t in[16], char out[UUID_TEXT]);
int64_t uuid_v7_ms(const uint8_t in[16]);	/* ms since 1970 in a version 7, else -1 */

#endif
