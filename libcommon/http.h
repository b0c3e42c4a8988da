/*
 * The HTTP/1.1 server: llhttp on libevent's bufferevents, one thread.
 *
 * It owns connections, framing, limits, deadlines and the order of answers, and refuses by itself
 * whatever is malformed, too large, too slow or ambiguous. It knows nothing of routes, JSON or
 * users. All calls are made on the thread of the event base.
 */
#ifndef NXT_HTTP_H
#define NXT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct evbuffer;
struct event_base;
struct http_request;
struct http_server;

/* Sizes in bytes, times in milliseconds. Start from a copy of http_limits_default. */
struct http_limits {
	size_t header_bytes;	/* all field lines of a request together; trailers too */
	unsigned header_count;	/* field lines; trailers too */
	size_t body_bytes;	/* decoded; a route may differ (http_server_body_limit) */
	size_t bodies_bytes;	/* memory of all unanswered requests' bodies; beyond: 503 */
	size_t target_bytes;	/* request target */
	unsigned connections;	/* beyond: 503 with Retry-After */
	unsigned pipeline;	/* of one connection in flight; only GET and HEAD overlap */
	size_t output_bytes;	/* unsent answers beyond which a connection's next request waits */
	int idle_ms;		/* between requests, and before the first */
	int header_ms;		/* from a request's first byte to the end of its header block */
	int body_ms;		/* for the whole body */
	int write_ms;		/* without any progress in sending */
	int linger_ms;		/* after the last answer, for the client to close first */
	int drain_ms;		/* how long an idle connection is kept once the server drains: a caller that has begun a
				 * request on it would lose it, so longer than proxies keep theirs */
};
extern const struct http_limits http_limits_default;

enum http_method {
	HTTP_M_GET,
	HTTP_M_HEAD,
	HTTP_M_POST,
	HTTP_M_PUT,
	HTTP_M_PATCH,
	HTTP_M_DELETE,
	HTTP_M_OPTIONS,
	HTTP_M_OTHER,		/* any other token; never CONNECT, which the server refuses */
};

/* Called on the loop, once per complete request; owes exactly one http_reply…, now or later. */
typedef void http_handler(struct http_request *hr, void *arg);
/*
 * Renders the body of an error that the server itself answers (400, 408, 413, 414, 417, 431, 501,
 * 503, 505): appends to out and returns the content type. `code` is the catalogue's word for it.
 */
typedef const char *http_error_renderer(struct evbuffer *out, int status, const char *code,
    const char *detail, const char *request_id);
/* The largest body this request may have; asked when its headers are there. */
typedef size_t http_body_limit(struct http_request *hr, void *arg);
typedef void http_callback(struct http_request *hr, void *arg);

struct http_stats {
	unsigned connections;	/* open now */
	unsigned busy;		/* requests at the handler now */
	uint64_t accepted;	/* connections, ever */
	uint64_t requests;	/* given to the handler */
	uint64_t refused;	/* answered by the server itself with an error */
	uint64_t overload;	/* connections beyond the cap */
	uint64_t timeouts;	/* requests not sent, answers not taken in time */
	size_t bodies_bytes;	/* memory of bodies now */
	uint64_t abandoned;	/* requests whose client left before the answer */
	uint64_t bytes_in, bytes_out;
};

/* ---- server ---- */

/* Ignores SIGPIPE for the process. render may be NULL: then a bare problem document is made. */
struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
    http_handler *handler, http_error_renderer *render, void *arg);
void http_server_body_limit(struct http_server *s, http_body_limit *limit);
/* Port 0: any free one. 0, or -1 with a sentence in ret_error. */
int http_server_listen(struct http_server *s, const char *host, int port, char *ret_error,
    size_t n);
int http_server_port(const struct http_server *s);
/* The step before draining: every answer ends its connection, but new ones are accepted. */
void http_server_retire(struct http_server *s);
/* Stops accepting; idle connections are closed after drain_ms, the rest with their next answer. */
void http_server_drain(struct http_server *s);
const struct http_stats *http_server_stats(const struct http_server *s);
/* Closes everything. Requests at the handler stay valid until their reply, which goes nowhere. */
void http_server_free(struct http_server *s);

/* ---- request: all text lives as long as the request ---- */

enum http_method http_method(const struct http_request *hr);
const char *http_method_name(const struct http_request *hr);
/* Not percent-decoded, without the query; "*" only for OPTIONS. Of an absolute target, its path. */
const char *http_path(const struct http_request *hr);
const char *http_query(const struct http_request *hr);	/* "" if none */
/* The first value under this lower-case name, white space trimmed; NULL if absent. */
const char *http_header(const struct http_request *hr, const char *name);
/* How many lines carry this name; that a header must be single is the caller's to know. */
unsigned http_header_count(const struct http_request *hr, const char *name);
/* One piece, followed by a NUL; "" if none. */
const char *http_body(const struct http_request *hr, size_t *ret_len);
/* The client's address without port; an IPv4 address inside IPv6 is shown as IPv4. */
const char *http_peer(struct http_request *hr);
struct arena *http_arena(struct http_request *hr);

/* ---- reply: everything is copied; hr is invalid after http_reply and http_reply_end ---- */

struct http_field {
	const char *name, *value;
};

/* fields: beyond Date, Content-Length and Connection, which are added here. */
void http_reply(struct http_request *hr, int status, const struct http_field *fields,
    size_t nfields, const void *body, size_t len);
/* An answer of unknown length: start, any number of chunks, end. */
void http_reply_start(struct http_request *hr, int status, const struct http_field *fields,
    size_t nfields);
/*
 * Bytes not yet sent, or -1 when the client has left (end it all the same). Above HTTP_HIGH_WATER
 * the caller should wait for http_on_drain.
 */
int http_reply_chunk(struct http_request *hr, const void *data, size_t len);
void http_reply_end(struct http_request *hr);

#define HTTP_HIGH_WATER 65536
#define HTTP_LOW_WATER 16384

/*
 * Once, on a later turn of the loop, when at most HTTP_LOW_WATER bytes are unsent. Never once the
 * client has left.
 */
void http_on_drain(struct http_request *hr, http_callback *cb, void *arg);
/*
 * Once, when the client leaves before the end of the reply; the reply is still owed. Not called
 * where it had left already: see http_client_gone. A client that only ended its sending side counts
 * as gone once the reply is a stream, else it is answered.
 */
void http_on_close(struct http_request *hr, http_callback *cb, void *arg);
bool http_client_gone(const struct http_request *hr);

#endif
