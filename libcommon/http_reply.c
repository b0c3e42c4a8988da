/*
 * Answers: rendered in one piece into the socket's buffer, or into the request's own where an
 * earlier request of the connection is still to be answered.
 */
#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define REQUEST_ID_MAX 64
#define REQUEST_ID_BYTES "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_."

/* Status lines with their reasons; others get an empty reason, which RFC 9112 allows. */
static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
	{ 206, "Partial Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
	{ 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
	{ 423, "Locked" }, { 428, "Precondition Required" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
	{ 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
};

/* The catalogue's words for what the server itself refuses. */
static const struct {
	int status;
	const char *code;
} codes[] = {
	{ 400, "bad_request" }, { 408, "request_timeout" }, { 413, "body_too_large" },
	{ 414, "target_too_long" }, { 417, "expectation_failed" }, { 431, "headers_too_large" },
	{ 501, "not_implemented" }, { 503, "overloaded" }, { 505, "http_version_not_supported" },
};

static const char *
reason_of(int status)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

static const char *
code_of(int status)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return codes[0].code;
}

const char *
http_server_date(struct http_server *s)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != s->date_s) {
		s->date_s = now.tv_sec;
		gmtime_r(&now.tv_sec, &tm);
		/* The C locale is never left, so the names are English. */
		strftime(s->date, sizeof(s->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	}
	return s->date;
}

/* ---- the head of an answer ---- */

enum length { LENGTH_KNOWN, LENGTH_CHUNKED, LENGTH_BY_CLOSE, LENGTH_NONE };

static char *
put(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

static char *
put_text(char *p, const char *text)
{
	return put(p, text, strlen(text));
}

static char *
put_number(char *p, size_t n)
{
	char digits[24], *d = digits + sizeof(digits);

	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	return put(p, d, (size_t)(digits + sizeof(digits) - d));
}

/* Whatever a caller puts into a header, it stays one line. */
static char *
put_field(char *p, const struct http_field *field)
{
	p = put_text(p, field->name);
	*p++ = ':';
	*p++ = ' ';
	for (const char *v = field->value; *v; v++)
		*p++ = (unsigned char)*v < ' ' && *v != '\t' ? ' ' : *v;
	*p++ = '\r';
	*p++ = '\n';
	return p;
}

static size_t
head_most(const struct http_field *fields, size_t nfields)
{
	/* status line, Date, Content-Length, Connection, Transfer-Encoding, empty line */
	size_t most = 64 + 40 + 48 + 32 + 32 + 2;

	for (size_t i = 0; i < nfields; i++)
		most += strlen(fields[i].name) + strlen(fields[i].value) + 4;
	return most;
}

static char *
put_status(char *p, int status)
{
	if (status == 200)
		return put(p, "HTTP/1.1 200 OK\r\n", 17);
	p = put(p, "HTTP/1.1 ", 9);
	p = put_number(p, (size_t)status);
	*p++ = ' ';
	p = put_text(p, reason_of(status));
	return put(p, "\r\n", 2);
}

static char *
put_head(char *p, const struct http_request *hr, int status, const struct http_field *fields,
    size_t nfields, enum length length, size_t len)
{
	p = put_status(p, status);
	p = put_text(p, http_server_date(hr->server));
	for (size_t i = 0; i < nfields; i++)
		p = put_field(p, &fields[i]);
	if (length == LENGTH_KNOWN) {
		p = put(p, "Content-Length: ", 16);
		p = put_number(p, len);
		p = put(p, "\r\n", 2);
	}
	if (length == LENGTH_CHUNKED)
		p = put_text(p, "Transfer-Encoding: chunked\r\n");
	if (hr->last)
		p = put_text(p, "Connection: close\r\n");
	else if (hr->http10)
		p = put_text(p, "Connection: keep-alive\r\n");
	return put(p, "\r\n", 2);
}

/* ---- where it goes ---- */

static void
sent(struct http_request *hr, size_t len)
{
	hr->server->stats.bytes_out += len;
	if (hr->out)
		hr->conn->held += len;
	http_conn_due(hr->conn);
}

/* Head and body in one piece of memory, so that a usual answer is one chain of the buffer. */
static void
render(struct http_request *hr, int status, const struct http_field *fields, size_t nfields,
    enum length length, const void *body, size_t len, size_t send)
{
	struct evbuffer *out = http_conn_output(hr);
	size_t most = head_most(fields, nfields) + send;
	struct evbuffer_iovec v;

	if (evbuffer_reserve_space(out, (ev_ssize_t)most, &v, 1) != 1)
		abort();	/* out of memory */
	char *end = put_head(v.iov_base, hr, status, fields, nfields, length, len);
	if (send)
		end = put(end, body, send);
	v.iov_len = (size_t)(end - (char *)v.iov_base);
	evbuffer_commit_space(out, &v, 1);
	sent(hr, v.iov_len);
}

/* The last answer of a connection says so. While the server winds down, that is the newest one. */
static void
last_decide(struct http_request *hr)
{
	bool newest = !TAILQ_NEXT(hr, link) && !hr->conn->reading;

	if (!hr->keep_alive || (hr->server->retired && newest)) {
		hr->last = true;
		hr->conn->closing = true;
	}
}

static bool
has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

void
http_reply(struct http_request *hr, int status, const struct http_field *fields, size_t nfields,
    const void *body, size_t len)
{
	if (hr->conn) {
		bool body_allowed = has_body(status);
		last_decide(hr);
		render(hr, status, fields, nfields, body_allowed ? LENGTH_KNOWN : LENGTH_NONE, body,
		    len, body_allowed && hr->method != HTTP_M_HEAD ? len : 0);
	}
	http_request_end(hr);
}

/* ---- streams ---- */

void
http_reply_start(struct http_request *hr, int status, const struct http_field *fields,
    size_t nfields)
{
	hr->streaming = true;
	if (!hr->conn)
		return;
	if (hr->http10)
		hr->keep_alive = false;	/* the close is the only end mark it knows */
	last_decide(hr);
	render(hr, status, fields, nfields, hr->http10 ? LENGTH_BY_CLOSE : LENGTH_CHUNKED, "", 0,
	    0);
}

int
http_reply_chunk(struct http_request *hr, const void *data, size_t len)
{
	if (!hr->conn)
		return -1;
	struct evbuffer *out = http_conn_output(hr);
	if (len > 0 && hr->method != HTTP_M_HEAD) {
		size_t before = evbuffer_get_length(out);
		if (!hr->http10)
			evbuffer_add_printf(out, "%zx\r\n", len);
		evbuffer_add(out, data, len);
		if (!hr->http10)
			evbuffer_add(out, "\r\n", 2);
		sent(hr, evbuffer_get_length(out) - before);
	}
	return (int)evbuffer_get_length(out);
}

void
http_reply_end(struct http_request *hr)
{
	if (hr->conn && !hr->http10 && hr->method != HTTP_M_HEAD) {
		evbuffer_add(http_conn_output(hr), "0\r\n\r\n", 5);
		sent(hr, 5);
	}
	http_request_end(hr);
}

/* ---- errors of the server itself ---- */

/* A random UUID, for a request that was refused before it had a name. */
static void
request_id_make(char out[37])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		memset(b, 0, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, 37,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}

/* The client's own word for it, where that may stand in a log and in JSON; else a new one. */
static const char *
request_id_of(const struct http_request *hr, char made[37])
{
	const char *id = http_header(hr, "x-request-id");
	size_t len = id ? strlen(id) : 0;

	if (len > 0 && len <= REQUEST_ID_MAX && strspn(id, REQUEST_ID_BYTES) == len)
		return id;
	request_id_make(made);
	return made;
}

static const char *
render_bare(struct evbuffer *out, int status, const char *code, const char *detail,
    const char *request_id)
{
	evbuffer_add_printf(out,
	    "{\"type\":\"/errors#%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\","
	    "\"code\":\"%s\",\"request_id\":\"%s\"}",
	    code, reason_of(status), status, detail, code, request_id);
	return "application/problem+json";
}

void
http_reply_error(struct http_request *hr, const struct http_fault *f)
{
	struct http_server *s = hr->server;
	http_error_renderer *renderer = s->render ? s->render : render_bare;
	char made[37];
	const char *request_id = request_id_of(hr, made);

	const char *type = renderer(s->scratch, f->status, code_of(f->status), f->detail,
	    request_id);
	struct http_field fields[] = {
		{ "Content-Type", type },
		{ "X-Request-Id", request_id },
		{ "Retry-After", "1" },
	};
	size_t len = evbuffer_get_length(s->scratch);
	const void *body = evbuffer_pullup(s->scratch, -1);

	s->stats.refused++;
	http_reply(hr, f->status, fields, f->status == 503 ? 3 : 2, body, len);
	evbuffer_drain(s->scratch, len);
}
