/* What a resource does over HTTP without a line of its own: the handlers behind its routes. */
#ifndef NXT_OPERATIONS_H
#define NXT_OPERATIONS_H

#include "resource.h"

/* Calls add for every route that the resource's declaration makes; the routes live for ever. */
int operations_declare(const struct resource *res, const struct resource *const *all,
    int (*add)(const struct route *route, void *arg), void *arg);

#endif
