/* What the fuzzers share: input as text, and promises whose breaking is a finding. */
#ifndef NXT_FUZZ_H
#define NXT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Not assert(): it must hold in every build. */
#define hold(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

/* The input up to `end`, `end` excluded; moves on behind it. All of it where there is no `end`. */
static inline char *
take_until(struct arena *a, const uint8_t **data, size_t *len, uint8_t end, size_t *ret_len)
{
	const uint8_t *p = *len > 0 ? memchr(*data, end, *len) : NULL;
	size_t n = p != NULL ? (size_t)(p - *data) : *len;
	char *text = arena_strndup(a, (const char *)*data, n);

	text[n] = '\0';
	*data += n + (p != NULL);
	*len -= n + (p != NULL);
	if (ret_len != NULL)
		*ret_len = n;
	return text;
}

/* A refusal says something that can stand in an answer. */
static inline void
hold_refusal(const struct error *e, enum error_code code)
{
	hold(e->code == code);
	hold(e->text[0] != '\0' && utf8_is_valid(e->text, strlen(e->text)));
}

#endif
