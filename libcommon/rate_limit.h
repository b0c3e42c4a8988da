/*
 * How often one network may call the routes marked ROUTE_LIMITED: sign-in, tokens, messages.
 *
 * A bucket per network and route, whoever is signed in, in this process alone: it bounds what a stranger
 * can make one replica do, and no honest person meets it. Guessing passwords is slowed down by identity,
 * in its tables, for all replicas.
 */
#ifndef NXT_RATE_LIMIT_H
#define NXT_RATE_LIMIT_H

struct request;

/*
 * Takes one call from the caller's bucket and sets the RateLimit header (draft-ietf-httpapi-
 * ratelimit-headers) for the answer. -1: empty, ERR_TOO_MANY_REQUESTS with Retry-After.
 */
int rate_limit_take(struct request *rq);
/*
 * What stands for the caller's address in a count: an IPv4 address itself, of IPv6 the /64, since
 * whoever has one address there has them all. "" where the address is unknown.
 */
const char *rate_limit_network(struct request *rq);

#endif
