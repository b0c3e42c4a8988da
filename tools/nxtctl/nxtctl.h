/* The operator's command: what its files share. */
#ifndef NXTCTL_H
#define NXTCTL_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Parsed from the command line; what was not given is NULL, false or 0. */
struct arguments {
	const char *brokers, *database, *prefix;
	bool from_beginning, exit_at_end, all, yes;
	long count;
	int replication;
	char **words;		/* what is no option, NULL-terminated */
	int nwords;
};

/* Each returns the exit status: 0 done, 1 failed, 2 used wrongly. */
int topics_create(const struct arguments *args);
int topics_list(const struct arguments *args);
int events_tail(const struct arguments *args);
int broker_run(const struct arguments *args);
int dlq_list(const struct arguments *args);
int dlq_show(const struct arguments *args);
int dlq_replay(const struct arguments *args);
int dlq_drop(const struct arguments *args);

/* Says on standard error what is wrong and, where it helps, what to do; returns 1. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A client with librdkafka's own messages on standard error; NULL: it complained. */
rd_kafka_t *client_new(rd_kafka_type_t type, const char *brokers, const char *const *settings);
/* topic without prefix, or NULL where it does not begin with it */
const char *without_prefix(const char *topic, const char *prefix);
/* The event as JSON text, or a JSON object that says why it cannot be read. */
const char *event_as_json(struct arena *a, const char *type, int partition, long long offset,
    const void *payload, size_t len);

#endif
