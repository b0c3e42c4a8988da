/*
 * The body of a request: by length, or in chunks.
 *
 * Chunk lines and trailers are collected and checked like the header block, then llhttp reads
 * them; the bytes of the body only pass through it. Everything on the wire is counted: the body
 * against its limit, extensions and trailers against that of the headers. Trailers are dropped,
 * never merged into the headers.
 */
#include "http_internal.h"

#include <ctype.h>
#include <string.h>

#define CHUNK_DIGITS_MAX 16
#define BODY_FIRST 4096		/* first allocation where the length is not known */

static struct http_request *
request_of(llhttp_t *parser)
{
	return parser->data;
}

/*
 * Makes room for len more bytes and a NUL. Memory follows what has arrived, not what was announced,
 * and what all bodies of the server hold together is bounded.
 */
static int
body_reserve(struct http_request *hr, size_t len, struct http_fault *f)
{
	struct http_server *s = hr->server;
	size_t need = hr->body_len + len + 1;
	size_t cap = hr->body_cap ? hr->body_cap * 2 : BODY_FIRST;

	if (need <= hr->body_cap)
		return 0;
	if (hr->framing == FRAMING_LENGTH && cap > hr->body_len + hr->remaining + 1)
		cap = hr->body_len + hr->remaining + 1;
	if (cap < need)
		cap = need;
	if (s->stats.bodies_bytes + cap - hr->body_cap > s->limits.bodies_bytes)
		return http_fault(f, 503, "too much is being sent at once");
	s->stats.bodies_bytes += cap - hr->body_cap;
	hr->body_cap = cap;
	hr->body = xrealloc(hr->body, cap);
	return 0;
}

static int
on_headers_complete(llhttp_t *parser)
{
	parser->upgrade = 0;	/* no other protocol is offered: Upgrade is ignored */
	return 0;
}

static int
on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct http_request *hr = request_of(parser);

	memcpy(hr->body + hr->body_len, at, len);
	hr->body_len += len;
	hr->body[hr->body_len] = '\0';
	return 0;
}

static int
on_chunk_header(llhttp_t *parser)
{
	request_of(parser)->remaining = parser->content_length;
	return 0;
}

static int
on_message_complete(llhttp_t *parser)
{
	request_of(parser)->complete = true;
	return 0;
}

const llhttp_settings_t http_parser_settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_message_complete = on_message_complete,
};

static int
feed(struct http_request *hr, const char *data, size_t len, struct http_fault *f)
{
	if (llhttp_execute(&hr->parser, data, len) != HPE_OK)
		return http_fault(f, 400, "the body is malformed");
	return 0;
}

/* The body's own bytes, as many as are there. */
static ssize_t
take_data(struct http_request *hr, const char *data, size_t len, struct http_fault *f)
{
	size_t n = len < hr->remaining ? len : (size_t)hr->remaining;

	if (body_reserve(hr, n, f) < 0 || feed(hr, data, n, f) < 0)
		return -1;
	hr->remaining -= n;
	if (hr->remaining == 0 && hr->framing == FRAMING_CHUNK_DATA)
		hr->framing = FRAMING_CHUNK_END;
	return (ssize_t)n;
}

/* Digits at the front of a chunk line, followed by nothing or extensions; -1: refused. */
static ssize_t
chunk_digits(const char *line, size_t len, struct http_fault *f)
{
	size_t digits = 0;

	while (digits < len && isxdigit((unsigned char)line[digits]))
		digits++;
	if (digits == 0 || digits > CHUNK_DIGITS_MAX)
		return http_fault(f, 400, "a chunk must begin with its size in hexadecimal");
	if (len > digits && line[digits] != ';')
		return http_fault(f, 400, "a chunk's size must be followed by CR LF");
	return (ssize_t)digits;
}

/*
 * Extensions are ignored but counted. llhttp 8.1 refuses some that are right, so it sees only the
 * size; that they hold no control byte is known from the search for the end of the line.
 */
static ssize_t
take_chunk_line(struct http_request *hr, const char *line, size_t size, struct http_fault *f)
{
	if (size > HTTP_CHUNK_LINE)
		return http_fault(f, 400, "a chunk's extensions are too long");
	ssize_t digits = chunk_digits(line, size - 2, f);
	if (digits < 0)
		return -1;
	hr->extra_bytes += size - 2 - (size_t)digits;
	if (hr->extra_bytes > hr->server->limits.header_bytes)
		return http_fault(f, 400, "the chunk extensions are too long together");
	if (feed(hr, line, (size_t)digits, f) < 0 || feed(hr, "\r\n", 2, f) < 0)
		return -1;
	if (hr->remaining > hr->body_limit - hr->body_len)
		return http_fault(f, 413, "the body is too large");
	hr->framing = hr->remaining ? FRAMING_CHUNK_DATA : FRAMING_TRAILER;
	return (ssize_t)size;
}

static ssize_t
take_trailer(struct http_request *hr, const char *line, size_t size, struct http_fault *f)
{
	hr->extra_bytes += size;
	if (hr->extra_bytes > hr->server->limits.header_bytes ||
	    ++hr->trailers > hr->server->limits.header_count + 1)
		return http_fault(f, 431, "the trailers are too large");
	if (line[0] == ' ' || line[0] == '\t' || line[0] == ':')
		return http_fault(f, 400, "a trailer is malformed");
	return feed(hr, line, size, f) < 0 ? -1 : (ssize_t)size;
}

/* CR LF after a chunk, judged byte by byte: a longer chunk is seen at once. */
static ssize_t
take_chunk_end(struct http_request *hr, const char *data, size_t len, struct http_fault *f)
{
	if (data[0] != '\r' || (len > 1 && data[1] != '\n'))
		return http_fault(f, 400, "a chunk is longer than its size");
	if (len < 2)
		return 0;
	if (feed(hr, data, 2, f) < 0)
		return -1;
	hr->framing = FRAMING_CHUNK_LINE;
	return 2;
}

ssize_t
http_body_take(struct http_request *hr, const char *data, size_t len, struct http_fault *f)
{
	size_t at = 0;
	bool trailer = hr->framing == FRAMING_TRAILER;
	size_t most = trailer ? hr->server->limits.header_bytes : HTTP_CHUNK_LINE;

	if (len == 0)
		return 0;
	if (hr->framing == FRAMING_LENGTH || hr->framing == FRAMING_CHUNK_DATA)
		return take_data(hr, data, len, f);
	if (hr->framing == FRAMING_CHUNK_END)
		return take_chunk_end(hr, data, len, f);
	int got = http_line_find(data, len, &at, f);
	if (got < 0)
		return -1;
	if (got == 0 && len <= most)
		return 0;
	if (got == 0)
		at = len;	/* too long already, and refused as such */
	return trailer ? take_trailer(hr, data, at + 1, f) : take_chunk_line(hr, data, at + 1, f);
}
