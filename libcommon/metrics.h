/* Metrics: declared in one table, counted by index, printed as Prometheus text 0.0.4. */
#ifndef NXT_METRICS_H
#define NXT_METRICS_H

#include <stdint.h>

struct arena;
struct buf;

/*      symbol                 type       name                                    help */
#define METRIC_LIST(X) \
	X(M_HTTP_REQUESTS, COUNTER, "nxt_http_requests_total", "Requests answered.") \
	X(M_HTTP_ERRORS_4XX, COUNTER, "nxt_http_client_errors_total", "Answers with a 4xx status.") \
	X(M_HTTP_ERRORS_5XX, COUNTER, "nxt_http_server_errors_total", "Answers with a 5xx status.") \
	X(M_HTTP_SHED, COUNTER, "nxt_http_shed_total", "Requests refused because of overload.") \
	X(M_HTTP_IN_FLIGHT, GAUGE, "nxt_http_in_flight_requests", "Requests being worked on.") \
	X(M_HTTP_CONNECTIONS, GAUGE, "nxt_http_connections", "Open client connections.") \
	X(M_HTTP_SECONDS, HISTOGRAM, "nxt_http_request_duration_seconds", "From the last byte of the request to the answer.") \
	X(M_DB_QUERIES, COUNTER, "nxt_db_statements_total", "Statements sent to PostgreSQL.") \
	X(M_DB_COALESCED, COUNTER, "nxt_db_coalesced_reads_total", "Reads answered by what another request of the same turn read.") \
	X(M_BATCHES, COUNTER, "nxt_batches_total", "Array statements made of what several requests asked for in one turn.") \
	X(M_BATCH_ITEMS, COUNTER, "nxt_batch_items_total", "Requests that went in them.") \
	X(M_DB_RETRIES, COUNTER, "nxt_db_transaction_retries_total", "Transactions run again after a serialization failure or deadlock.") \
	X(M_DB_RECONNECTS, COUNTER, "nxt_db_reconnects_total", "Connections to PostgreSQL made again.") \
	X(M_DB_LEASE_WAIT, GAUGE, "nxt_db_lease_waiters", "Units waiting for a connection.") \
	X(M_OUTBOX_WRITTEN, COUNTER, "nxt_outbox_events_written_total", "Events committed to the outbox by this process.") \
	X(M_OUTBOX_SENT, COUNTER, "nxt_outbox_events_sent_total", "Events acknowledged by the broker.") \
	X(M_OUTBOX_PENDING, GAUGE, "nxt_outbox_pending_events", "Events not yet acknowledged, by the last count.") \
	X(M_OUTBOX_OLDEST, GAUGE, "nxt_outbox_oldest_seconds", "Age of the oldest event not yet sent.") \
	X(M_RELAY_ACTIVE, GAUGE, "nxt_relay_active", "1 where this process holds the relay lease.") \
	X(M_KAFKA_UP, GAUGE, "nxt_kafka_up", "1 where the broker answers.") \
	X(M_CONSUMER_PARTITIONS, GAUGE, "nxt_consumer_partitions", "Partitions assigned to this process.") \
	X(M_CONSUMER_RESTING, GAUGE, "nxt_consumer_resting_partitions", "Of these, silent ones that are not fetched while much comes.") \
	X(M_EVENTS_CONSUMED, COUNTER, "nxt_events_consumed_total", "Events whose effect was committed.") \
	X(M_EVENTS_DUPLICATE, COUNTER, "nxt_events_duplicate_total", "Events seen again and dropped.") \
	X(M_EVENTS_RETRIED, COUNTER, "nxt_events_retried_total", "Batches run again after a transient failure.") \
	X(M_DEAD_LETTERS, COUNTER, "nxt_dead_letters_total", "Events put aside for an operator.") \
	X(M_STUBS_OLD, GAUGE, "nxt_reference_stubs_old", "Reference stubs older than five minutes.") \
	X(M_SETTINGS_REFUSED, COUNTER, "nxt_settings_refused_total", "Values of runtime configuration that did not fit their schema.") \
	X(M_AUTH_CACHE_HITS, COUNTER, "nxt_auth_cache_hits_total", "Access tokens known already.") \
	X(M_AUTH_VERIFIED, COUNTER, "nxt_auth_tokens_verified_total", "Access tokens verified by signature.") \
	X(M_AUTH_REFUSED, COUNTER, "nxt_auth_tokens_refused_total", "Access tokens refused.") \
	X(M_WORK_QUEUED, GAUGE, "nxt_work_queued_jobs", "Jobs waiting for the work pool.") \
	X(M_LOOP_SLOW, COUNTER, "nxt_loop_slow_turns_total", "Turns of the event loop over 50 ms.") \
	X(M_FIBERS, GAUGE, "nxt_fibers", "Fibers alive.") \
	X(M_BOOKS_WRONG, GAUGE, "nxt_books_checks_failed", "Checks of finance's books that did not hold at the last run.") \
	X(M_LINKS_GIVEN_UP, COUNTER, "nxt_links_given_up_total", "Links by mail that were asked for and could not be made, however often tried.") \
	X(M_MAIL_SENT, COUNTER, "nxt_mail_sent_total", "Mails accepted by the SMTP server.") \
	X(M_MAIL_FAILED, COUNTER, "nxt_mail_failed_total", "Mails given up.") \
	X(M_MAIL_PENDING, GAUGE, "nxt_mail_pending", "Mails waiting.") \
	X(M_NOTIFICATIONS_LOST, GAUGE, "nxt_notifications_lost", "Notifications past their deadline and never sent.")

enum metric_id {
#define X(symbol, type, name, help) symbol,
	METRIC_LIST(X)
#undef X
	METRIC_COUNT
};

void metric_add(enum metric_id id, int64_t n);
void metric_set(enum metric_id id, int64_t v);
int64_t metric_get(enum metric_id id);
void metric_observe_us(enum metric_id id, int64_t us);	/* histograms */
void metrics_render(struct buf *out);	/* Prometheus text */
void metrics_print(void);		/* --metrics: name, type, help */

#endif
