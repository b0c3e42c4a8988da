/*
 * Where PostgreSQL is: the host names of a URL as addresses, looked up on the work pool, since libpq would ask a
 * resolver on the loop's own thread and hold up everybody while that is slow. Where a name was once found it is tried
 * until a later look-up of that name finds it elsewhere. For the loop's thread only.
 */
#ifndef NXT_DB_HOST_H
#define NXT_DB_HOST_H

#include <stdbool.h>

struct db_host;

/* What libpq is told beside the URL: lists of the same length, or NULL where the URL says all. */
struct db_place {
	const char *host, *hostaddr, *port;
	unsigned turn;		/* which of several addresses is tried first */
};

/*
 * One for all pools of the same URL. done(h) is the same function for all of them, and called on the loop each time a
 * look-up has ended, whether it found something or not.
 */
struct db_host *db_host_take(const char *url, void (*done)(const struct db_host *h));
/* With the last owner it goes; a look-up that is under way ends by itself, and done is not called any more. */
void db_host_give_back(struct db_host *h);
/*
 * true: *ret_place is set, good until the next call. false: nothing is known yet, a look-up is under way. What is known
 * but no longer new is looked up again meanwhile.
 */
bool db_host_find(struct db_host *h, struct db_place *ret_place);
/* Whether there is something to try; asked by done(). */
bool db_host_is_known(const struct db_host *h);
/* The address that this turn begins with does not answer: where there are several, another is tried first from now on. */
void db_host_move_on(struct db_host *h, unsigned turn);
/* Whether that was said since that turn. */
bool db_host_moved_on(const struct db_host *h, unsigned turn);
/* Whether there is another address to move on to. */
bool db_host_has_several(const struct db_host *h);

#endif
