/* Time: one place, so that a turn of the loop sees one time and tests can see what is used. */
#ifndef NXT_CLOCK_H
#define NXT_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_us(void);	/* µs since 1970, UTC */
int64_t clock_mono_ms(void);	/* monotonic; for deadlines */
int64_t clock_mono_us(void);
#define CLOCK_TEXT 28
/* RFC 3339 in UTC with microseconds: 2026-11-02T09:30:00.000000Z */
void clock_format(int64_t wall_us, char out[CLOCK_TEXT]);
/* µs since 1970 from RFC 3339 (any offset) or PostgreSQL's ISO form; -1 where it is neither. */
int64_t clock_parse(const char *s);
/* A stranger's time as clock_format() writes it, since PostgreSQL takes fewer offsets and leap seconds than RFC 3339.
 * false: it is no time, or not one of the years 1970 to 9999 in UTC. */
bool clock_normal(const char *s, char out[CLOCK_TEXT]);

#endif
