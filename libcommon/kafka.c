/* librdkafka on our terms; see kafka.h. */
#include "kafka.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "service.h"

#define DOWN_SPAN_MS 1500	/* while brokers are away librdkafka says so every 0.5 s */
#define LINES_PER_SPAN 10	/* of librdkafka's own log: it repeats itself when brokers are away */
#define LINES_SPAN_MS 10000

static const struct kafka_setting common_settings[] = {
	{ "log.queue", "true" },		/* its threads never call us */
	{ "log.connection.close", "false" },	/* idle connections are closed by brokers; no news */
	{ "socket.nagle.disable", "true" },
	{ "socket.keepalive.enable", "true" },
	/* default 60 s: an answer that a killed broker owes is waited for as long, JoinGroup's too */
	{ "socket.timeout.ms", "10000" },
	{ "reconnect.backoff.ms", "50" },
	{ "reconnect.backoff.max.ms", "500" },	/* default 10 s: a restarted broker would wait */
	{ "topic.metadata.refresh.interval.ms", "10000" },	/* new topics are seen within this */
	{ "topic.metadata.refresh.sparse", "true" },
	{ 0 }
};

static int
apply(rd_kafka_conf_t *conf, const struct kafka_setting *s, struct error *e)
{
	char why[256];

	for (; s != NULL && s->name != NULL; s++)
		if (rd_kafka_conf_set(conf, s->name, s->value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
			return error_set(e, ERR_INTERNAL, "librdkafka refuses %s=%s: %s", s->name,
			    s->value, why);
	return 0;
}

rd_kafka_t *
kafka_client_new(rd_kafka_type_t type, const char *brokers, const char *client_id,
    const struct kafka_setting *own, int events, struct error *e)
{
	const struct kafka_setting who[] = {
		{ "bootstrap.servers", brokers }, { "client.id", client_id }, { 0 }
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char why[256];

	if (apply(conf, common_settings, e) < 0 || apply(conf, who, e) < 0 ||
	    apply(conf, own, e) < 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_events(conf, events | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		error_set(e, ERR_INTERNAL, "librdkafka: %s", why);
	}
	return rk;
}

rd_kafka_t *
kafka_daemon_client_new(rd_kafka_type_t type, const char *role, const struct kafka_setting *own,
    int events, struct error *e)
{
	char client_id[64];

	snprintf(client_id, sizeof(client_id), "nxt-%s-%s", service_self->name, role);
	return kafka_client_new(type, config_text("KAFKA_BROKERS"), client_id, own, events, e);
}

void
kafka_topic_name(char *out, size_t size, const char *type)
{
	snprintf(out, size, "%s%s", config_text("TOPIC_PREFIX"), type);
}

const char *
kafka_topic_type(const char *topic)
{
	const char *prefix = config_text("TOPIC_PREFIX");
	size_t n = strlen(prefix);

	return strncmp(topic, prefix, n) == 0 ? topic + n : topic;
}

static void *
dispose(void *rk)
{
	/* leaving the group was tried before, with a deadline; here it could block for ever */
	rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

void
kafka_dispose(rd_kafka_t *rk, int timeout_ms)
{
	struct timespec until;
	pthread_t thread;

	if (rk == NULL)
		return;
	if (pthread_create(&thread, NULL, dispose, rk) != 0) {
		log_warn("no thread to destroy a Kafka client on; it is left to the end of the process");
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	if (timeout_ms == 0 || pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		pthread_detach(thread);
}

/* ---- the queue on the loop ---- */

struct kafka_feed {
	rd_kafka_queue_t *queue;
	int pipe[2];
	struct event *readable;
	void (*on_ready)(void *arg);
	void *arg;
};

static void
on_pipe(evutil_socket_t fd, short what, void *arg)
{
	struct kafka_feed *feed = arg;
	char sink[64];

	(void)what;
	while (read(fd, sink, sizeof(sink)) > 0)
		;
	feed->on_ready(feed->arg);
}

struct kafka_feed *
kafka_feed_new(struct event_base *base, rd_kafka_queue_t *queue, void (*on_ready)(void *arg),
    void *arg)
{
	struct kafka_feed *feed = xcalloc(1, sizeof(*feed));

	if (pipe2(feed->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		log_error("pipe2: %s", strerror(errno));
		abort();
	}
	feed->queue = queue;
	feed->on_ready = on_ready;
	feed->arg = arg;
	feed->readable = event_new(base, feed->pipe[0], EV_READ | EV_PERSIST, on_pipe, feed);
	event_add(feed->readable, NULL);
	rd_kafka_queue_io_event_enable(queue, feed->pipe[1], "1", 1);
	kafka_feed_again(feed);		/* what came before is not announced */
	return feed;
}

rd_kafka_event_t *
kafka_feed_next(struct kafka_feed *feed)
{
	return rd_kafka_queue_poll(feed->queue, 0);
}

void
kafka_feed_again(struct kafka_feed *feed)
{
	event_active(feed->readable, EV_READ, 0);
}

rd_kafka_error_t *
kafka_feed_close_consumer(struct kafka_feed *feed, rd_kafka_t *rk)
{
	return rd_kafka_consumer_close_queue(rk, feed->queue);
}

void
kafka_feed_free(struct kafka_feed *feed)
{
	if (feed == NULL)
		return;
	rd_kafka_queue_io_event_enable(feed->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(feed->queue);
	event_free(feed->readable);
	close(feed->pipe[0]);
	close(feed->pipe[1]);
	free(feed);
}

/* ---- logs, errors, health ---- */

static void
take_log(rd_kafka_event_t *ev)
{
	static int64_t span_ms;
	static unsigned lines;
	const char *facility, *text;
	int level;

	if (rd_kafka_event_log(ev, &facility, &text, &level) < 0)
		return;
	if (clock_mono_ms() - span_ms > LINES_SPAN_MS) {
		span_ms = clock_mono_ms();
		lines = 0;
	}
	if (level >= LOG_INFO || ++lines > LINES_PER_SPAN)
		log_debug("kafka: %s: %s", facility, text);
	else
		log_warn("kafka: %s: %s", facility, text);
}

/*
 * Not authorized, unknown, cannot be decompressed: somebody has to see to it. librdkafka says so once for each topic and
 * partition, so nothing is left out. What its connections meet stands in its log besides.
 */
static void
tell_error(rd_kafka_event_t *ev, rd_kafka_resp_err_t code)
{
	rd_kafka_topic_partition_t *part = rd_kafka_event_topic_partition(ev);
	const char *why = rd_kafka_event_error_string(ev);

	if (part != NULL)
		log_warn("kafka: %s: %s/%d: %s", rd_kafka_err2name(code), part->topic, part->partition, why);
	else
		log_line(code > 0 ? LOG_L_WARN : LOG_L_DEBUG, NULL, "kafka: %s: %s", rd_kafka_err2name(code), why);
	if (part != NULL)
		rd_kafka_topic_partition_destroy(part);
}

static bool
take_error(rd_kafka_t *rk, rd_kafka_event_t *ev, struct kafka_health *h)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
	char why[256];

	switch (code) {
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		if (kafka_is_up(rk, h))
			log_warn("kafka: %s", rd_kafka_event_error_string(ev));
		h->down_ms = clock_mono_ms();
		return false;
	case RD_KAFKA_RESP_ERR__FATAL:
		code = rd_kafka_fatal_error(rk, why, sizeof(why));
		log_error("kafka: fatal: %s: %s", rd_kafka_err2name(code), why);
		return true;
	default:
		tell_error(ev, code);
		return false;
	}
}

bool
kafka_take_notice(rd_kafka_t *rk, rd_kafka_event_t *ev, struct kafka_health *h, bool *ret_fatal)
{
	*ret_fatal = false;
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_LOG:
		take_log(ev);
		break;
	case RD_KAFKA_EVENT_ERROR:
		*ret_fatal = take_error(rk, ev, h);
		break;
	case RD_KAFKA_EVENT_DR:
	case RD_KAFKA_EVENT_FETCH:
	case RD_KAFKA_EVENT_REBALANCE:
		return false;
	default:
		break;		/* commits for lag tools, statistics: nothing to do */
	}
	rd_kafka_event_destroy(ev);
	return true;
}

bool
kafka_is_up(rd_kafka_t *rk, struct kafka_health *h)
{
	if (!h->known) {
		char *id = rd_kafka_clusterid(rk, 0);	/* what is cached, at once */
		h->known = id != NULL;
		rd_kafka_mem_free(rk, id);
	}
	return h->known && (h->down_ms == 0 || clock_mono_ms() - h->down_ms > DOWN_SPAN_MS);
}
