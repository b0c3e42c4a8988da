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

struct db_host {
	struct arena *own, *arena;	/* of the URL; of the place */
	const char *names[HOSTS_MAX], *ports[HOSTS_MAX];
	unsigned n;
	bool by_name;			/* one at least has to be looked up */
	struct db_place place;		/* all NULL: not known yet */
	int64_t looked_ms;
	bool looking, failed, closed;
	void (*done)(void *arg);
	void *arg;
};

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
			h->by_name |= is_name(h->names[i]);
	}
	PQconninfoFree(options);
}

/* ---- the look-up ---- */

struct lookup {
	const struct db_host *host;	/* its names never change */
	struct addrinfo *found[HOSTS_MAX];
	int failure;
};

/* On the work pool. */
static void
look_up(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	int bad;

	for (unsigned i = 0; i < l->host->n; i++) {
		if (!is_name(l->host->names[i]))
			continue;
		bad = getaddrinfo(l->host->names[i], NULL, &hints, &l->found[i]);
		if (bad != 0) {
			l->found[i] = NULL;
			l->failure = bad;
		}
	}
}

struct lists {
	struct buf host, hostaddr, port;
};

static void
add_place(struct lists *l, const char *host, const char *address, const char *port)
{
	const char *comma = l->hostaddr.len + l->host.len > 0 ? "," : "";

	buf_printf(&l->host, "%s%s", comma, host);
	buf_printf(&l->hostaddr, "%s%s", comma, address);
	buf_printf(&l->port, "%s%s", comma, port);
}

static void
add_found(struct lists *l, const struct db_host *h, unsigned i, const struct addrinfo *found)
{
	char address[NI_MAXHOST];

	for (; found != NULL; found = found->ai_next)
		if (getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0,
		    NI_NUMERICHOST) == 0)
			add_place(l, h->names[i], address, h->ports[i]);
}

static void
keep(struct db_host *h, const struct lookup *found)
{
	struct arena *a = arena_new();
	struct lists l;

	buf_init(&l.host, a, 128);
	buf_init(&l.hostaddr, a, 128);
	buf_init(&l.port, a, 64);
	for (unsigned i = 0; i < h->n; i++) {
		if (found->found[i] != NULL)
			add_found(&l, h, i, found->found[i]);
		else if (!is_name(h->names[i]))
			add_place(&l, h->names[i], h->names[i][0] == '/' || h->names[i][0] == '@' ? "" :
			    h->names[i], h->ports[i]);
	}
	if (l.host.len == 0) {
		arena_free(a);
		return;
	}
	if (h->arena != NULL)
		arena_free(h->arena);
	h->arena = a;
	h->place = (struct db_place){ l.host.text, l.hostaddr.text, l.port.text };
}

static void
tell(struct db_host *h, int failure)
{
	if (failure != 0 && !h->failed)
		log_warn("PostgreSQL's host name is not known (%s)%s", gai_strerror(failure),
		    h->place.host != NULL ? "; where it was is still tried" : "");
	h->failed = failure != 0;
}

static void
destroy(struct db_host *h)
{
	if (h->arena != NULL)
		arena_free(h->arena);
	arena_free(h->own);
	free(h);
}

static void
look_up_main(void *arg)
{
	struct request *rq = request_new(NULL);
	struct db_host *h = arg;
	struct lookup l = { .host = h };

	if (work_run(rq, look_up, &l) < 0)
		l.failure = EAI_AGAIN;
	request_free(rq);
	h->looking = false;
	h->looked_ms = clock_mono_ms();
	keep(h, &l);
	for (unsigned i = 0; i < h->n; i++)
		if (l.found[i] != NULL)
			freeaddrinfo(l.found[i]);
	if (h->closed) {
		destroy(h);
		return;
	}
	tell(h, l.failure);
	h->done(h->arg);
}

/* ---- for the connections ---- */

struct db_host *
db_host_new(const char *url, void (*done)(void *arg), void *arg)
{
	struct db_host *h = xcalloc(1, sizeof(*h));

	h->own = arena_new();
	h->done = done;
	h->arg = arg;
	read_url(h, url);
	return h;
}

void
db_host_free(struct db_host *h)
{
	h->closed = true;
	if (!h->looking)
		destroy(h);
}

bool
db_host_is_known(const struct db_host *h)
{
	return !h->by_name || h->place.host != NULL;
}

bool
db_host_find(struct db_host *h, struct db_place *ret_place)
{
	bool known = h->place.host != NULL;

	if (h->by_name && !h->looking && (!known || clock_mono_ms() - h->looked_ms > FRESH_MS)) {
		h->looking = true;
		fiber_start("name of the database", look_up_main, h);
	}
	if (h->by_name && !known)
		return false;
	*ret_place = h->place;
	return true;
}
