/* What a daemon declares, printed: --routes, --permissions, --transitions, --events, --topics, --openapi. */
#ifndef NXT_PRINT_H
#define NXT_PRINT_H

#include <stdbool.h>

#include "service.h"

/* Handles a `--word` that prints a table; false: it is none of them. */
bool print_table(const struct service *svc, const char *word);
/* "owner or jobs.close; approver", for people. */
void access_text(const struct access *access, char *out, unsigned n);

#endif
