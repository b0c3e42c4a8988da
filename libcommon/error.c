/* The catalogue of errors as data; see error.h. */
#include "error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const struct error_info catalogue[ERROR_COUNT] = {
#define X(symbol, status, code, retriable, doc) { #symbol, status, code, retriable, doc },
	ERROR_LIST(X)
#undef X
};

const struct error_info *
error_info(enum error_code code)
{
	if ((unsigned)code >= ERROR_COUNT)
		abort();
	return &catalogue[code];
}

/* The first entry of a status is the general one; the list keeps that order. */
enum error_code
error_for_status(int status)
{
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++)
		if (catalogue[i].status == status)
			return (enum error_code)i;
	return ERR_BAD_REQUEST;
}

int
error_set(struct error *e, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}
