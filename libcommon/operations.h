/* What a resource does over HTTP without a line of its own: the handlers behind its routes. */
#ifndef NXT_OPERATIONS_H
#define NXT_OPERATIONS_H

#include "resource.h"

/* Calls add for every route that the resource's declaration makes; the routes live for ever. */
int operations_declare(const struct resource *res, const struct resource *const *all,
    int (*add)(const struct route *route, void *arg), void *arg);
/* An answer to GET becomes 304 where If-None-Match names its ETag; returns 0. */
int operations_not_modified(struct request *rq);
/*
 * For a handler of its own, with ROUTE_IF_MATCH: where If-Match is sent it must name etag (strongly,
 * quotes included); NULL: nothing is there yet, which no If-Match fits. -1: ERR_STALE_ETAG, or ERR_BAD_REQUEST
 * where it is no list of ETags.
 */
int operations_if_match(struct request *rq, const char *etag);

#endif
