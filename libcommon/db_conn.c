/* One asynchronous connection in pipeline mode; see db_conn.h. */
#include "db_conn.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define SQL_BUCKETS 1024
/* Distinct texts that are prepared. Those made of a request's parameters leave the others their room. */
#define SQL_MAX 2000
#define SQL_VARIED_MAX 500
#define RETRY_FIRST_MS 20
#define RETRY_MAX_MS 200	/* PostgreSQL restarted: served again within this */
#define GREET_MS 5000		/* a server that accepts but does not greet within this is left for another, if there is one */
#define SILENT_MS 30000		/* a server that does not answer is frozen: statement_timeout is less everywhere */

static struct db_sql *sql_buckets[SQL_BUCKETS];
static unsigned sql_count, sql_varied;	/* all; those of them that are varied */

static uint32_t
text_hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

const struct db_sql *
db_sql_intern(const char *text, bool varied)
{
	struct db_sql **bucket = &sql_buckets[text_hash(text) % SQL_BUCKETS], *q;

	for (q = *bucket; q != NULL; q = q->next)
		if (q->text == text || strcmp(q->text, text) == 0)
			return q;
	if (varied ? sql_varied >= SQL_VARIED_MAX : sql_count - sql_varied >= SQL_MAX)
		return NULL;
	sql_varied += varied;
	q = xcalloc(1, sizeof(*q));
	q->text = xstrdup(text);
	q->index = sql_count++;
	snprintf(q->name, sizeof(q->name), "s%u", q->index);
	q->next = *bucket;
	*bucket = q;
	return q;
}

static bool
is_prepared(const struct db_conn *c, const struct db_sql *q)
{
	unsigned word = q->index / 64;

	return word < c->prepared_words && (c->prepared[word] >> (q->index % 64) & 1);
}

static void
mark_prepared(struct db_conn *c, const struct db_sql *q)
{
	unsigned word = q->index / 64;

	if (word >= c->prepared_words) {
		c->prepared = xrealloc(c->prepared, (word + 1) * sizeof(uint64_t));
		memset(c->prepared + c->prepared_words, 0,
		    (word + 1 - c->prepared_words) * sizeof(uint64_t));
		c->prepared_words = word + 1;
	}
	c->prepared[word] |= (uint64_t)1 << (q->index % 64);
}

static void
unmark_prepared(struct db_conn *c, const struct db_sql *q)
{
	if (q->index / 64 < c->prepared_words)
		c->prepared[q->index / 64] &= ~((uint64_t)1 << (q->index % 64));
}

static struct db_stmt *
expect(struct db_conn *c, enum db_step step, const struct db_sql *q)
{
	struct db_stmt *s = xcalloc(1, sizeof(*s));

	s->step = step;
	s->sql = q;
	s->dropped = step != STEP_EXECUTE;
	*c->tail = s;
	c->tail = &s->next;
	return s;
}

void
db_stmt_free(struct db_stmt *s)
{
	if (s == NULL)
		return;
	s->waiter = NULL;
	if (!s->done) {
		s->dropped = true;
		return;
	}
	PQclear(s->result);
	free(s);
}

static void
finish(struct db_stmt *s)
{
	struct fiber *waiter = s->waiter;

	s->done = true;
	s->next = NULL;
	s->waiter = NULL;
	if (s->dropped)
		db_stmt_free(s);
	else if (waiter != NULL)
		fiber_wake(waiter);
}

static void
pop(struct db_conn *c)
{
	struct db_stmt *s = c->head;

	c->head = s->next;
	if (c->head == NULL)
		c->tail = &c->head;
	if (s->step == STEP_EXECUTE)
		c->depth--;
	finish(s);
}

static void
set_state(struct db_conn *c, enum db_conn_state state)
{
	c->state = state;
	if (state != CONN_CONNECTING)
		fiber_queue_wake_all(&c->connecting);
}

static void
close_socket(struct db_conn *c)
{
	if (c->read != NULL)
		event_free(c->read);
	if (c->write != NULL)
		event_free(c->write);
	c->read = c->write = NULL;
	if (c->pg != NULL)
		PQfinish(c->pg);
	c->pg = NULL;
	c->prepared_words = 0;
	free(c->prepared);
	c->prepared = NULL;
	c->unsynced = c->ending = false;
}

static void
schedule_retry(struct db_conn *c)
{
	struct timeval tv = { 0, c->retry_ms * 1000 };

	if (!c->persistent || c->db->closing)
		return;
	evtimer_add(c->retry, &tv);
	c->retry_ms = c->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : c->retry_ms * 2;
}

void
db_conn_lose(struct db_conn *c, const char *why)
{
	bool was_up = c->state == CONN_UP;

	if (c->state == CONN_DOWN)
		return;
	c->db->losses += was_up;
	if (was_up && !c->db->closing)
		log_warn("lost a connection to PostgreSQL: %s", why);
	close_socket(c);
	while (c->head != NULL) {
		c->head->lost = true;
		pop(c);
	}
	set_state(c, CONN_DOWN);
	schedule_retry(c);
}

static const char *
pg_reason(struct db_conn *c)
{
	static char line[200];
	const char *text = c->pg != NULL ? PQerrorMessage(c->pg) : "no connection";

	snprintf(line, sizeof(line), "%s", text);
	line[strcspn(line, "\n")] = '\0';
	return line[0] != '\0' ? line : "closed by the server";
}

/* A session that PostgreSQL ends says so first; what is sent before its socket closes would be lost. */
static bool
ends_session(const PGresult *r)
{
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* One result of the statement at the head of the queue. */
static void
take_result(struct db_conn *c, PGresult *r)
{
	struct db_stmt *s = c->head;

	c->ending |= ends_session(r);
	if (s->step == STEP_SYNC) {
		PQclear(r);
		pop(c);
		return;
	}
	s->answered = true;
	if (s->step == STEP_PREPARE) {
		/* marked when sent; skipped behind an error, it has to be sent again */
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			unmark_prepared(c, s->sql);
		/* a statement that cannot be prepared fails when executed: its error says why */
		if (PQresultStatus(r) == PGRES_FATAL_ERROR && s->next != NULL) {
			s->next->result = r;
			return;
		}
		PQclear(r);
		return;
	}
	if (s->result != NULL && PQresultStatus(s->result) == PGRES_FATAL_ERROR) {
		PQclear(r);	/* the failed PREPARE's reason is the better one */
		return;
	}
	PQclear(s->result);
	s->result = r;
}

static void
read_results(struct db_conn *c)
{
	while (c->head != NULL && !PQisBusy(c->pg)) {
		PGresult *r = PQgetResult(c->pg);

		if (r != NULL) {
			take_result(c, r);
		} else if (c->head->answered) {
			pop(c);
		} else if (PQstatus(c->pg) != CONNECTION_OK) {
			break;
		}
	}
	c->since_ms = c->db->answered_ms = clock_mono_ms();
}

static void
flush_out(struct db_conn *c)
{
	int left = PQflush(c->pg);

	if (left < 0)
		db_conn_lose(c, pg_reason(c));
	else if (left > 0)
		event_add(c->write, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct db_conn *c = arg;

	(void)fd;
	(void)what;
	if (!PQconsumeInput(c->pg)) {
		read_results(c);	/* what came before the end counts */
		db_conn_lose(c, pg_reason(c));
		return;
	}
	read_results(c);
	if (c->ending || PQstatus(c->pg) != CONNECTION_OK)
		db_conn_lose(c, pg_reason(c));
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush_out(arg);
}

static void on_connecting(evutil_socket_t fd, short what, void *arg);

static void
await_connect(struct db_conn *c, short what)
{
	if (c->read != NULL)
		event_free(c->read);
	c->read = event_new(c->db->base, PQsocket(c->pg), what, on_connecting, c);
	event_add(c->read, NULL);
}

static void
connected(struct db_conn *c)
{
	event_free(c->read);
	PQsetnonblocking(c->pg, 1);
	PQenterPipelineMode(c->pg);
	c->read = event_new(c->db->base, PQsocket(c->pg), EV_READ | EV_PERSIST, on_readable, c);
	c->write = event_new(c->db->base, PQsocket(c->pg), EV_WRITE, on_writable, c);
	event_priority_set(c->read, 0);
	event_add(c->read, NULL);
	c->retry_ms = RETRY_FIRST_MS;
	c->db->answered_ms = clock_mono_ms();
	metric_add(M_DB_RECONNECTS, 1);
	set_state(c, CONN_UP);
}

static void
on_connecting(evutil_socket_t fd, short what, void *arg)
{
	struct db_conn *c = arg;

	(void)fd;
	(void)what;
	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING: await_connect(c, EV_READ); break;
	case PGRES_POLLING_WRITING: await_connect(c, EV_WRITE); break;
	case PGRES_POLLING_OK: connected(c); break;
	default:
		log_debug("cannot connect to PostgreSQL: %s", pg_reason(c));
		db_conn_lose(c, pg_reason(c));
	}
}

static void
ignore_notice(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

/* It is known where the server is, as addresses: nothing here waits. */
static void
begin(struct db_conn *c, const struct db_place *place)
{
	const char *names[] = { "dbname", "application_name", "options", "client_encoding",
		"keepalives_idle", "tcp_user_timeout", "host", "hostaddr", "port", NULL };
	const char *values[] = { c->db->url, c->db->application_name, c->db->options, "UTF8",
		"30", "15000", place->host, place->hostaddr, place->port, NULL };
	struct pollfd socket = { .events = POLLOUT };

	c->turn = place->turn;
	c->since_ms = clock_mono_ms();
	c->pg = PQconnectStartParams(names, values, 1);
	if (c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD) {
		log_debug("cannot connect to PostgreSQL: %s", pg_reason(c));
		db_conn_lose(c, pg_reason(c));
		return;
	}
	PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
	/* a unix socket is connected at once: PostgreSQL can begin while we do other things */
	socket.fd = PQsocket(c->pg);
	if (poll(&socket, 1, 0) == 1)
		on_connecting(socket.fd, EV_WRITE, c);
	else
		await_connect(c, EV_WRITE);
}

void
db_conn_connect(struct db_conn *c)
{
	struct db_place place;

	if (c->state != CONN_DOWN)
		return;
	set_state(c, CONN_CONNECTING);
	if (db_host_find(c->db->host, &place))
		begin(c, &place);
}

void
db_conn_host_found(struct db_conn *c)
{
	struct db_place place;

	if (c->state != CONN_CONNECTING || c->pg != NULL)
		return;
	if (db_host_is_known(c->db->host) && db_host_find(c->db->host, &place))
		begin(c, &place);
	else
		db_conn_lose(c, "its host name is not known");
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	db_conn_connect(arg);
}

bool
db_conn_wait(struct db_conn *c, int timeout_ms)
{
	if (c->state == CONN_CONNECTING)
		fiber_queue_wait(&c->connecting, "connecting to PostgreSQL", timeout_ms);
	return c->state == CONN_UP;
}

struct db_conn *
db_conn_new(struct db *db, bool persistent)
{
	struct db_conn *c = xcalloc(1, sizeof(*c));

	c->db = db;
	c->persistent = persistent;
	c->tail = &c->head;
	c->retry_ms = RETRY_FIRST_MS;
	c->retry = evtimer_new(db->base, on_retry, c);
	fiber_queue_init(&c->connecting);
	return c;
}

void
db_conn_free(struct db_conn *c)
{
	c->persistent = false;
	db_conn_lose(c, "closing");
	event_free(c->retry);
	free(c);
}

void
db_conn_check(struct db_conn *c)
{
	int64_t waited = clock_mono_ms() - c->since_ms;
	bool elsewhere = db_host_moved_on(c->db->host, c->turn);

	if (c->state == CONN_CONNECTING && c->pg != NULL &&
	    waited > (db_host_has_several(c->db->host) ? GREET_MS : SILENT_MS)) {
		db_host_move_on(c->db->host, c->turn);
		db_conn_lose(c, "the server does not greet");
	} else if (c->state == CONN_UP && c->head != NULL && waited > (elsewhere ? GREET_MS : SILENT_MS)) {
		db_conn_lose(c, "the server does not answer");
	}
}

static int
send_execute(struct db_conn *c, const struct db_sql *q, const char *text, const struct db_params *p)
{
	if (q == NULL)
		return PQsendQueryParams(c->pg, text, p->n, NULL, p->values, p->lengths,
		    p->formats, p->binary_result);
	return PQsendQueryPrepared(c->pg, q->name, p->n, p->values, p->lengths, p->formats,
	    p->binary_result);
}

struct db_stmt *
db_conn_send(struct db_conn *c, const char *sql, const struct db_params *params)
{
	const struct db_sql *q = db_sql_intern(sql, params->varied);
	bool ok = true;

	if (c->state != CONN_UP)
		return NULL;
	if (c->head == NULL)
		c->since_ms = clock_mono_ms();
	if (q != NULL && !is_prepared(c, q)) {
		ok = PQsendPrepare(c->pg, q->name, sql, 0, NULL);
		expect(c, STEP_PREPARE, q);
		mark_prepared(c, q);
	}
	if (!ok || !send_execute(c, q, sql, params)) {
		db_conn_lose(c, pg_reason(c));
		return NULL;
	}
	c->unsynced = true;
	c->depth++;
	metric_add(M_DB_QUERIES, 1);
	return expect(c, STEP_EXECUTE, q);
}

void
db_conn_sync(struct db_conn *c)
{
	if (c->state != CONN_UP || !c->unsynced)
		return;
	c->unsynced = false;
	expect(c, STEP_SYNC, NULL);
	if (!PQpipelineSync(c->pg)) {
		db_conn_lose(c, pg_reason(c));
		return;
	}
	flush_out(c);
}

bool
db_stmt_wait(struct db_stmt *s, int timeout_ms)
{
	if (!s->done) {
		s->waiter = fiber_self();
		fiber_park("PostgreSQL", timeout_ms);
	}
	if (s->done && !s->lost)
		return true;
	db_stmt_free(s);
	return false;
}
