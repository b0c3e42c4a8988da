/*
 * Applying what was polled: a batch in one transaction, its effects first, the position last.
 *
 * What fails for good as a batch is tried one by one. A refused event holds back its partition and
 * is tried again for about three seconds, since what it refers to may be on its way in another
 * topic; then it becomes a dead letter. A transient failure holds back its whole lane.
 */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "auth.h"
#include "clock.h"
#include "consumer_internal.h"
#include "db.h"
#include "dead_letters.h"
#include "dispatch.h"
#include "error.h"
#include "failpoint.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "refs.h"
#include "request.h"
#include "service.h"
#include "trace.h"

#define REACTIONS_MAX 100	/* events a transaction where each runs statements of its own */
#define BYTES_MAX (4 * 1024 * 1024)
#define ATTEMPTS_MAX 7		/* 50 + 100 + … + 1600 ms */
#define ATTEMPT_FIRST_MS 50
#define OTHERS_MAX_MS 60000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000

enum outcome { APPLIED, REFUSED, TRANSIENT, MOVED };

/* ---- one event ---- */

void
unit_from_event(struct request *rq, const struct event_in *ev)
{
	char traceparent[TRACEPARENT_TEXT];

	traceparent_child(ev->traceparent, traceparent);
	rq->actor = ACTOR_SYSTEM;
	rq->source_type = "WORKER";
	rq->source_id = rq->causation_id = ev->id;
	rq->correlation_id = ev->context->correlation_id;
	rq->traceparent = arena_strdup(rq->arena, traceparent);
	rq->request_id = rq->request_ref = NULL;
	rq->trigger = ev;
}

static int
apply_list(struct request *rq, const struct subscription *s, const struct event_in *ev)
{
	for (; s != NULL && s->type != NULL; s++) {
		if (s->type != ev->type)
			continue;
		if (rq->trigger != ev)
			unit_from_event(rq, ev);
		if (s->ref != NULL && refs_apply(rq, s->ref, ev) < 0)
			return -1;
		if (s->react != NULL && s->react(rq, ev) < 0)
			return -1;
	}
	return 0;
}

int
event_apply(struct request *rq, const struct event_in *ev)
{
	if (ev->type == NULL)
		return 0;
	if (apply_list(rq, access_subscriptions, ev) < 0)
		return -1;
	return apply_list(rq, service_self->subscriptions, ev);
}

/* ---- picking ---- */

static const char *
traceparent_of(struct arena *a, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	const void *value;
	const char *text;
	size_t size;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, "traceparent", &value, &size) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR || value == NULL)
		return NULL;
	text = arena_strndup(a, value, size);
	return traceparent_is_valid(text) ? text : NULL;
}

static int
decode(struct arena *a, const struct message *msg, struct event_in *ret_ev, struct error *e)
{
	const char *type = kafka_topic_type(msg->part->topic);

	if (event_decode(a, type, msg->m->payload, msg->m->len, ret_ev, e) < 0)
		return -1;
	ret_ev->topic = msg->part->topic;
	ret_ev->partition = msg->m->partition;
	ret_ev->offset = msg->m->offset;
	ret_ev->traceparent = traceparent_of(a, msg->m);
	return 0;
}

static void
release_parts(const struct lane *lane)
{
	int64_t now = clock_mono_ms();

	for (struct part *p = consumer.parts; p != NULL; p = p->next)
		if (p->lane == lane)
			p->held = p->retry_ms > now;
}

static unsigned
batch_limit(struct lane *lane)
{
	unsigned limit = consumer.svc->consume_batch != NULL ? BATCH_MAX : REACTIONS_MAX;

	if (lane->shrunk >= limit)
		lane->shrunk = 0;	/* sound again */
	return lane->shrunk > 0 ? lane->shrunk : limit;
}

static bool
is_in_batch(const struct batch *b, const struct part *part)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->messages[i]->part == part)
			return true;
	return false;
}

/*
 * Messages in order of arrival. One that does not decode ends its partition's share; when it is the
 * next of its partition it is *ret_bad, to be dealt with before anything else.
 */
static void
pick(struct arena *a, struct lane *lane, struct message **ret_bad, struct error *e)
{
	struct batch *b = &lane->batch;
	unsigned limit = batch_limit(lane);
	size_t bytes = 0;
	struct message *msg;

	b->n = 0;
	*ret_bad = NULL;
	release_parts(lane);
	TAILQ_FOREACH(msg, &consumer.queue, link) {
		struct error why;

		if (b->n == limit || bytes > BYTES_MAX)
			break;
		if (msg->part->lane != lane || msg->part->held)
			continue;
		if (decode(a, msg, &b->events[b->n], &why) < 0) {
			msg->part->held = true;
			if (is_in_batch(b, msg->part))
				continue;
			*ret_bad = msg;
			*e = why;
			return;
		}
		b->messages[b->n] = msg;
		b->pointers[b->n] = &b->events[b->n];
		b->n++;
		bytes += msg->m->len;
	}
}

/* ---- one transaction ---- */

static bool
is_last_of_part(const struct batch *b, unsigned i)
{
	for (unsigned j = i + 1; j < b->n; j++)
		if (b->messages[j]->part == b->messages[i]->part)
			return false;
	return true;
}

/*
 * Moves the positions, or makes the transaction fail: where another owner moved one, fewer rows
 * match and the division by zero (22012) keeps the COMMIT, sent along unseen, from happening.
 */
static void
move_positions(struct request *rq, const struct batch *b)
{
	struct db_array *topics = db_array_new(rq->arena, DB_TEXT);
	struct db_array *partitions = db_array_new(rq->arena, DB_INT4);
	struct db_array *was = db_array_new(rq->arena, DB_INT8);
	struct db_array *becomes = db_array_new(rq->arena, DB_INT8);

	for (unsigned i = 0; i < b->n; i++) {
		const struct message *msg = b->messages[i];
		if (!is_last_of_part(b, i))
			continue;
		db_array_add_text(topics, msg->part->topic);
		db_array_add_int(partitions, msg->part->partition);
		db_array_add_int(was, msg->part->stored);
		db_array_add_int(becomes, msg->m->offset + 1);
	}
	db_queue(rq, "WITH v AS (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], "
	    "$4::bigint[]) v(t, p, was, becomes)), moved AS (UPDATE consumer_offsets c "
	    "SET next_offset = v.becomes, updated_at = now() FROM v WHERE c.topic = v.t "
	    "AND c.partition = v.p AND c.next_offset = v.was RETURNING 1) "
	    "SELECT 1 / ((SELECT count(*) FROM moved) = (SELECT count(*) FROM v))::int",
	    db_arrays(rq->arena, 4, topics, partitions, was, becomes));
}

static int
apply_batch(struct request *rq, void *arg)
{
	const struct batch *b = arg;

	rq->actor = ACTOR_SYSTEM;
	rq->source_type = "WORKER";
	rq->trigger = NULL;
	if (consumer.svc->consume_batch != NULL &&
	    consumer.svc->consume_batch(rq, b->pointers, b->n) < 0)
		return -1;
	for (unsigned i = 0; i < b->n; i++)
		if (event_apply(rq, &b->events[i]) < 0)
			return -1;
	failpoint(FP_CONSUMER_BEFORE_OFFSET);
	move_positions(rq, b);
	return 0;
}

/* What every event would meet, as long as the deployment or the database is not mended. */
static bool
is_transient(const struct request *rq)
{
	static const char *const states[] = { "42501", "42P01", "42703" };	/* not migrated yet */

	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(rq->problem.sqlstate, states[i]) == 0)
			return true;
	return db_should_retry(rq) || rq->problem.code == ERR_UNAVAILABLE ||
	    rq->problem.code == ERR_OVERLOADED;
}

/* Rights bite without waiting for the follower's clock. */
static void
tell_follower(const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		for (const struct subscription *s = access_subscriptions; s->type != NULL; s++)
			if (s->type == b->events[i].type) {
				auth_access_changed();
				return;
			}
}

static enum outcome
run_unit(struct request *rq, const struct lane *lane, int (*fn)(struct request *rq, void *arg),
    struct batch *b)
{
	int moved;

	if (unit_run(rq, fn, b) == 0) {
		tell_follower(b);
		return APPLIED;
	}
	if (is_transient(rq))
		return TRANSIENT;
	if (strcmp(rq->problem.sqlstate, "22012") != 0)
		return REFUSED;
	moved = group_resync(lane);
	return moved < 0 ? TRANSIENT : moved > 0 ? MOVED : REFUSED;
}

static void
go_on(struct lane *lane)
{
	log_info("consumer: going on");
	lane->backoff_ms = 0;
	group_resume(lane, NULL);
}

static void
finish(struct lane *lane, struct batch *b)
{
	failpoint(FP_CONSUMER_APPLIED);
	for (unsigned i = 0; i < b->n; i++) {
		struct part *part = b->messages[i]->part;

		part->stored = b->messages[i]->m->offset + 1;
		part->attempts = 0;
		part->retry_ms = part->refused_ms = 0;
		if (part->paused && lane->backoff_ms == 0)
			group_resume(lane, part);
		message_free(b->messages[i]);
	}
	metric_add(M_EVENTS_CONSUMED, b->n);
	consumer.since_trim += b->n;
	if (lane->backoff_ms != 0)
		go_on(lane);
}

/* Partitions are paused meanwhile, so that polling goes on and the group keeps us. */
static void
back_off(struct lane *lane, const struct request *rq)
{
	if (lane->backoff_ms == 0)
		log_warn("consumer: waiting: %s", rq->problem.internal != NULL
		    ? rq->problem.internal : rq->problem.detail);
	lane->backoff_ms = lane->backoff_ms == 0 ? BACKOFF_FIRST_MS : lane->backoff_ms * 2;
	if (lane->backoff_ms > BACKOFF_MAX_MS)
		lane->backoff_ms = BACKOFF_MAX_MS;
	lane->backoff_until_ms = clock_mono_ms() + lane->backoff_ms;
	metric_add(M_EVENTS_RETRIED, 1);
	group_pause(lane, NULL);
}

/* ---- bad events ---- */

struct burial {
	struct batch b;		/* of the one message; first, since it is what run_unit knows */
	const char *error;
	int attempts;
};

static int
apply_burial(struct request *rq, void *arg)
{
	struct burial *burial = arg;

	if (dead_letter_put(rq, burial->b.messages[0]->m, burial->error, burial->attempts) < 0)
		return -1;
	failpoint(FP_DEAD_LETTER_PUT);
	move_positions(rq, &burial->b);
	return 0;
}

static enum outcome
bury(struct message *msg, const char *error, int attempts)
{
	struct lane *lane = msg->part->lane;
	struct request *rq = request_new(consumer.db);
	struct burial *burial = arena_alloc(rq->arena, sizeof(*burial));
	enum outcome outcome;

	burial->b.messages[0] = msg;
	burial->b.n = 1;
	burial->error = error;
	burial->attempts = attempts;
	outcome = run_unit(rq, lane, apply_burial, &burial->b);
	if (outcome == APPLIED) {
		log_error("consumer: dead letter: %s/%d offset %lld: %s", msg->part->topic,
		    msg->part->partition, (long long)msg->m->offset, error);
		metric_add(M_DEAD_LETTERS, 1);
		finish(lane, &burial->b);
	} else if (outcome != MOVED) {
		back_off(lane, rq);
	}
	request_free(rq);
	return outcome;
}

/* Something that was not refused yet waits in another partition: perhaps what this one misses. */
static bool
others_wait(const struct part *part)
{
	const struct message *msg;

	TAILQ_FOREACH(msg, &consumer.queue, link)
		if (msg->part != part && msg->part->attempts == 0 && msg->part->refused_ms == 0)
			return true;
	return false;
}

/* Attempts count once the others are done, or after a minute. */
static enum outcome
refuse(struct message *msg, const struct request *rq)
{
	struct part *part = msg->part;
	int64_t now = clock_mono_ms();
	const char *detail = rq->problem.detail != NULL ? rq->problem.detail : "refused";
	char text[600];

	snprintf(text, sizeof(text), "%s: %s%s%s", error_info(rq->problem.code)->code, detail,
	    rq->problem.internal != NULL ? "; " : "",
	    rq->problem.internal != NULL ? rq->problem.internal : "");
	while (!utf8_is_valid(text, strlen(text)))	/* cut inside a character: dead_letters would refuse it */
		text[strlen(text) - 1] = '\0';
	part->held = true;
	if (part->refused_ms == 0)
		part->refused_ms = now;
	if (now - part->refused_ms > OTHERS_MAX_MS || !others_wait(part))
		part->attempts++;
	if (part->attempts >= ATTEMPTS_MAX)
		return bury(msg, text, part->attempts);
	log_info("consumer: %s/%d offset %lld refused, attempt %d: %s", part->topic,
	    part->partition, (long long)msg->m->offset, part->attempts, text);
	part->retry_ms = now + (ATTEMPT_FIRST_MS << (part->attempts > 0 ? part->attempts - 1 : 0));
	group_pause(part->lane, part);
	return REFUSED;
}

/* ---- the batch and its parts ---- */

static enum outcome
run_single(struct lane *lane, struct message *msg)
{
	struct batch *b = &lane->batch;
	struct request *rq = request_new(consumer.db);
	struct error e;
	enum outcome outcome = REFUSED;

	b->messages[0] = msg;
	b->pointers[0] = &b->events[0];
	b->n = 1;
	if (decode(rq->arena, msg, &b->events[0], &e) == 0)
		outcome = run_unit(rq, lane, apply_batch, b);
	if (outcome == APPLIED)
		finish(lane, b);
	else if (outcome == REFUSED)
		outcome = refuse(msg, rq);
	else if (outcome == TRANSIENT)
		back_off(lane, rq);
	request_free(rq);
	return outcome;
}

/* The rest of a partition waits behind its refused event. */
static void
run_one_by_one(struct lane *lane)
{
	unsigned n = lane->batch.n;

	memcpy(lane->each, lane->batch.messages, n * sizeof(*lane->each));
	for (unsigned i = 0; i < n && !consumer.stopping; i++) {
		enum outcome outcome = lane->each[i]->part->held ? APPLIED : run_single(lane, lane->each[i]);
		if (outcome == TRANSIENT || outcome == MOVED || lane->backoff_ms != 0)
			return;
	}
}

static void
run_batch(struct lane *lane, struct request *rq)
{
	struct batch *b = &lane->batch;
	unsigned n = b->n;

	switch (run_unit(rq, lane, apply_batch, b)) {
	case APPLIED:
		finish(lane, b);
		lane->shrunk *= 2;
		break;
	case TRANSIENT:
		back_off(lane, rq);
		lane->shrunk = n / 2 + 1;	/* perhaps it was too much for the time a unit has */
		break;
	case MOVED: break;
	case REFUSED:
		if (b->n > 1)
			run_one_by_one(lane);
		else
			refuse(b->messages[0], rq);
	}
}

bool
batch_run(struct lane *lane)
{
	struct request *rq;
	struct message *bad;
	struct error e;
	bool tried;

	if (clock_mono_ms() < lane->backoff_until_ms)
		return false;
	if (lane->backoff_ms != 0 && batch_next_ms(lane) == INT64_MAX)
		go_on(lane);	/* what it waited to repeat was dropped, and its partitions are paused */
	if (consumer.queued == 0)
		return false;
	rq = request_new(consumer.db);
	pick(rq->arena, lane, &bad, &e);
	tried = lane->batch.n > 0 || bad != NULL;
	if (bad != NULL)
		bury(bad, e.text, 1);
	else if (tried)
		run_batch(lane, rq);
	request_free(rq);
	return tried;
}

int64_t
batch_next_ms(const struct lane *lane)
{
	int64_t next = INT64_MAX;
	const struct message *msg;

	TAILQ_FOREACH(msg, &consumer.queue, link)
		if (msg->part->lane == lane && msg->part->retry_ms < next)
			next = msg->part->retry_ms;
	return next != INT64_MAX && lane->backoff_until_ms > next ? lane->backoff_until_ms : next;
}
