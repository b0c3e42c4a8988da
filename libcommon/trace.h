/* W3C trace context (https://www.w3.org/TR/trace-context/) and X-Request-Id, from HTTP through Kafka to mail. */
#ifndef NXT_TRACE_H
#define NXT_TRACE_H

#include <stdbool.h>

struct request;

#define TRACEPARENT_TEXT 56
bool traceparent_is_valid(const char *s);
/* A child of parent (same trace id, fresh span id), or a fresh trace where parent is NULL or invalid. */
void traceparent_child(const char *parent, char out[TRACEPARENT_TEXT]);
/*
 * Fills request_id, request_ref, correlation_id and traceparent from the headers' values (each may
 * be NULL). A request id that is no UUID is kept as request_ref (printable ASCII, at most 128) and
 * a UUID made. correlation_id is the trace id in UUID form, so one word joins logs, events and mails.
 */
void trace_from_http(struct request *rq, const char *x_request_id, const char *traceparent);

#endif
