/*
 * The operations port: /livez, /readyz[?verbose], /metrics, /version, /config. Never public.
 *
 * Ready means: the database answers, its schema is at least the one this build was made for,
 * verification keys and access projections are loaded, and nobody asked us to stop. Kafka away is
 * `degraded`: writes go on, so the answer stays 200.
 */
#ifndef NXT_OPS_H
#define NXT_OPS_H

struct error;
struct event_base;

int ops_listen(struct event_base *base, const char *host, int port, struct error *e);
int ops_port(void);
void ops_close(void);
/* The newest migration this build knows, "" where it was built without any. */
const char *ops_schema_version(void);

#endif
