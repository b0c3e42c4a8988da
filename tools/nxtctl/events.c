/* Events as they pass: decoded, one JSON line each. Reads without a group, so it disturbs nobody. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "nxtctl.h"

#define TIMEOUT_MS 30000

/* A line that waits to be put in order of time. */
struct line {
	int64_t at_ms;
	int64_t order;		/* of arrival, for those of the same millisecond */
	char *text;
};

static struct {
	struct line *lines;
	size_t n, cap;
	long seen;
	int at_end, partitions;
} tail;

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static bool
is_wanted(const struct arguments *args, const char *topic)
{
	const char *type = without_prefix(topic, args->prefix);

	if (type == NULL || strncmp(topic, "__", 2) == 0)
		return false;
	for (int i = 0; i < args->nwords; i++)
		if (strcmp(args->words[i], type) == 0)
			return true;
	return args->nwords == 0;
}

static rd_kafka_topic_partition_list_t *
find_partitions(rd_kafka_t *rk, const struct arguments *args)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(100);
	const struct rd_kafka_metadata *m;
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 1, NULL, &m, TIMEOUT_MS);

	if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		complain("%s", rd_kafka_err2str(err));
		rd_kafka_topic_partition_list_destroy(list);
		return NULL;
	}
	for (int i = 0; i < m->topic_cnt; i++)
		for (int p = 0; p < m->topics[i].partition_cnt; p++)
			if (is_wanted(args, m->topics[i].topic))
				rd_kafka_topic_partition_list_add(list, m->topics[i].topic, p)->offset =
				    args->from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
	rd_kafka_metadata_destroy(m);
	if (list->cnt == 0)
		complain("no such topic; nxtctl topics list names those that exist");
	return list;
}

static void
keep_line(const rd_kafka_message_t *m, const char *text)
{
	rd_kafka_timestamp_type_t type;

	if (tail.n == tail.cap) {
		tail.cap = tail.cap == 0 ? 1024 : tail.cap * 2;
		tail.lines = xrealloc(tail.lines, tail.cap * sizeof(*tail.lines));
	}
	tail.lines[tail.n] = (struct line){ .at_ms = rd_kafka_message_timestamp(m, &type),
		.order = (int64_t)tail.n, .text = xstrdup(text) };
	tail.n++;
}

static void
take(const struct arguments *args, struct arena *a, const rd_kafka_message_t *m)
{
	const char *text;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		tail.at_end++;
		return;
	}
	if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		complain("%s", rd_kafka_message_errstr(m));
		return;
	}
	text = event_as_json(a, without_prefix(rd_kafka_topic_name(m->rkt), args->prefix),
	    m->partition, m->offset, m->payload, m->len);
	tail.seen++;
	if (args->exit_at_end)
		keep_line(m, text);
	else
		puts(text);
	arena_reset(a);
}

static int
by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
print_kept(void)
{
	if (tail.n > 0)
		qsort(tail.lines, tail.n, sizeof(*tail.lines), by_time);
	for (size_t i = 0; i < tail.n; i++) {
		puts(tail.lines[i].text);
		free(tail.lines[i].text);
	}
	free(tail.lines);
}

static void
follow(rd_kafka_t *rk, const struct arguments *args)
{
	struct arena *a = arena_new();

	while (!stopped && (args->count == 0 || tail.seen < args->count) &&
	    !(args->exit_at_end && tail.at_end >= tail.partitions)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 200);
		if (m == NULL)
			continue;
		take(args, a, m);
		rd_kafka_message_destroy(m);
	}
	print_kept();
	arena_free(a);
}

int
events_tail(const struct arguments *args)
{
	static const char *const settings[] = { "group.id", "nxtctl", "enable.auto.commit", "false",
		"enable.partition.eof", "true", "auto.offset.reset", "earliest",
		"socket.nagle.disable", "true", NULL };
	rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, args->brokers, settings);
	rd_kafka_topic_partition_list_t *list;

	if (rk == NULL)
		return 1;
	rd_kafka_poll_set_consumer(rk);
	list = find_partitions(rk, args);
	if (list != NULL && list->cnt > 0) {
		signal(SIGINT, on_signal);
		signal(SIGTERM, on_signal);
		tail.partitions = list->cnt;
		rd_kafka_assign(rk, list);
		follow(rk, args);
	}
	if (list != NULL)
		rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return tail.partitions > 0 ? 0 : 1;
}
