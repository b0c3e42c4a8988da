/* The addresses of PostgreSQL; see db_host.h. */
#include "db_host.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "fiber.h"
#include "log.h"
#include "request.h"
#include "work.h"

#define FRESH_MS 5000
#define HOSTS_MAX 16
#define SPOTS_MAX 64	/* addresses of all of them */

struct db_host {
	char *url;
	unsigned owners;		/* 0: goes as soon as its look-up has ended */
	struct arena *own, *arena;	/* of the URL; of the place */
	const char *names[HOSTS_MAX], *ports[HOSTS_MAX];
	bool by_name[HOSTS_MAX];	/* to be looked up */
	struct addrinfo *known[HOSTS_MAX];	/* what the last look-up that found the name gave */
	unsigned n;
	struct db_place place;		/* all NULL: not known yet, or the URL says all */
	bool several;			/* addresses are in it */
	int64_t looked_ms;
	bool looking, failed;
	void (*done)(const struct db_host *h);
	struct db_host *next;
};

static struct db_host *hosts;	/* all that have an owner */

/* ---- the URL ---- */

/* Splits a list at its commas into at most HOSTS_MAX parts. */
static unsigned
split(struct arena *a, const char *list, const char **ret_parts)
{
	unsigned n = 0;

	for (const char *p = list; p != NULL && n < HOSTS_MAX; p = strchr(p, ','), p += p != NULL)
		ret_parts[n++] = arena_strndup(a, p, strcspn(p, ","));
	return n;
}

/* A folder of sockets and an address are none. */
static bool
is_name(const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found = NULL;

	if (host[0] == '\0' || host[0] == '/' || host[0] == '@')
		return false;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return true;
	freeaddrinfo(found);
	return false;
}

static const char *
option(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

static void
read_url(struct db_host *h, const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	unsigned nports;

	if (options == NULL)
		return;		/* libpq says what is wrong with it */
	if (option(options, "hostaddr") == NULL && option(options, "host") != NULL) {
		h->n = split(h->own, option(options, "host"), h->names);
		nports = split(h->own, option(options, "port"), h->ports);
		for (unsigned i = nports; i < h->n; i++)
			h->ports[i] = nports == 0 ? "" : h->ports[0];
		for (unsigned i = 0; i < h->n; i++)
			h->by_name[i] = is_name(h->names[i]);
	}
	PQconninfoFree(options);
}

static bool
needs_look_up(const struct db_host *h)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->by_name[i])
			return true;
	return false;
}

/* ---- the look-up ---- */

/* Of its own memory alone: it may go on when the daemon has ended. */
struct lookup {
	unsigned n;
	char *names[HOSTS_MAX];		/* NULL: needs none */
	struct addrinfo *found[HOSTS_MAX];
	int failures[HOSTS_MAX];
};

/* On the work pool. */
static void
look_up(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };

	for (unsigned i = 0; i < l->n; i++) {
		if (l->names[i] == NULL)
			continue;
		l->failures[i] = getaddrinfo(l->names[i], NULL, &hints, &l->found[i]);
		if (l->failures[i] != 0)
			l->found[i] = NULL;
	}
}

static struct lookup *
lookup_new(const struct db_host *h)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->n = h->n;
	for (unsigned i = 0; i < h->n; i++)
		l->names[i] = h->by_name[i] ? xstrdup(h->names[i]) : NULL;
	return l;
}

static void
lookup_free(struct lookup *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->names[i]);
		if (l->found[i] != NULL)
			freeaddrinfo(l->found[i]);
	}
	free(l);
}

struct spot {
	const char *host, *address, *port;
};
struct spots {
	struct arena *arena;
	struct spot at[SPOTS_MAX];
	unsigned n;
};

static void
add_spot(struct spots *spots, const char *host, const char *address, const char *port)
{
	if (spots->n < SPOTS_MAX)
		spots->at[spots->n++] = (struct spot){ host, arena_strdup(spots->arena, address), port };
}

static void
add_found(struct spots *spots, const struct db_host *h, unsigned i, const struct addrinfo *found)
{
	char address[NI_MAXHOST];

	for (; found != NULL; found = found->ai_next)
		if (getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0,
		    NI_NUMERICHOST) == 0)
			add_spot(spots, h->names[i], address, h->ports[i]);
}

static void
find_spots(const struct db_host *h, struct spots *spots)
{
	for (unsigned i = 0; i < h->n; i++) {
		const char *name = h->names[i];

		if (h->by_name[i])
			add_found(spots, h, i, h->known[i]);
		else
			add_spot(spots, name, name[0] == '/' || name[0] == '@' ? "" : name, h->ports[i]);
	}
}

/* The address of this turn first, and the others in their order. */
static struct db_place
join(const struct spots *spots, unsigned turn)
{
	struct buf host, address, port;

	buf_init(&host, spots->arena, 128);
	buf_init(&address, spots->arena, 128);
	buf_init(&port, spots->arena, 64);
	for (unsigned i = 0; i < spots->n; i++) {
		const struct spot *spot = &spots->at[(turn + i) % spots->n];
		const char *comma = i > 0 ? "," : "";

		buf_printf(&host, "%s%s", comma, spot->host);
		buf_printf(&address, "%s%s", comma, spot->address);
		buf_printf(&port, "%s%s", comma, spot->port);
	}
	return (struct db_place){ host.text, address.text, port.text, turn };
}

static void
make_place(struct db_host *h)
{
	struct spots spots = { .arena = arena_new() };

	find_spots(h, &spots);
	if (spots.n == 0) {
		arena_free(spots.arena);
		return;
	}
	if (h->arena != NULL)
		arena_free(h->arena);
	h->arena = spots.arena;
	h->several = spots.n > 1;
	h->place = join(&spots, h->place.turn);
}

/* A name that was not found this time stays where it was. */
static void
keep(struct db_host *h, struct lookup *l)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (l->found[i] == NULL)
			continue;
		if (h->known[i] != NULL)
			freeaddrinfo(h->known[i]);
		h->known[i] = l->found[i];
		l->found[i] = NULL;
	}
	make_place(h);
}

/* Once, until all are found again. */
static void
tell(struct db_host *h, const struct lookup *l)
{
	bool failed = false;

	for (unsigned i = 0; i < h->n; i++) {
		if (l->failures[i] == 0)
			continue;
		failed = true;
		if (!h->failed)
			log_warn("PostgreSQL's host name %s is not known (%s)%s", h->names[i],
			    gai_strerror(l->failures[i]), h->known[i] != NULL ? "; where it was is still tried" : "");
	}
	h->failed = failed;
}

static void
destroy(struct db_host *h)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->known[i] != NULL)
			freeaddrinfo(h->known[i]);
	if (h->arena != NULL)
		arena_free(h->arena);
	arena_free(h->own);
	free(h->url);
	free(h);
}

/* Where the work pool is full nothing was looked up, and nothing is known of the name: the next to ask tries again. */
static void
look_up_main(void *arg)
{
	struct request *rq = request_new(NULL);
	struct db_host *h = arg;
	struct lookup *l = lookup_new(h);

	if (work_run_blocking(rq, look_up, l) == 0) {
		h->looked_ms = clock_mono_ms();
		keep(h, l);
		tell(h, l);
	}
	request_free(rq);
	lookup_free(l);
	h->looking = false;
	if (h->owners == 0)
		destroy(h);
	else
		h->done(h);
}

/* ---- for the connections ---- */

struct db_host *
db_host_take(const char *url, void (*done)(const struct db_host *h))
{
	struct db_host *h = hosts;

	while (h != NULL && strcmp(h->url, url) != 0)
		h = h->next;
	if (h == NULL) {
		h = xcalloc(1, sizeof(*h));
		h->url = xstrdup(url);
		h->own = arena_new();
		read_url(h, url);
		if (h->n > 1 && !needs_look_up(h))
			make_place(h);
		h->next = hosts;
		hosts = h;
	}
	h->done = done;
	h->owners++;
	return h;
}

void
db_host_give_back(struct db_host *h)
{
	if (--h->owners > 0)
		return;
	for (struct db_host **p = &hosts; *p != NULL; p = &(*p)->next)
		if (*p == h) {
			*p = h->next;
			break;
		}
	if (!h->looking)
		destroy(h);
}

bool
db_host_is_known(const struct db_host *h)
{
	return !needs_look_up(h) || h->place.host != NULL;
}

bool
db_host_find(struct db_host *h, struct db_place *ret_place)
{
	bool known = h->place.host != NULL, by_name = needs_look_up(h);

	if (by_name && !h->looking && (!known || clock_mono_ms() - h->looked_ms > FRESH_MS)) {
		h->looking = true;
		fiber_start("name of the database", look_up_main, h);
	}
	if (by_name && !known)
		return false;
	*ret_place = h->place;
	return true;
}

void
db_host_move_on(struct db_host *h, unsigned turn)
{
	if (!h->several || h->place.turn != turn)
		return;		/* another connection has moved it on already */
	h->place.turn++;
	make_place(h);
}

bool
db_host_moved_on(const struct db_host *h, unsigned turn)
{
	return h->place.turn != turn;
}

bool
db_host_has_several(const struct db_host *h)
{
	return h->several;
}
