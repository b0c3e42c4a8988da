/* The operations port: /livez, /readyz[?verbose], /metrics, /version, /config. */
#ifndef NXT_OPS_H
#define NXT_OPS_H

struct error;
struct event_base;

int ops_listen(struct event_base *base, const char *host, int port, struct error *e);

#endif
