/* RFC 9457 problem+json from what a unit was refused with. */
#ifndef NXT_PROBLEM_H
#define NXT_PROBLEM_H

#include "error.h"

struct buf;
struct request;

/*
 * Appends the document: type (/errors#code), title, status, detail, instance (the path), code,
 * request_id, errors[], legal[]. Never SQL, paths or stacks.
 */
void problem_render(struct buf *out, const struct request *rq);
/* The same where there is no request: the server's own refusals. */
void problem_render_bare(struct buf *out, enum error_code code, const char *detail,
    const char *instance, const char *request_id);
void errors_print(void);	/* --errors */

#endif
