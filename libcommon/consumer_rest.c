/*
 * Rest: while much comes, partitions that are silent are not fetched.
 *
 * Every fetch names every partition of ours, and the broker looks each of them up, twice: with some
 * hundreds, nearly all silent, it is busy with those that have nothing. So silent ones are paused,
 * and a question for where they end, which costs the broker little, tells which to fetch again: at
 * 500 events a second half of them are seen in 34 ms instead of 60. Nothing depends on it but speed:
 * where the answer fails, all are fetched as before, and positions are kept as always.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "consumer_internal.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "request.h"
#include "work.h"

#define WORTH_IT 20		/* partitions */
#define BUSY_PER_S 50		/* messages */
#define SILENT_MS 3000
#define LOOK_MS 100
#define BUSY_LOOKS 10		/* so many are no mere burst; after one, a fetch without those that rest would
				 * wait at the broker for half a second, and who is woken with it */
#define CALM_LOOKS 5		/* so many in a row without being busy wake all */
#define ANSWER_MS 500
#define AFTER_FAILURE_MS 5000
#define KEEPS_UP_MS 500		/* ago librdkafka had nothing more for us; else a pause drops what it holds */

struct question {
	rd_kafka_t *rk;
	rd_kafka_topic_partition_list_t *ends;
	rd_kafka_resp_err_t err;
};

/* Blocks, so on the work pool; the consumer's stop waits for it. The "time" that stands for the end is the offset that does. */
static void
ask(void *arg)
{
	struct question *q = arg;

	for (int i = 0; i < q->ends->cnt; i++)
		q->ends->elems[i].offset = RD_KAFKA_OFFSET_END;
	q->err = rd_kafka_offsets_for_times(q->rk, q->ends, ANSWER_MS);
}

static unsigned
resting(void)
{
	unsigned n = 0;

	for (const struct part *p = consumer.parts; p != NULL; p = p->next)
		n += p->resting;
	return n;
}

static void
put_to_rest(int64_t now)
{
	unsigned n;

	if (now - consumer.kept_up_ms > KEEPS_UP_MS || (n = group_rest(now - SILENT_MS)) == 0)
		return;
	log_debug("consumer: %u partitions rest, %u in all", n, resting());
}

static void
wake_all(void)
{
	for (struct part *p = consumer.parts; p != NULL; p = p->next)
		if (p->resting)
			group_resume(p->lane, p);
}

/* 0, or -1 where the broker did not tell. Parts may have come and gone while it was asked. */
static int
wake_who_has_news(void)
{
	struct request *rq = request_new(consumer.db);
	struct question *q = xcalloc(1, sizeof(*q));
	int result;

	*q = (struct question){ .rk = consumer.rk, .ends = group_list_resting() };
	result = work_run_blocking(rq, ask, q) < 0 || q->err != RD_KAFKA_RESP_ERR_NO_ERROR ? -1 : 0;

	request_free(rq);
	for (int i = 0; result == 0 && i < q->ends->cnt; i++) {
		const rd_kafka_topic_partition_t *end = &q->ends->elems[i];
		group_wake(end->topic, end->partition, end->err != 0 ? -1 : end->offset);
	}
	rd_kafka_topic_partition_list_destroy(q->ends);
	free(q);
	return result;
}

static bool
is_worth_it(void)
{
	unsigned n = 0;

	for (const struct part *p = consumer.parts; p != NULL && n < WORTH_IT; p = p->next)
		n++;
	for (unsigned i = 0; i < consumer.nlanes; i++)
		if (consumer.lanes[i].backoff_ms != 0)
			return false;
	return consumer.assigned && n >= WORTH_IT;
}

void
consumer_rest(void *arg)
{
	unsigned busy = 0, calm = 0, heard;
	int64_t not_before = 0;

	(void)arg;
	while (!consumer.stopping) {
		heard = consumer.heard;
		fiber_sleep(LOOK_MS);
		if (consumer.heard - heard >= BUSY_PER_S * LOOK_MS / 1000) {
			busy++;
			calm = 0;
		} else if (++calm >= CALM_LOOKS) {
			busy = 0;
		}
		if (busy == 0 || !is_worth_it())
			wake_all();
		else if (busy >= BUSY_LOOKS && clock_mono_ms() >= not_before)
			put_to_rest(clock_mono_ms());
		if (!consumer.stopping && resting() > 0 && wake_who_has_news() < 0) {
			wake_all();
			not_before = clock_mono_ms() + AFTER_FAILURE_MS;
		}
		metric_set(M_CONSUMER_RESTING, resting());
	}
	consumer.rests = false;
}
