/*
 * A daemon's life: declare, connect, serve, drain. See service.h and architecture.md §7.
 *
 * One thread, one loop. A turn is: what became readable or due, then every fiber that can run,
 * then what they queued for PostgreSQL is sent.
 */
#include "service.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auth.h"
#include "clock.h"
#include "clocks.h"
#include "consumer.h"
#include "cursor.h"
#include "db.h"
#include "dispatch.h"
#include "fiber.h"
#include "footprint.h"
#include "log.h"
#include "metrics.h"
#include "ops.h"
#include "print.h"
#include "relay.h"
#include "republish.h"
#include "trace.h"
#include "uuid.h"
#include "work.h"

#define SLOW_TURN_MS 50
#define READ_DEPTH 64		/* statements in flight per shared connection before a Sync */
#define LEASE_WAITERS (DISPATCH_IN_FLIGHT_MAX / 2)	/* the other half is for reads, while transactions hang */
#define BUS_WAIT_MS 250		/* at most, for what callers wait for */
#define SETTLED_MS 5000		/* after a start or a burst, before what only that needed is given back */
#define WORK_QUEUE 256
#define IDLE_IN_TRANSACTION_MS "10000"
#define STATEMENT_TIMEOUT_MS "15000"

const struct service *service_self;

/*
 * libpq brings libldap, and that GnuTLS, whose self tests at load time cost 1 MB of memory. Nothing
 * here uses it; this name, known to GnuTLS, tells it to wait until something does.
 */
int _gnutls_global_init_skip(void);
int
_gnutls_global_init_skip(void)
{
	return 1;
}

static struct {
	struct event_base *base;
	struct db *db;
	bool stopping, ended;
	int exit_status;
	int argc;
	char **argv;
} self;

struct db *
service_db(void)
{
	return self.db;
}

struct event_base *
service_base(void)
{
	return self.base;
}

bool
service_stopping(void)
{
	return self.stopping;
}

void
service_spawn(const char *name, void (*fn)(void *arg), void *arg)
{
	fiber_start(name, fn, arg);
}

bool
service_has_role(const char *role)
{
	const char *roles = config_text("ROLES"), *at = strstr(roles, role);
	size_t n = strlen(role);

	return at != NULL && (at == roles || at[-1] == ',') && (at[n] == ',' || at[n] == '\0');
}

/* ---- the loop ---- */

static void
turn(void)
{
	int64_t began, took;

	event_base_loop(self.base, EVLOOP_ONCE);
	began = clock_mono_ms();
	fiber_run_ready();
	db_flush_turn();
	took = clock_mono_ms() - began;
	if (took <= SLOW_TURN_MS)
		return;
	metric_add(M_LOOP_SLOW, 1);
	log_warn("a turn of the loop took %lld ms: something blocks it", (long long)took);
}

static void
run_loop(void)
{
	fiber_run_ready();
	db_flush_turn();
	while (!self.ended)
		turn();
}

/* ---- stop ---- */

static void
drain(void *arg)
{
	int64_t until = clock_mono_ms() + config_int("DRAIN_MS");

	(void)arg;
	log_info("draining");
	if (service_has_role("api")) {
		dispatch_retire();
		fiber_sleep((int)config_int("LINGER_MS"));
		dispatch_drain();
	}
	while (dispatch_connections() > 0 && clock_mono_ms() < until)
		fiber_sleep(10);
	if (service_has_role("consumer"))
		consumer_stop(5000);
	if (service_self->stop != NULL)
		service_self->stop();
	if (service_has_role("relay"))
		relay_stop(5000);
	db_finish(self.db, 5000);	/* the follower or a clock may be asking */
	log_info("stopped");
	self.ended = true;
}

static void
on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	(void)signal_number;
	(void)what;
	(void)arg;
	if (self.stopping)
		_exit(1);	/* asked twice */
	self.stopping = true;
	fiber_start("drain", drain, NULL);
}

static void
catch_signals(void)
{
	static const int caught[] = { SIGTERM, SIGINT };

	signal(SIGPIPE, SIG_IGN);
	log_crashes();
	for (size_t i = 0; i < COUNT_OF(caught); i++)
		evsignal_add(evsignal_new(self.base, caught[i], on_signal, NULL), NULL);
}

/* ---- start ---- */

static enum log_level
log_level_of(const char *word)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };

	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum log_level)i;
	return LOG_L_INFO;
}

/*
 * A statement is planned once per connection, perhaps while its table was new and small: reading it
 * whole looks cheap then, and would stay the plan while it grows. So only where there is no index.
 */
#define PLANNER "-c enable_seqscan=off -c jit=off "

static void
open_database(void)
{
	struct db_limits limits = {
		.readers = (unsigned)config_int("DB_READERS"),
		.writers = (unsigned)config_int("DB_WRITERS"),
		.depth = READ_DEPTH,
		.waiters = LEASE_WAITERS,
	};
	char name[64];

	snprintf(name, sizeof(name), "nxt-%s", service_self->name);
	self.db = db_open(self.base, config_text("DATABASE_URL"), name,
	    PLANNER "-c timezone=UTC -c datestyle=ISO -c statement_timeout=" STATEMENT_TIMEOUT_MS
	    " -c idle_in_transaction_session_timeout=" IDLE_IN_TRANSACTION_MS, &limits);
}

static void
prepare(void)
{
	footprint_init();
	self.base = event_base_new();
	if (self.base == NULL || event_base_priority_init(self.base, 2) < 0)
		abort();	/* 0, before 1: PostgreSQL's answers and ours; see REQUESTS_A_TURN */
	fiber_init(self.base);
	work_init(self.base, (unsigned)config_int("WORK_THREADS"), WORK_QUEUE);
	open_database();
}

/* host:port, or the default port of this service where the option is empty. */
static void
listen_address(const char *option, int fallback, char host[128], int *ret_port)
{
	const char *text = config_text(option), *colon = strrchr(text, ':');

	snprintf(host, 128, "127.0.0.1");
	*ret_port = fallback;
	if (colon == NULL)
		return;
	*ret_port = (int)strtol(colon + 1, NULL, 10);
	if (text[0] == '[')	/* [::1]:8101 */
		snprintf(host, 128, "%.*s", (int)(colon - text) - 2, text + 1);
	else
		snprintf(host, 128, "%.*s", (int)(colon - text), text);
}

static int
start_api(struct error *e)
{
	char host[128];
	int port;

	listen_address("LISTEN", service_self->port, host, &port);
	if (dispatch_listen(self.base, host, port, e) < 0)
		return -1;
	log_info("serving on %s:%d", host, dispatch_port());
	return 0;
}

static int
start_ops(struct error *e)
{
	char host[128];
	int port;

	listen_address("OPS_LISTEN", service_self->port + 1000, host, &port);
	return ops_listen(self.base, host, port, e);
}

static int
start_bus(struct error *e)
{
	if (service_has_role("relay") && relay_start(self.base, config_text("DATABASE_URL"), e) < 0)
		return -1;
	if (service_has_role("consumer")) {
		if (consumer_start(self.base, self.db, service_self, e) < 0)
			return -1;
		clocks_start(service_self);
	}
	return 0;
}

static void
die_of(const struct error *e)
{
	log_error("cannot start: %s", e->text);
	self.exit_status = 1;
	self.ended = true;
}

/* Callers can be served without the bus: its clients and their sessions come when that is done. */
static void
start_bus_later(void *arg)
{
	struct error e;

	(void)arg;
	auth_access_await(BUS_WAIT_MS);
	if (!self.stopping && start_bus(&e) < 0)
		die_of(&e);
}

static int
start_parts(struct error *e)
{
	if (auth_init(self.base, e) < 0 || start_ops(e) < 0)
		return -1;
	auth_follow_access(self.db);
	if (service_self->start != NULL && service_self->start(self.base, e) < 0)
		return -1;
	fiber_start("bus", start_bus_later, NULL);
	return service_has_role("api") ? start_api(e) : 0;
}

static void
settle(void *arg)
{
	(void)arg;
	if (fiber_sleep(SETTLED_MS) == FIBER_DONE && !self.stopping)
		footprint_trim();
	while (!self.stopping && fiber_sleep(SETTLED_MS) == FIBER_DONE)
		footprint_relax();
}

/* Every connection is a descriptor: take all that the system grants. */
static void
raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int
serve(void)
{
	struct error e;

	raise_descriptor_limit();
	prepare();
	catch_signals();
	if (start_parts(&e) < 0) {
		die_of(&e);
		return self.exit_status;
	}
	fiber_start("settle", settle, NULL);
	run_loop();
	db_close(self.db);
	work_shutdown();
	fiber_shutdown();
	return self.exit_status;
}

/* ---- commands ---- */

static const struct command common_commands[] = {
	{ "republish", "republish <table>", republish_command, "publish every row of a table again" },
	{ 0 }
};

static const struct command *
match_command(const struct command *c, int argc, char **argv, int *ret_words)
{
	char said[256] = "";

	for (; c != NULL && c->words != NULL; c++) {
		int words = 1;
		for (const char *p = c->words; *p != '\0'; p++)
			words += *p == ' ';
		if (argc - 1 < words)
			continue;
		said[0] = '\0';
		for (int i = 1; i <= words; i++)
			snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s",
			    i > 1 ? " " : "", argv[i]);
		if (strcmp(said, c->words) == 0) {
			*ret_words = words;
			return c;
		}
	}
	return NULL;
}

static int
run_as_unit(struct request *rq, void *arg)
{
	const struct command *c = arg;

	return c->run(rq, self.argc, self.argv);
}

static void
command_main(void *arg)
{
	struct request *rq = request_new(self.db);

	rq->actor = ACTOR_SYSTEM;
	rq->source_type = "CRON";
	rq->source_id = uuid_new(rq->arena);
	trace_from_http(rq, NULL, NULL);
	rq->deadline_ms = clock_mono_ms() + 600000;
	if (unit_run(rq, run_as_unit, arg) < 0) {
		fprintf(stderr, "%s\n", rq->problem.detail);
		for (struct field_error *f = rq->problem.fields; f != NULL; f = f->next)
			fprintf(stderr, "  %s: %s\n", f->pointer + 1, f->detail);
		if (error_info(rq->problem.code)->status >= 500)
			log_line(LOG_L_ERROR, rq, "%s", rq->problem.internal);
		self.exit_status = 1;
	} else if (rq->reply.body != NULL) {
		printf("%s\n", rq->reply.body);
	}
	request_free(rq);
	self.ended = true;
}

static int
run_command(int argc, char **argv)
{
	int words = 0;
	const struct command *c = match_command(service_self->commands, argc, argv, &words);

	if (c == NULL)
		c = match_command(common_commands, argc, argv, &words);
	if (c == NULL) {
		fprintf(stderr, "nxt-%s has no command %s; see --help\n", service_self->name, argv[1]);
		return 2;
	}
	self.argc = argc - words;
	self.argv = argv + words;
	prepare();
	fiber_start("command", command_main, (void *)c);
	run_loop();
	db_close(self.db);
	work_shutdown();
	fiber_shutdown();
	return self.exit_status;
}

int
service_main(int argc, char **argv, const struct service *svc)
{
	struct error e = { .code = ERR_NONE };

	service_self = svc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (dispatch_init(svc, &e) < 0) {
		fprintf(stderr, "nxt-%s: %s\n", svc->name, e.text);
		return 2;
	}
	if (argc == 2 && print_table(svc, argv[1]))
		return 0;
	if (config_load(svc->options, &argc, argv, &e) < 0) {
		fprintf(stderr, "nxt-%s: %s\n", svc->name, e.text);
		return 2;
	}
	log_init(svc->name, log_level_of(config_text("LOG_LEVEL")));
	cursor_init(config_text("CURSOR_KEY"));
	return argc > 1 ? run_command(argc, argv) : serve();
}
