/*
 * The group: which partitions are ours, and from which offset.
 *
 * consumer_offsets rules, the offsets in Kafka only feed lag tools. On assignment every partition
 * has a row there and reading begins at it.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "consumer_internal.h"
#include "db.h"
#include "error.h"
#include "failpoint.h"
#include "fiber.h"
#include "log.h"
#include "metrics.h"
#include "refs.h"
#include "request.h"
#include "service.h"

#define COMMIT_EVERY_MS 5000
#define CONFLICT_PAUSE_MS 500

/* ---- subscription ---- */

static void
add_topics(rd_kafka_topic_partition_list_t *topics, const struct subscription *s)
{
	char name[512];

	for (; s != NULL && s->type != NULL; s++) {
		kafka_topic_name(name, sizeof(name), s->type->name);
		if (rd_kafka_topic_partition_list_find(topics, name, RD_KAFKA_PARTITION_UA) == NULL)
			rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
	}
}

/* Every topic named like an event type, also of types that are yet to be invented. */
static void
add_all_topics(rd_kafka_topic_partition_list_t *topics)
{
	char pattern[1024] = "^", *p = pattern + 1;

	for (const char *s = config_text("TOPIC_PREFIX"); *s != '\0' && p < pattern + 900; s++) {
		if (strchr(".[]()*+?{}|^$\\", *s) != NULL)
			*p++ = '\\';
		*p++ = *s;
	}
	snprintf(p, (size_t)(pattern + sizeof(pattern) - p), "%s", "[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$");
	rd_kafka_topic_partition_list_add(topics, pattern, RD_KAFKA_PARTITION_UA);
}

int
group_subscribe(struct error *e)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(64);
	rd_kafka_resp_err_t err;

	if (consumer.svc->consume_batch != NULL) {
		add_all_topics(topics);
	} else {
		add_topics(topics, access_subscriptions);
		add_topics(topics, consumer.svc->subscriptions);
	}
	err = rd_kafka_subscribe(consumer.rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error_set(e, ERR_INTERNAL, "cannot subscribe: %s", rd_kafka_err2str(err));
	return 0;
}

/* ---- messages ---- */

void
message_free(struct message *msg)
{
	TAILQ_REMOVE(&consumer.queue, msg, link);
	consumer.queued--;
	rd_kafka_event_destroy(msg->event);
	free(msg);
}

/* Of one partition, or of all where part is NULL. */
static void
drop_messages(const struct part *part)
{
	struct message *msg, *next;

	for (msg = TAILQ_FIRST(&consumer.queue); msg != NULL; msg = next) {
		next = TAILQ_NEXT(msg, link);
		if (part == NULL || msg->part == part)
			message_free(msg);
	}
}

static bool
is_part(const struct part *p, const char *topic, int32_t partition)
{
	return p->partition == partition && strcmp(p->topic, topic) == 0;
}

/* Messages come in runs of one partition: the last one found is tried first. */
static struct part *
part_find(const char *topic, int32_t partition)
{
	struct part *p = consumer.last_part;

	if (p != NULL && is_part(p, topic, partition))
		return p;
	for (p = consumer.parts; p != NULL; p = p->next)
		if (is_part(p, topic, partition))
			return consumer.last_part = p;
	return NULL;
}

static void
seek(struct part *part, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_error_t *error;

	rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = offset;
	error = rd_kafka_seek_partitions(consumer.rk, list, 0);
	if (error != NULL) {
		log_warn("consumer: cannot seek %s/%d: %s", part->topic, part->partition,
		    rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
	}
	rd_kafka_topic_partition_list_destroy(list);
	part->expected = offset;
	part->sought = true;
}

/*
 * Offsets go up by one, except where the log was cut (retention, a topic made anew) or holds
 * transaction marks. A lower one is a duplicate unless the log has become that short; a higher one
 * is asked for once more before it is believed, since a message lost here is lost for ever.
 */
static bool
is_expected(struct part *part, const rd_kafka_message_t *m)
{
	int64_t low = -1, high = -1;	/* not known */

	if (m->offset == part->expected)
		return true;
	rd_kafka_get_watermark_offsets(consumer.rk, part->topic, part->partition, &low, &high);
	if (m->offset < part->expected) {
		if (high < 0 || high >= part->expected)
			return false;
		log_warn("consumer: %s/%d begins anew at %lld: the topic is shorter than what was read",
		    part->topic, part->partition, (long long)m->offset);
		return true;
	}
	if (low > part->expected || part->asked_again == part->expected)
		return true;
	log_warn("consumer: %s/%d jumps from %lld to %lld; asking again", part->topic,
	    part->partition, (long long)part->expected, (long long)m->offset);
	part->asked_again = part->expected;
	seek(part, part->expected);
	return false;
}

void
group_take(rd_kafka_event_t *ev, const rd_kafka_message_t *m)
{
	struct part *part = part_find(rd_kafka_topic_name(m->rkt), m->partition);
	struct message *msg;

	if (part == NULL || !is_expected(part, m)) {
		rd_kafka_event_destroy(ev);
		return;
	}
	failpoint(FP_CONSUMER_POLLED);
	part->heard_ms = clock_mono_ms();
	consumer.heard++;
	part->expected = m->offset + 1;
	part->sought = false;
	msg = xcalloc(1, sizeof(*msg));
	msg->event = ev;
	msg->m = m;
	msg->part = part;
	TAILQ_INSERT_TAIL(&consumer.queue, msg, link);
	consumer.queued++;
}

/* ---- positions ---- */

static void
add_position(struct db_array *topics, struct db_array *partitions, const struct part *part)
{
	db_array_add_text(topics, part->topic);
	db_array_add_int(partitions, part->partition);
}

/*
 * topic, partition, next_offset of the lane's, or of all where lane is NULL. Rows that are not there are made: moving
 * a position is always an UPDATE, and a failover may have lost the row of a partition that was new.
 */
static struct db_result *
ask_positions(struct request *rq, const struct lane *lane)
{
	struct db_array *topics = db_array_new(rq->arena, DB_TEXT);
	struct db_array *partitions = db_array_new(rq->arena, DB_INT4);
	const struct db_params *params;

	for (struct part *p = consumer.parts; p != NULL; p = p->next)
		if (lane == NULL || p->lane == lane)
			add_position(topics, partitions, p);
	params = db_arrays(rq->arena, 2, topics, partitions);
	if (db_exec(rq, "INSERT INTO consumer_offsets (topic, partition, next_offset) "
	    "SELECT t, p, 0 FROM unnest($1::text[], $2::int[]) v(t, p) ON CONFLICT DO NOTHING",
	    params) < 0)
		return NULL;
	return db_query(rq, "SELECT topic, partition, next_offset FROM consumer_offsets "
	    "JOIN unnest($1::text[], $2::int[]) v(t, p) ON topic = t AND partition = p", params);
}

static int
read_positions(void)
{
	struct request *rq = request_new(consumer.db);
	struct db_result *r;

	for (unsigned i = 0; i < consumer.nlanes; i++)
		consumer.lanes[i].losses = db_losses(consumer.db);
	r = ask_positions(rq, NULL);
	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct part *p = part_find(db_text(r, i, 0), (int32_t)db_int(r, i, 1));
		p->stored = p->expected = p->committed = db_int(r, i, 2);
	}
	if (r == NULL)
		log_warn("consumer: positions cannot be read: %s", rq->problem.internal);
	request_free(rq);
	return r == NULL ? -1 : 0;
}

/* ---- rebalance ---- */

static void
forget_parts(void)
{
	struct part *p;

	drop_messages(NULL);
	consumer.last_part = NULL;
	while ((p = consumer.parts) != NULL) {
		consumer.parts = p->next;
		free(p->topic);
		free(p);
	}
	consumer.assigned = false;
}

static void
take_parts(const rd_kafka_topic_partition_list_t *list)
{
	forget_parts();
	for (int i = 0; i < list->cnt; i++) {
		struct part *p = xcalloc(1, sizeof(*p));
		p->topic = xstrdup(list->elems[i].topic);
		p->partition = list->elems[i].partition;
		p->lane = &consumer.lanes[(unsigned)p->partition % consumer.nlanes];
		p->asked_again = -1;
		p->heard_ms = clock_mono_ms();
		p->next = consumer.parts;
		consumer.parts = p;
	}
}

/* Blocks the group's work while the database is away: without positions nothing can be read. */
static void
assign(rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t err;

	take_parts(list);
	for (int ms = 50; list->cnt > 0 && read_positions() < 0; ms = ms < 2500 ? ms * 2 : 5000)
		if (consumer.stopping || fiber_sleep(ms) != FIBER_DONE)
			return;
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = part_find(list->elems[i].topic,
		    list->elems[i].partition)->stored;
	err = rd_kafka_assign(consumer.rk, list);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_error("consumer: cannot assign: %s", rd_kafka_err2str(err));
	rd_kafka_resume_partitions(consumer.rk, list);	/* a pause outlives its assignment */
	for (unsigned i = 0; i < consumer.nlanes; i++) {
		consumer.lanes[i].backoff_ms = 0;
		consumer.lanes[i].backoff_until_ms = 0;
	}
	consumer.assigned = true;
	metric_set(M_CONSUMER_PARTITIONS, list->cnt);
	log_info("consumer: %d partitions", list->cnt);
}

void
group_rebalance(rd_kafka_event_t *ev)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(ev);

	consumer.assigned = false;
	consumer_wait_for_lanes();
	if (rd_kafka_event_error(ev) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		assign(list);
		return;
	}
	if (!rd_kafka_assignment_lost(consumer.rk))
		group_commit_lag(true);
	forget_parts();
	rd_kafka_assign(consumer.rk, NULL);
}

/* ---- conflicts, pauses, lag ---- */

static int
follow_position(struct part *part, int64_t stored)
{
	if (part == NULL || part->stored == stored)
		return 0;
	log_warn("consumer: another owner moved %s/%d from %lld to %lld, or a failover did", part->topic,
	    part->partition, (long long)part->stored, (long long)stored);
	drop_messages(part);
	part->stored = stored;
	part->retry_ms = clock_mono_ms() + CONFLICT_PAUSE_MS;
	part->attempts = 0;
	part->refused_ms = 0;
	part->heard_ms = clock_mono_ms();
	seek(part, stored);
	if (part->paused)	/* what would have ended the pause was dropped */
		group_resume(part->lane, part);
	return 1;
}

int
group_resync(const struct lane *lane)
{
	struct request *rq = request_new(consumer.db);
	struct db_result *r = ask_positions(rq, lane);
	int moved = 0;

	for (int i = 0; r != NULL && i < db_rows(r); i++)
		moved += follow_position(part_find(db_text(r, i, 0), (int32_t)db_int(r, i, 1)),
		    db_int(r, i, 2));
	request_free(rq);
	return r == NULL ? -1 : moved;
}

static bool
is_meant(const struct lane *lane, const struct part *only, const struct part *p)
{
	return only != NULL ? p == only : p->lane == lane;
}

static rd_kafka_topic_partition_list_t *
list_of(const struct lane *lane, const struct part *only, bool paused)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	for (const struct part *p = consumer.parts; p != NULL; p = p->next)
		if (is_meant(lane, only, p) && p->paused == paused)
			rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
	return list;
}

static void
mark_paused(const struct lane *lane, const struct part *only, bool paused)
{
	for (struct part *p = consumer.parts; p != NULL; p = p->next)
		if (is_meant(lane, only, p)) {
			p->paused = paused;
			p->resting = false;
		}
}

/* What was fetched and not polled is fetched again after the pause. */
void
group_pause(const struct lane *lane, const struct part *part)
{
	rd_kafka_topic_partition_list_t *list = list_of(lane, part, false);

	if (list->cnt > 0)
		rd_kafka_pause_partitions(consumer.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	mark_paused(lane, part, true);
}

/* librdkafka goes on behind what was polled last: a pause has undone each seek that nothing came of yet. */
static void
seek_again(const struct lane *lane, const struct part *part)
{
	for (struct part *p = consumer.parts; p != NULL; p = p->next)
		if (is_meant(lane, part, p) && p->sought) {
			p->asked_again = -1;
			seek(p, p->expected);
		}
}

void
group_resume(const struct lane *lane, const struct part *part)
{
	rd_kafka_topic_partition_list_t *list = list_of(lane, part, true);

	if (list->cnt > 0)
		rd_kafka_resume_partitions(consumer.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	mark_paused(lane, part, false);
	seek_again(lane, part);
}

unsigned
group_rest(int64_t silent_since_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
	int n;

	for (struct part *p = consumer.parts; p != NULL; p = p->next) {
		if (p->paused || p->refused_ms != 0 || p->heard_ms > silent_since_ms)
			continue;
		rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
		p->paused = p->resting = true;
	}
	n = list->cnt;
	if (n > 0)
		rd_kafka_pause_partitions(consumer.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return (unsigned)n;
}

rd_kafka_topic_partition_list_t *
group_list_resting(void)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	for (const struct part *p = consumer.parts; p != NULL; p = p->next)
		if (p->resting)
			rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
	return list;
}

void
group_wake(const char *topic, int32_t partition, int64_t end)
{
	struct part *part = part_find(topic, partition);

	if (part == NULL || !part->resting || end == part->expected)
		return;
	part->heard_ms = clock_mono_ms();
	group_resume(part->lane, part);
}

void
group_commit_lag(bool now)
{
	rd_kafka_topic_partition_list_t *list;

	if (!now && clock_mono_ms() - consumer.committed_ms < COMMIT_EVERY_MS)
		return;
	consumer.committed_ms = clock_mono_ms();
	list = rd_kafka_topic_partition_list_new(16);
	for (struct part *p = consumer.parts; p != NULL; p = p->next) {
		if (p->stored == p->committed)
			continue;
		rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->stored;
		p->committed = p->stored;
	}
	failpoint(FP_CONSUMER_BEFORE_LAG);
	if (list->cnt > 0)
		rd_kafka_commit(consumer.rk, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}
