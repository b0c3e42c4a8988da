/*
 * The consumer's loop: one fiber polls librdkafka, one lane or several apply; see consumer.h.
 *
 * Messages are polled singly into our own queue: with librdkafka 2.0.2 a batch call loses messages
 * around a seek or a rebalance.
 */
#include "consumer.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "consumer_internal.h"
#include "db.h"
#include "dead_letters.h"
#include "error.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "refs.h"
#include "request.h"
#include "service.h"

#define POLL_IDLE_MS 1000	/* max.poll.interval.ms wants a sign of life */
#define LETTERS_EVERY_MS 2000
#define BURST_EVENTS 2000
#define STUBS_EVERY 30		/* looks at the dead letters */

struct consumer consumer;

static const struct kafka_setting consumer_settings[] = {
	{ "enable.auto.commit", "false" },
	{ "enable.auto.offset.store", "false" },
	{ "auto.offset.reset", "earliest" },		/* the default skips what came before us */
	{ "partition.assignment.strategy", "range" },	/* cooperative-sticky can hang in 2.0.2 */
	{ "session.timeout.ms", "6000" },		/* the least that brokers take unasked */
	{ "heartbeat.interval.ms", "1500" },
	{ "max.poll.interval.ms", "300000" },
	{ "queued.max.messages.kbytes", "7168" },	/* when full, 2.0.2 pauses for a second, which less would not last */
	{ "fetch.max.bytes", "2097152" },		/* is on top of it for a moment */
	{ "fetch.error.backoff.ms", "100" },
	{ "topic.metadata.refresh.interval.ms", "5000" },
	{ 0 }
};

/* ---- polling ---- */

/* Messages of paused partitions do not count: nothing is added to them. */
static unsigned
queue_limit(void)
{
	unsigned waiting = 0;
	const struct message *msg;

	TAILQ_FOREACH(msg, &consumer.queue, link)
		waiting += msg->part->paused;
	return BATCH_MAX * consumer.nlanes + waiting;
}

static void
take_event(rd_kafka_event_t *ev)
{
	const rd_kafka_message_t *m;
	bool fatal;

	if (kafka_take_notice(consumer.rk, ev, &consumer.health, &fatal))
		return;
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_FETCH) {
		m = rd_kafka_event_message_next(ev);
		if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			group_take(ev, m);
			return;
		}
	} else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_REBALANCE) {
		group_rebalance(ev);
	}
	rd_kafka_event_destroy(ev);
}

static void
poll_events(void)
{
	unsigned limit = queue_limit();
	rd_kafka_event_t *ev = NULL;

	while (consumer.queued < limit && (ev = kafka_feed_next(consumer.feed)) != NULL)
		take_event(ev);
	if (ev == NULL && consumer.queued < limit)
		consumer.kept_up_ms = clock_mono_ms();
}

static void
on_ready(void *arg)
{
	(void)arg;
	if (!consumer.waits)
		return;		/* it polls before it waits */
	consumer.waits = false;
	fiber_wake(consumer.fiber);
}

static void
wait_for_events(void)
{
	enum fiber_wake woken;

	consumer.waits = true;
	woken = fiber_park("events", POLL_IDLE_MS);
	consumer.waits = false;
	if (woken == FIBER_TIMEOUT && consumer.queued == 0 && consumer.since_trim > BURST_EVENTS) {
		malloc_trim(0);		/* after a burst the memory goes back */
		consumer.since_trim = 0;
	}
}

/* ---- lanes ---- */

static void
wake_lanes(void)
{
	for (unsigned i = 0; i < consumer.nlanes; i++) {
		struct lane *lane = &consumer.lanes[i];
		if (!lane->waits)
			continue;
		lane->waits = false;
		fiber_wake(lane->fiber);
	}
}

static bool
any_works(void)
{
	for (unsigned i = 0; i < consumer.nlanes; i++)
		if (consumer.lanes[i].works)
			return true;
	return false;
}

void
consumer_wait_for_lanes(void)
{
	while (any_works())
		fiber_sleep(1);
}

static void
lane_wait(struct lane *lane)
{
	int64_t next = batch_next_ms(lane), now = clock_mono_ms();
	int64_t ms = next == INT64_MAX || next - now > POLL_IDLE_MS ? POLL_IDLE_MS : next - now;

	lane->waits = true;
	fiber_park("messages", ms < 1 ? 1 : (int)ms);
	lane->waits = false;
}

/* A database that forgot its last commits wants their events again, also where nothing more comes. */
static void
follow_failover(struct lane *lane)
{
	unsigned losses = db_losses(consumer.db);

	if (losses != lane->losses && clock_mono_ms() >= lane->backoff_until_ms && group_resync(lane) >= 0)
		lane->losses = losses;
}

static bool
lane_work(struct lane *lane)
{
	bool tried;

	if (!consumer.assigned)
		return false;
	lane->works = true;
	follow_failover(lane);
	tried = batch_run(lane);
	lane->works = false;
	return tried;
}

static void
apply(void *arg)
{
	struct lane *lane = arg;

	lane->fiber = fiber_self();
	while (!consumer.stopping) {
		if (lane_work(lane))
			on_ready(NULL);		/* there is room again */
		else
			lane_wait(lane);
	}
	consumer.lanes_left--;
}

/* Where each event runs statements of its own, those of one may be what another waits for: one lane. */
static void
make_lanes(void)
{
	consumer.nlanes = consumer.lanes_left = consumer.svc->consume_batch != NULL ? LANES_MAX : 1;
	consumer.lanes = xcalloc(consumer.nlanes, sizeof(*consumer.lanes));
	for (unsigned i = 0; i < consumer.nlanes; i++)
		fiber_start("consumer lane", apply, &consumer.lanes[i]);
}

/* ---- the loop ---- */

/* Leaving revokes what is ours, which comes as a last rebalance. */
static void
leave(void)
{
	rd_kafka_error_t *error = kafka_feed_close_consumer(consumer.feed, consumer.rk);

	if (error != NULL) {
		log_warn("consumer: cannot leave the group: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
	}
	while (error == NULL && consumer.running && !rd_kafka_consumer_closed(consumer.rk)) {
		rd_kafka_event_t *ev;
		while ((ev = kafka_feed_next(consumer.feed)) != NULL)
			take_event(ev);
		fiber_sleep(5);
	}
	consumer.closed = true;
}

static void
consume(void *arg)
{
	(void)arg;
	consumer.fiber = fiber_self();
	while (!consumer.stopping) {
		poll_events();
		if (consumer.stopping)
			break;
		wake_lanes();
		group_commit_lag(false);
		wait_for_events();
	}
	while (consumer.lanes_left > 0) {
		wake_lanes();
		fiber_sleep(1);
	}
	leave();
}

/* ---- beside it ---- */

static void
count_stubs(void)
{
	struct request *rq = request_new(consumer.db);

	refs_count_stubs(rq, consumer.svc);
	request_free(rq);
}

static void
keep_house(void *arg)
{
	(void)arg;
	for (unsigned round = 0; !consumer.stopping; round++) {
		dead_letters_replay(consumer.db);
		if (round % STUBS_EVERY == 0)
			count_stubs();
		if (!service_has_role("relay"))
			metric_set(M_KAFKA_UP, consumer_is_up());
		fiber_sleep(LETTERS_EVERY_MS);
	}
}

/* ---- start and stop ---- */

int
consumer_start(struct event_base *base, struct db *db, const struct service *svc, struct error *e)
{
	char group[256];
	struct kafka_setting settings[COUNT_OF(consumer_settings) + 1];

	consumer = (struct consumer){ .base = base, .db = db, .svc = svc, .running = true };
	TAILQ_INIT(&consumer.queue);
	make_lanes();
	kafka_topic_name(group, sizeof(group), "nxt-");
	strncat(group, svc->name, sizeof(group) - strlen(group) - 1);
	settings[0] = (struct kafka_setting){ "group.id", group };
	memcpy(settings + 1, consumer_settings, sizeof(consumer_settings));
	consumer.rk = kafka_daemon_client_new(RD_KAFKA_CONSUMER, "consumer", settings,
	    RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT, e);
	if (consumer.rk == NULL)
		return -1;
	rd_kafka_poll_set_consumer(consumer.rk);
	if (group_subscribe(e) < 0)
		return -1;
	consumer.feed = kafka_feed_new(base, rd_kafka_queue_get_consumer(consumer.rk), on_ready, NULL);
	fiber_start("consumer", consume, NULL);
	fiber_start("consumer house", keep_house, NULL);
	consumer.rests = true;
	fiber_start("consumer rest", consumer_rest, NULL);
	return 0;
}

bool
consumer_is_up(void)
{
	return consumer.rk != NULL && kafka_is_up(consumer.rk, &consumer.health);
}

void
consumer_stop(int timeout_ms)
{
	int64_t until = clock_mono_ms() + timeout_ms;

	if (!consumer.running)
		return;
	consumer.stopping = true;
	on_ready(NULL);
	while ((!consumer.closed || consumer.rests) && clock_mono_ms() < until)
		fiber_sleep(5);
	consumer.running = false;
	if (!consumer.closed || consumer.rests) {
		log_warn("consumer: did not leave the group in time");
		return;		/* its fiber may still use everything; the process ends anyway */
	}
	while (!TAILQ_EMPTY(&consumer.queue))
		message_free(TAILQ_FIRST(&consumer.queue));
	kafka_feed_free(consumer.feed);
	kafka_dispose(consumer.rk, 1000);
	consumer.rk = NULL;
	free(consumer.lanes);
	consumer.lanes = NULL;
	consumer.nlanes = 0;
}
