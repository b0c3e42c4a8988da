/* Paths to routes: a small tree of path segments, made once at start. */
#ifndef NXT_ROUTER_H
#define NXT_ROUTER_H

#include "request.h"
#include "resource.h"

struct error;

/* -1: the route has no access rule, or another has its method and path. */
int router_add(const struct route *route, struct error *e);
/*
 * Finds the route and fills rq->route, id, param. -1 with ERR_NOT_FOUND, or ERR_METHOD_NOT_ALLOWED
 * and the Allow header's text.
 */
int router_match(struct request *rq, const char *method, const char *path);
/* The request's path as we would write it: the id in lower case, percent-encoding only where it is needed. */
const char *router_canonical_path(struct request *rq);
void router_each(void (*fn)(const struct route *route, void *arg), void *arg);

/* Percent-decoding of a path segment or (plus) a query value; NULL: malformed or not UTF-8. Arena text. */
char *url_decode(struct arena *a, const char *s, size_t n, bool plus);
char *url_encode(struct arena *a, const char *s);
/* Splits a query string; -1: malformed, or a name given twice (ERR_UNKNOWN_PARAMETER). */
int query_parse(struct request *rq, const char *query);

#endif
