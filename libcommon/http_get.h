/*
 * One GET, without libcurl where it can be: loading TLS for a key set fetched inside a cluster
 * doubles the memory of an idle daemon.
 */
#ifndef NXT_HTTP_GET_H
#define NXT_HTTP_GET_H

#include <stddef.h>

struct arena;
struct error;
struct event_base;

void http_get_init(struct event_base *base);
/*
 * The body of at most `max` bytes of a 200 answer, parking the fiber for at most timeout_ms.
 * http:// by a bufferevent and llhttp, https:// by libcurl. NULL: e has the reason, without the
 * URL. Follows no redirect.
 */
char *http_get(struct arena *a, const char *url, size_t max, int timeout_ms, struct error *e);

#endif
