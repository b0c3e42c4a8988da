/* Topics: made from what the daemons declare, and listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "nxtctl.h"

#define TOPICS_MAX 2000
#define TIMEOUT_MS 30000

struct topic {
	char name[256];
	int partitions;
	char retention_ms[32], cleanup[32];
};

/* name, partitions, retention and cleanup between tabs; a line with # is a heading. */
static int
parse_line(const char *line, const char *prefix, struct topic *t)
{
	char copy[1024], *save = NULL;
	const char *fields[4];

	snprintf(copy, sizeof(copy), "%s", line);
	for (int i = 0; i < 4; i++) {
		fields[i] = strtok_r(i == 0 ? copy : NULL, "\t\n", &save);
		if (fields[i] == NULL)
			return -1;
	}
	snprintf(t->name, sizeof(t->name), "%s%s", prefix, fields[0]);
	t->partitions = (int)strtol(fields[1], NULL, 10);
	snprintf(t->retention_ms, sizeof(t->retention_ms), "%s", fields[2]);
	snprintf(t->cleanup, sizeof(t->cleanup), "%s", fields[3]);
	return 0;
}

static int
read_topics(const char *prefix, struct topic *topics, size_t *ret_n)
{
	char line[1024];
	size_t n = 0;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (n == TOPICS_MAX)
			return complain("more than %d topics", TOPICS_MAX);
		if (parse_line(line, prefix, &topics[n]) < 0)
			return complain("not name<TAB>partitions<TAB>retention_ms<TAB>cleanup: %s", line);
		n++;
	}
	*ret_n = n;
	return n > 0 ? 0 : complain("no topics on standard input; nxt-<service> --topics prints them");
}

/* The development broker leaves CreateTopics unanswered; its clusters are named so. */
static bool
is_development_broker(rd_kafka_t *rk)
{
	char *id = rd_kafka_clusterid(rk, TIMEOUT_MS);
	bool is = id != NULL && strncmp(id, "mockCluster", 11) == 0;

	rd_kafka_mem_free(rk, id);
	return is;
}

/* It makes a topic when asked about it. */
static int
touch_topics(rd_kafka_t *rk, const struct topic *topics, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topics[i].name, NULL);
		const struct rd_kafka_metadata *metadata;
		rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &metadata, TIMEOUT_MS);

		rd_kafka_topic_destroy(rkt);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return complain("%s: %s", topics[i].name, rd_kafka_err2str(err));
		rd_kafka_metadata_destroy(metadata);
	}
	printf("%zu topics made on demand\n", n);
	return 0;
}

static int
judge(rd_kafka_event_t *ev)
{
	const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(ev);
	const rd_kafka_topic_result_t **each;
	size_t n = 0, made = 0, there = 0;
	int status = 0;

	if (rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return complain("topics: %s", rd_kafka_event_error_string(ev));
	each = rd_kafka_CreateTopics_result_topics(result, &n);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t err = rd_kafka_topic_result_error(each[i]);
		made += err == RD_KAFKA_RESP_ERR_NO_ERROR;
		there += err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR &&
		    err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			status = complain("%s: %s", rd_kafka_topic_result_name(each[i]),
			    rd_kafka_topic_result_error_string(each[i]));
	}
	if (status == 0)
		printf("%zu topics made, %zu were there\n", made, there);
	return status;
}

static int
create(rd_kafka_t *rk, const struct topic *topics, size_t n, int replication)
{
	rd_kafka_NewTopic_t **new = xcalloc(n, sizeof(*new));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_event_t *ev;
	char why[256];
	int status;

	for (size_t i = 0; i < n; i++) {
		new[i] = rd_kafka_NewTopic_new(topics[i].name, topics[i].partitions, replication, why,
		    sizeof(why));
		if (new[i] == NULL)
			return complain("%s: %s", topics[i].name, why);
		rd_kafka_NewTopic_set_config(new[i], "retention.ms", topics[i].retention_ms);
		rd_kafka_NewTopic_set_config(new[i], "cleanup.policy", topics[i].cleanup);
		/* else a broker refuses what comes from a clock an hour ahead (Kafka 4.0, KIP-1030); ce_time is the event's own */
		rd_kafka_NewTopic_set_config(new[i], "message.timestamp.type", "LogAppendTime");
	}
	rd_kafka_CreateTopics(rk, new, n, NULL, queue);
	ev = rd_kafka_queue_poll(queue, TIMEOUT_MS);
	status = ev == NULL ? complain("no answer from Kafka within 30 s") : judge(ev);
	if (ev != NULL)
		rd_kafka_event_destroy(ev);
	rd_kafka_NewTopic_destroy_array(new, n);
	free(new);
	rd_kafka_queue_destroy(queue);
	return status;
}

int
topics_create(const struct arguments *args)
{
	struct topic *topics = xcalloc(TOPICS_MAX, sizeof(*topics));
	rd_kafka_t *rk;
	size_t n = 0;
	int status = read_topics(args->prefix, topics, &n);

	if (status == 0) {
		rk = client_new(RD_KAFKA_PRODUCER, args->brokers, NULL);
		if (rk == NULL)
			status = 1;
		else if (is_development_broker(rk))
			status = touch_topics(rk, topics, n);
		else
			status = create(rk, topics, n, args->replication);
		if (rk != NULL)
			rd_kafka_destroy(rk);
	}
	free(topics);
	return status;
}

int
topics_list(const struct arguments *args)
{
	rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, args->brokers, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t err;

	if (rk == NULL)
		return 1;
	err = rd_kafka_metadata(rk, 1, NULL, &metadata, TIMEOUT_MS);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		for (int i = 0; i < metadata->topic_cnt; i++)
			if (without_prefix(metadata->topics[i].topic, args->prefix) != NULL)
				printf("%s\t%d\n", metadata->topics[i].topic,
				    metadata->topics[i].partition_cnt);
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_destroy(rk);
	return err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : complain("%s", rd_kafka_err2str(err));
}
