/*
 * Rows on their way: to librdkafka, to the broker's report, to the DELETE.
 *
 * Delivery is never given up (message.timeout.ms 0): rows wait in the producer while brokers are
 * away. A row that the broker refuses ends the producer, so that none follows it, and blocks its topic for a growing
 * time; it is read again then.
 */
#include <endian.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "event_types.h"
#include "failpoint.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "relay_internal.h"
#include "request.h"
#include "service.h"
#include "uuid.h"

#define ROW_OVERHEAD 700	/* headers, key and librdkafka's own */
#define DELETE_MAX 5000		/* rows a statement */
#define DELETE_EVERY_MS 25	/* nobody waits for a DELETE: one for what was reported meanwhile … */
#define DELETE_AT_ONCE 1000	/* … unless that is so many rows */
#define DELETE_RETRY_MS 200
#define QUIET_MS 1000
#define BURST_ROWS 2000		/* after so many a quiet relay returns its memory */
#define PURGE_MS 5000
#define BLOCK_FIRST_MS 100
#define BLOCK_MAX_MS 30000
#define EVENTS_A_TURN 64	/* of librdkafka's; a report event may tell of thousands of rows */
#define POSTGRES_EPOCH_US 946684800000000LL	/* 2000-01-01 */

static const struct kafka_setting producer_settings[] = {
	{ "enable.idempotence", "true" },
	{ "enable.gapless.guarantee", "true" },	/* else what follows a refused row passes it: librdkafka renumbers */
	{ "acks", "all" },
	/* a batch refused for now is told as delivered once a later one is: brokers check no producer's first number */
	{ "max.in.flight", "1" },
	{ "linger.ms", "0" },			/* 2.0.2 polls without a pause while less than 1 ms is left */
	{ "message.timeout.ms", "0" },
	{ "partitioner", "murmur2" },		/* as Java clients place a key */
	{ "compression.codec", "none" },
	{ "queue.buffering.max.messages", "40000" },
	{ "queue.buffering.max.kbytes", "65536" },	/* RELAY_BYTES_MAX ends before */
	{ "topic.metadata.propagation.max.ms", "5000" },
	{ 0 }
};

/* ---- lists ---- */

static void
outrow_move(struct outrow *row, struct outlist *to)
{
	if (row->list != NULL) {
		TAILQ_REMOVE(&row->list->rows, row, link);
		row->list->count--;
		row->topic->nsent -= row->list == &relay.sent;
	}
	row->list = to;
	if (to != NULL) {
		TAILQ_INSERT_TAIL(&to->rows, row, link);
		to->count++;
		row->topic->nsent += to == &relay.sent;
	}
}

/* Rows come in slabs: one by one they would pin the pages of everything around them. */
static void
make_spare(void)
{
	struct outslab *slab = xmalloc(sizeof(*slab));

	slab->next = relay.slabs;
	relay.slabs = slab;
	for (size_t i = 0; i < COUNT_OF(slab->rows); i++) {
		slab->rows[i].link.tqe_next = relay.spare;
		relay.spare = &slab->rows[i];
	}
}

/* After a burst the memory goes back. */
static void
free_spare(void)
{
	struct outslab *slab;

	while ((slab = relay.slabs) != NULL) {
		relay.slabs = slab->next;
		free(slab);
	}
	relay.spare = NULL;
	malloc_trim(0);
}

static struct outrow *
outrow_new(int64_t seq, struct relay_topic *topic, uint32_t bytes)
{
	struct outrow *row;

	if (relay.spare == NULL)
		make_spare();
	row = relay.spare;
	relay.spare = row->link.tqe_next;
	*row = (struct outrow){ .seq = seq, .topic = topic, .bytes = bytes };
	relay.in_flight++;
	relay.bytes += bytes;
	return row;
}

static void
outrow_end(struct outrow *row)
{
	outrow_move(row, NULL);
	relay.in_flight--;
	relay.bytes -= row->bytes;
	row->link.tqe_next = relay.spare;
	relay.spare = row;
}

static int64_t
lowest(const struct outlist *list, int64_t seq)
{
	const struct outrow *row;

	TAILQ_FOREACH(row, &list->rows, link)
		if (row->seq < seq)
			seq = row->seq;
	return seq;
}

int64_t
relay_lowest_in_flight(void)
{
	return lowest(&relay.sent, lowest(&relay.acked, lowest(&relay.deleting, INT64_MAX)));
}

/* ---- topics ---- */

static struct relay_topic *
topic_new(const char *type)
{
	struct relay_topic *t = xcalloc(1, sizeof(*t));

	t->type = xstrdup(type);
	t->known = event_type_find(type);
	t->next = relay.topics;
	relay.topics = t;
	return t;
}

static struct relay_topic *
topic_get(const char *type, size_t len)
{
	struct relay_topic **p, *t;
	char name[256];

	for (p = &relay.topics; (t = *p) != NULL; p = &t->next)
		if (strncmp(t->type, type, len) == 0 && t->type[len] == '\0') {
			*p = t->next;
			t->next = relay.topics;
			return relay.topics = t;
		}
	if (len >= sizeof(name))
		len = sizeof(name) - 1;		/* no broker takes it: the row stays, its topic blocked */
	memcpy(name, type, len);
	name[len] = '\0';
	return topic_new(name);
}

static rd_kafka_topic_t *
topic_handle(struct relay_topic *t)
{
	char name[512];

	if (t->rkt == NULL) {
		kafka_topic_name(name, sizeof(name), t->type);
		t->rkt = rd_kafka_topic_new(relay.rk, name, NULL);
	}
	return t->rkt;
}

static void
topic_block(struct relay_topic *t, const char *why)
{
	int64_t now = clock_mono_ms();

	if (t->blocked_until_ms > now)
		return;		/* one refusal of many in flight */
	t->delay_ms = t->delay_ms == 0 ? BLOCK_FIRST_MS : t->delay_ms * 2;
	if (t->delay_ms > BLOCK_MAX_MS)
		t->delay_ms = BLOCK_MAX_MS;
	t->blocked_until_ms = now + t->delay_ms;
	log_warn("relay: %s cannot be published: %s; again in %d ms", t->type, why, t->delay_ms);
}

/*
 * The row is read again when its topic's block ends; at once where there is none. Until reading has gone back to
 * it no later row of the topic is sent: it might be of the same key.
 */
static void
skip_until(struct relay_topic *t, int64_t seq, int64_t ms)
{
	t->skipped = true;
	if (seq < relay.skipped_from)
		relay.skipped_from = seq;
	if (ms < relay.go_back_ms)
		relay.go_back_ms = ms;
}

static void
outrow_skip(struct relay_topic *t, int64_t seq, const char *why)
{
	if (why != NULL)
		topic_block(t, why);
	skip_until(t, seq, t->blocked_until_ms);
}

/*
 * After a refusal one row goes alone, until something of the topic is delivered: a second one would be on its way before
 * the first is told of, and a broker that does not know the new producer yet takes it where it refuses the first again.
 */
static void
hold_for_trial(struct relay_topic *t, int64_t seq)
{
	skip_until(t, seq, clock_mono_ms() + BLOCK_MAX_MS);	/* or its report, if that is sooner */
}

static void
end_trial(struct relay_topic *t)
{
	if (t->delay_ms != 0 && t->skipped)
		relay.go_back_ms = 0;
	t->delay_ms = 0;
}

void
relay_forget_skipped(void)
{
	for (struct relay_topic *t = relay.topics; t != NULL; t = t->next)
		t->skipped = false;
	relay.skipped_from = relay.go_back_ms = INT64_MAX;
}

/* ---- sending ---- */

enum { AT_SEQ, AT_ID, AT_AGGREGATE_ID, AT_TYPE, AT_PAYLOAD, AT_TRACEPARENT, AT_CREATED };

int64_t
relay_be64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return (int64_t)be64toh(v);
}

static void
header(rd_kafka_headers_t *h, const char *name, const char *value)
{
	rd_kafka_header_add(h, name, -1, value, -1);
}

/* CloudEvents 1.0, Kafka protocol binding, binary mode. */
static rd_kafka_headers_t *
make_headers(const struct relay_topic *t, const struct db_result *r, int i, const char *key)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(10);
	char id[UUID_TEXT], time[CLOCK_TEXT], source[64] = "/nxtgauge/";
	const char *traceparent = db_text(r, i, AT_TRACEPARENT);

	uuid_format((const uint8_t *)db_text(r, i, AT_ID), id);
	clock_format(relay_be64(db_text(r, i, AT_CREATED)) + POSTGRES_EPOCH_US, time);
	strncat(source, service_self->name, sizeof(source) - strlen(source) - 1);
	header(h, "ce_specversion", "1.0");
	header(h, "ce_id", id);
	header(h, "ce_type", t->type);
	header(h, "ce_source", source);
	header(h, "ce_subject", key);
	header(h, "ce_time", time);
	header(h, "ce_partitionkey", key);
	if (t->known != NULL)
		header(h, "ce_dataschema", t->known->descriptor->name);
	header(h, "content-type", "application/protobuf");
	if (traceparent != NULL)
		rd_kafka_header_add(h, "traceparent", -1, traceparent,
		    db_length(r, i, AT_TRACEPARENT));
	return h;
}

static rd_kafka_resp_err_t
produce(struct outrow *row, const struct db_result *r, int i)
{
	char key[UUID_TEXT];
	rd_kafka_headers_t *h;
	rd_kafka_resp_err_t err;

	uuid_format((const uint8_t *)db_text(r, i, AT_AGGREGATE_ID), key);
	h = make_headers(row->topic, r, i, key);
	err = rd_kafka_producev(relay.rk, RD_KAFKA_V_RKT(topic_handle(row->topic)),
	    RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	    RD_KAFKA_V_KEY(key, UUID_TEXT - 1),
	    RD_KAFKA_V_VALUE((void *)(uintptr_t)db_text(r, i, AT_PAYLOAD),
	    (size_t)db_length(r, i, AT_PAYLOAD)),
	    RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(row), RD_KAFKA_V_END);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(h);
	return err;
}

/* Others are those of the producer, which we ended or which failed with everything it had. */
static bool
is_topics_fault(rd_kafka_resp_err_t err)
{
	return err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__FATAL &&
	    err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

void
relay_send(const struct db_result *r, int i)
{
	int64_t seq = relay_be64(db_text(r, i, AT_SEQ));
	struct relay_topic *t = topic_get(db_text(r, i, AT_TYPE), (size_t)db_length(r, i, AT_TYPE));
	rd_kafka_resp_err_t err;
	struct outrow *row;

	if (t->skipped || relay.broken) {
		outrow_skip(t, seq, NULL);
		return;
	}
	if (t->delay_ms != 0 && t->nsent > 0) {
		hold_for_trial(t, seq);
		return;
	}
	row = outrow_new(seq, t, (uint32_t)db_length(r, i, AT_PAYLOAD) + ROW_OVERHEAD);
	outrow_move(row, &relay.sent);
	failpoint(FP_RELAY_BEFORE_PRODUCE);
	err = produce(row, r, i);
	failpoint(FP_RELAY_AFTER_PRODUCE);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	outrow_end(row);
	if (err == RD_KAFKA_RESP_ERR__FATAL)
		relay.broken = true;
	outrow_skip(t, seq, is_topics_fault(err) ? rd_kafka_err2str(err) : NULL);
}

/* ---- reports ---- */

/* A delivery without an offset is one that librdkafka concluded from a later one: no broker confirmed it. */
static void
take_report(const rd_kafka_message_t *m)
{
	struct outrow *row = m->_private;

	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->offset >= 0) {
		end_trial(row->topic);
		outrow_move(row, &relay.acked);
		metric_add(M_OUTBOX_SENT, 1);
		failpoint(FP_RELAY_REPORTED);
		return;
	}
	outrow_skip(row->topic, row->seq, is_topics_fault(m->err) ? rd_kafka_err2str(m->err) : NULL);
	outrow_end(row);
}

static void
take_reports(rd_kafka_event_t *ev)
{
	const rd_kafka_message_t *m;

	while ((m = rd_kafka_event_message_next(ev)) != NULL)
		take_report(m);
	rd_kafka_event_destroy(ev);
	if (relay.deleter_waits && relay.acked.count > 0) {
		relay.deleter_waits = false;
		fiber_wake(relay.deleter);
	}
	relay_reader_wake(RELAY_FULL);
	if (relay.sent.count == 0)
		relay_reader_wake(RELAY_SENDING);
}

static void
on_ready(void *arg)
{
	rd_kafka_event_t *ev;
	bool fatal;

	(void)arg;
	for (int i = 0; i < EVENTS_A_TURN; i++) {
		if ((ev = kafka_feed_next(relay.feed)) == NULL)
			return;
		if (!kafka_take_notice(relay.rk, ev, &relay.health, &fatal)) {
			take_reports(ev);
		} else if (fatal) {
			relay.broken = true;
			relay_reader_wake(RELAY_FULL);
			relay_reader_wake(RELAY_IDLE);
		}
	}
	kafka_feed_again(relay.feed);
}

/* ---- the producer ---- */

/* Asking for the topics now keeps the first event from waiting for metadata. */
static void
warm_topics(void)
{
	const struct event_type *const *types;
	size_t n;

	types = event_type_all(&n);
	for (size_t i = 0; i < n; i++) {
		const char *service = types[i]->service;
		if (strcmp(service, service_self->name) == 0 || strcmp(service, "all") == 0)
			topic_handle(topic_get(types[i]->name, strlen(types[i]->name)));
	}
}

int
relay_producer_start(struct error *e)
{
	relay.rk = kafka_daemon_client_new(RD_KAFKA_PRODUCER, "relay", producer_settings,
	    RD_KAFKA_EVENT_DR, e);
	if (relay.rk == NULL)
		return -1;
	relay.feed = kafka_feed_new(relay.base, rd_kafka_queue_get_main(relay.rk), on_ready, NULL);
	relay.broken = false;
	warm_topics();
	return 0;
}

/* librdkafka reports each row that is purged; the limit is for the day it does not. */
void
relay_purge(void)
{
	/* non-blocking: librdkafka's threads may be waiting for a name server */
	rd_kafka_purge(relay.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	for (int i = 0; i < PURGE_MS && relay.sent.count > 0; i++)
		fiber_sleep(1);
	if (relay.sent.count > 0)
		relay.broken = true;
}

void
relay_producer_stop(int timeout_ms)
{
	for (struct relay_topic *t = relay.topics; t != NULL; t = t->next) {
		if (t->rkt != NULL)
			rd_kafka_topic_destroy(t->rkt);
		t->rkt = NULL;
	}
	kafka_feed_free(relay.feed);
	relay.feed = NULL;
	while (relay.sent.count > 0) {	/* no report can come any more */
		outrow_skip(TAILQ_FIRST(&relay.sent.rows)->topic, TAILQ_FIRST(&relay.sent.rows)->seq, NULL);
		outrow_end(TAILQ_FIRST(&relay.sent.rows));
	}
	kafka_dispose(relay.rk, timeout_ms);
	relay.rk = NULL;
}

/* ---- deleting ---- */

/* By number, never by range, and only while the lease is ours; see relay_session_lost. */
static int
delete_rows(struct request *rq)
{
	struct db_array *epoch = db_array_new(rq->arena, DB_INT8);
	struct db_array *owner = db_array_new(rq->arena, DB_UUID);
	struct db_array *seqs = db_array_new(rq->arena, DB_INT8);
	struct outrow *row;

	db_array_add_int(epoch, relay.epoch);
	db_array_add_text(owner, relay.owner);
	TAILQ_FOREACH(row, &relay.deleting.rows, link)
		db_array_add_int(seqs, row->seq);
	return db_exec(rq, "DELETE FROM outbox_events o USING relay_lease l "
	    "WHERE l.epoch = ($1::bigint[])[1] AND l.owner = ($2::uuid[])[1] AND o.seq = ANY($3::bigint[])",
	    db_arrays(rq->arena, 3, epoch, owner, seqs));
}

/* The mark of a row goes when its DELETE has committed: the sweep must not take it for missed. */
static void
delete_batch(void)
{
	while (relay.acked.count > 0 && relay.deleting.count < DELETE_MAX)
		outrow_move(TAILQ_FIRST(&relay.acked.rows), &relay.deleting);
	while (relay.deleting.count > 0 && !relay_session_lost()) {
		struct request *rq = request_new(relay.db);
		int result;

		failpoint(FP_RELAY_BEFORE_DELETE);
		result = delete_rows(rq);
		request_free(rq);
		if (result == 0)
			failpoint(FP_RELAY_AFTER_DELETE);
		if (result == 0 || !relay.running)
			break;
		fiber_sleep(DELETE_RETRY_MS);
	}
	while (relay.deleting.count > 0)
		outrow_end(TAILQ_FIRST(&relay.deleting.rows));
}

static void
gather_reports(void)
{
	for (int i = 0; i < DELETE_EVERY_MS / 5 && relay.acked.count < DELETE_AT_ONCE && !relay.stopping; i++)
		fiber_sleep(5);
}

void
relay_deleter(void *arg)
{
	unsigned since_trim = 0;
	bool quiet;

	(void)arg;
	relay.deleter = fiber_self();
	while (relay.running) {
		if (relay.acked.count > 0) {
			since_trim += relay.acked.count;
			delete_batch();
			relay_reader_wake(RELAY_FULL);
			gather_reports();
			continue;
		}
		relay.deleter_waits = true;
		quiet = fiber_park("delivery reports", QUIET_MS) == FIBER_TIMEOUT;
		relay.deleter_waits = false;
		if (quiet && since_trim > BURST_ROWS && relay.in_flight == 0) {
			free_spare();
			since_trim = 0;
		}
	}
	relay.fibers--;
}
