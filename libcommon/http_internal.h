/*
 * What the parts of the HTTP server share; nobody outside http*.c includes it.
 *
 * http.c         the server: listening, deadlines, drain
 * http_conn.c    one connection: taking requests in, sending answers out, ending
 * http_head.c    the header block: checks, split into fields
 * http_body.c    the body: length or chunks
 * http_reply.c   answers
 */
#ifndef NXT_HTTP_INTERNAL_H
#define NXT_HTTP_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include "arena.h"
#include "http.h"

/* Why a request is refused. detail is static text for the client. */
struct http_fault {
	int status;
	const char *detail;
};

/* Fills f and returns -1, so that a check and its failure are one statement. */
static inline int
http_fault(struct http_fault *f, int status, const char *detail)
{
	f->status = status;
	f->detail = detail;
	return -1;
}

/* ---- head ---- */

/* How far the header block at the front of the input has been looked at. All zero at its start. */
struct http_scan {
	uint32_t start;		/* of the request line, after empty lines */
	uint32_t line;		/* of the line being looked at */
	uint32_t at;		/* next byte to look at */
	uint16_t lines;		/* complete lines, the request line included */
	uint16_t target_len;
	uint8_t method_len;
	uint8_t minor;		/* HTTP/1.minor */
	uint8_t empty;		/* empty lines before the request line */
};

struct http_header {
	const char *name, *value;	/* lower case; trimmed */
	uint32_t name_len, value_len;
};

/*
 * Looks at what is new. Returns 0: more is needed; 1: the block is complete and scan->at its size;
 * -1: refused.
 */
int http_head_scan(struct http_scan *scan, const char *data, size_t len,
    const struct http_limits *limits, struct http_fault *f);
/* Fills the request from a complete block at data. 0, or -1: refused. */
int http_head_parse(struct http_request *hr, const struct http_scan *scan, const char *data,
    struct http_fault *f);
/*
 * Finds the CRLF from *at on. 1: *at is the index of its LF; 0: more is needed, *at is where to go
 * on; -1: a control byte, or a CR or LF alone.
 */
int http_line_find(const char *data, size_t len, size_t *at, struct http_fault *f);

/* ---- body ---- */

enum http_framing {
	FRAMING_NONE,
	FRAMING_LENGTH,
	FRAMING_CHUNK_LINE,
	FRAMING_CHUNK_DATA,
	FRAMING_CHUNK_END,
	FRAMING_TRAILER,
};

/* What llhttp is told to call. */
extern const llhttp_settings_t http_parser_settings;
/*
 * Takes what it can of data: bytes used, 0 where the rest of a line must come first, -1: refused.
 * hr->complete is set with the last byte.
 */
ssize_t http_body_take(struct http_request *hr, const char *data, size_t len,
    struct http_fault *f);
#define HTTP_CHUNK_LINE 1024	/* longest chunk-size line, extensions included */

/* ---- request ---- */

struct http_request {
	TAILQ_ENTRY(http_request) link;	/* in conn->queue, else server->orphans */
	struct http_conn *conn;		/* NULL: the client has left */
	struct http_server *server;	/* NULL: freed */
	struct arena *arena;

	enum http_method method;
	const char *method_name, *path, *query, *peer;
	struct http_header *headers;
	unsigned nheaders;
	uint32_t head_bytes;

	llhttp_t parser;
	enum http_framing framing;
	uint64_t remaining;		/* of the body, or of the chunk */
	size_t extra_bytes;		/* chunk extensions and trailers so far */
	unsigned trailers;
	char *body;			/* malloc: it grows */
	size_t body_len, body_cap, body_limit;

	struct evbuffer *out;		/* answer made before its turn; NULL: none */
	http_callback *drain_cb, *close_cb;
	void *drain_arg, *close_arg;

	bool http10 : 1;
	bool keep_alive : 1;
	bool expects : 1;		/* 100-continue is owed */
	bool complete : 1;		/* all of it arrived */
	bool safe : 1;			/* GET or HEAD without a body: may overlap with others */
	bool dispatched : 1;		/* the handler has it */
	bool streaming : 1;
	bool done : 1;			/* answer is complete */
	bool last : 1;			/* the connection ends with this answer */
};
TAILQ_HEAD(http_requests, http_request);

/* A request on c's queue (c may be NULL in tests), all but its arena empty. */
struct http_request *http_request_new(struct http_server *s, struct http_conn *c);
void http_request_free(struct http_request *hr);
/* The answer is complete: lets it and those behind it out. hr is invalid afterwards. */
void http_request_end(struct http_request *hr);

/* ---- connection ---- */

/* What a connection waits for; it is in exactly one of the server's lists, see http_conn_settle. */
enum http_phase {
	PHASE_IDLE,	/* for a request */
	PHASE_HEAD,	/* for the rest of a header block */
	PHASE_BODY,	/* for the rest of a body */
	PHASE_BUSY,	/* for the handler; the only one without a deadline */
	PHASE_WRITE,	/* for the client to take its answers */
	PHASE_LINGER,	/* for the client to close */
	PHASE_COUNT
};

struct http_conn {
	TAILQ_ENTRY(http_conn) in_phase;
	TAILQ_ENTRY(http_conn) in_due;		/* server->due, while `due` */
	TAILQ_ENTRY(http_conn) in_drained;	/* server->drained, while `drained` */
	struct http_server *server;
	struct bufferevent *bev;
	struct http_requests queue;	/* in order of arrival; only the first may send */
	struct http_request *reading;	/* last of the queue, until the handler has it */
	int64_t deadline_ms;		/* monotonic */
	struct http_scan scan;
	uint32_t queued;		/* requests in the queue */
	uint32_t head_bytes;		/* of their header blocks */
	size_t held;			/* bytes of answers made before their turn */
	size_t unread;			/* input left over from the last time */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} peer;
	enum http_phase phase : 8;
	bool writing : 1;	/* the bufferevent sends, because the socket was full */
	bool running : 1;	/* inside http_conn_run */
	bool due : 1;
	bool drained : 1;
	bool moved : 1;		/* something was achieved: a new deadline is earned */
	bool unsafe : 1;	/* a request that may not overlap is at the handler */
	bool closing : 1;	/* nothing more is taken in; the last answer is on its way */
	bool shut : 1;		/* our side is shut down */
	bool eof : 1;		/* theirs is */
	bool dead : 1;		/* to be freed */
};
TAILQ_HEAD(http_conns, http_conn);

/* Takes over the socket; refuse: answer 503 at once. */
void http_conn_new(struct http_server *s, evutil_socket_t fd, const struct sockaddr *peer,
    bool refuse);
/* Closes and frees; requests at the handler become orphans. */
void http_conn_free(struct http_conn *c);
/* Does all that can be done now: takes requests in, sends answers, chooses what to wait for.
 * May free c. */
void http_conn_run(struct http_conn *c);
/* Sees to it that http_conn_run is called before this turn of the loop ends. */
void http_conn_due(struct http_conn *c);
/* The deadline of its phase has passed. May free c. */
void http_conn_expire(struct http_conn *c);
/* Pops what is answered, lets the next answer out. */
void http_conn_advance(struct http_conn *c);
/* Answers an error after those already owed, takes nothing more, then closes. */
void http_conn_refuse(struct http_conn *c, const struct http_fault *f);
/* Where hr's answer goes now: the socket's buffer in its turn, else its own. */
struct evbuffer *http_conn_output(struct http_request *hr);

/* ---- server ---- */

#define HTTP_SPARE_ARENAS 16

struct http_server {
	struct event_base *base;
	struct http_limits limits;
	http_handler *handler;
	http_error_renderer *render;
	http_body_limit *body_limit;	/* NULL: limits.body_bytes */
	void *arg;
	struct evconnlistener *listener;
	struct event *resume_accept;	/* after descriptors ran out */
	int port;
	bool retired, draining;
	struct http_conns phases[PHASE_COUNT];
	struct http_conns due, drained;
	struct event *due_event, *drained_event, *deadline_event;
	int64_t deadline_ms;		/* when deadline_event fires; 0: never */
	struct http_requests orphans;
	struct arena *spare[HTTP_SPARE_ARENAS];
	unsigned spares;
	llhttp_t fresh_parser;		/* after the method, see http_head.c */
	struct evbuffer *scratch;	/* bodies of errors */
	int64_t date_s;
	char date[40];			/* "Date: …\r\n" of date_s */
	struct http_stats stats;
};

/* Moves c to the list of phase, with a new deadline where it changes or was earned. */
void http_server_phase(struct http_conn *c, enum http_phase phase);
void http_parser_init(llhttp_t *parser);
/* "Date: …\r\n", rendered once per second. */
const char *http_server_date(struct http_server *s);

/* ---- reply ---- */

void http_reply_error(struct http_request *hr, const struct http_fault *f);
int64_t http_now_ms(void);

#endif
