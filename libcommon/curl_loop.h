/*
 * libcurl on the event loop: outgoing HTTP and SMTP that park a fiber instead of blocking.
 *
 * The caller makes, configures and frees the easy handle; its callbacks run on the loop while the
 * fiber waits, and the pointers it was given must stay valid until then.
 */
#ifndef NXT_CURL_LOOP_H
#define NXT_CURL_LOOP_H

#include <curl/curl.h>

struct error;
struct event_base;

/* Cheap; libcurl itself starts with the first transfer. */
void curl_loop_init(struct event_base *base);
/* Ends every running transfer with CURLE_ABORTED_BY_CALLBACK; called again when none is left, frees libcurl. */
void curl_loop_shutdown(void);
/*
 * Runs the transfer to its end and returns libcurl's verdict; CURLE_OPERATION_TIMEDOUT after
 * timeout_ms, CURLE_ABORTED_BY_CALLBACK where the fiber was cancelled or the process stops.
 * Details are in the handle (CURLINFO_RESPONSE_CODE, CURLOPT_ERRORBUFFER).
 */
CURLcode curl_run(CURL *easy, int timeout_ms);
/* As curl_run: 0, or -1 with ERR_UNAVAILABLE and the reason, without any URL in it. */
int curl_fetch(CURL *easy, int timeout_ms, struct error *e);

#endif
