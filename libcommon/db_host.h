/*
 * Where PostgreSQL is: the host names of a URL as addresses, looked up on the work pool, since libpq would ask a
 * resolver on the loop's own thread and hold up everybody while that is slow. What was once known stays in use while
 * nobody knows better. For the loop's thread only.
 */
#ifndef NXT_DB_HOST_H
#define NXT_DB_HOST_H

#include <stdbool.h>

struct db_host;

/* What libpq is told beside the URL: lists of the same length, or NULL where the URL says all. */
struct db_place {
	const char *host, *hostaddr, *port;
};

/* done(arg) is called on the loop each time a look-up has ended, whether it found something or not. */
struct db_host *db_host_new(const char *url, void (*done)(void *arg), void *arg);
/* A look-up that is under way ends by itself; done is not called any more. */
void db_host_free(struct db_host *h);
/*
 * true: *ret_place is set, good until the next call. false: nothing is known yet, a look-up is under way. What is known
 * but no longer new is looked up again meanwhile.
 */
bool db_host_find(struct db_host *h, struct db_place *ret_place);
/* Whether there is something to try; asked by done(). */
bool db_host_is_known(const struct db_host *h);

#endif
