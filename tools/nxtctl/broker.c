/*
 * The development broker: librdkafka's mock cluster in a process of its own.
 *
 * It speaks the real protocol and keeps everything in memory. It has no CreateTopics, no retention
 * and no replication, and forgets all at its end.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>

#include "nxtctl.h"

int
broker_run(const struct arguments *args)
{
	rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
	rd_kafka_mock_cluster_t *cluster;
	sigset_t signals;
	int number;

	(void)args;
	if (rk == NULL)
		return 1;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	cluster = rd_kafka_mock_cluster_new(rk, 1);
	if (cluster == NULL) {
		rd_kafka_destroy(rk);
		return complain("the development broker cannot start");
	}
	printf("bootstrap.servers=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	sigwait(&signals, &number);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
