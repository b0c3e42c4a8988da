/*
 * The head of a request: request line and header block.
 *
 * The block is collected whole and checked line by line as it arrives, so that a fault is answered
 * at once and not when a deadline passes. Then it is split into fields here, where every byte of a
 * name is checked, and llhttp judges it once more and decides the framing; both must agree. What
 * this file checks beyond llhttp 8.1: folded lines, bare CR, LF and control bytes, sizes and
 * counts, Host, one framing only, Transfer-Encoding exactly chunked, the form of the target.
 */
#include "http_internal.h"

#include <string.h>
#include <strings.h>

#define METHOD_MAX 32
#define EMPTY_LINES_MAX 4	/* before a request; RFC 9112 2.2 asks for one */
#define VERSION_LEN 8		/* HTTP/1.1 */

/* Control bytes, which stop the search for the end of a line. A tab is white space. */
static const bool control[256] = {
	[0 ... 8] = true, [10 ... 31] = true, [127] = true,
};

/* Token bytes of RFC 9110. */
static const bool token[256] = {
	['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true,
	['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true,
	['`'] = true, ['|'] = true, ['~'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

/* Bytes of a host name or IPv4 address, as in RFC 3986 but for the comma: two hosts are none. */
static const bool host_byte[256] = {
	['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true, ['%'] = true, ['!'] = true,
	['$'] = true, ['&'] = true, ['\''] = true, ['('] = true, [')'] = true, ['*'] = true,
	['+'] = true, [';'] = true, ['='] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

/* Between the brackets of an IPv6 address. */
static const bool ipv6_byte[256] = {
	[':'] = true, ['.'] = true,
	['0' ... '9'] = true, ['A' ... 'F'] = true, ['a' ... 'f'] = true,
};

/* The headers that decide framing and routing, met while the block is split. */
struct known {
	const struct http_header *host, *length, *coding, *expect, *connection;
	unsigned hosts, lengths, codings, expects, connections;
};

int
http_line_find(const char *data, size_t len, size_t *at, struct http_fault *f)
{
	size_t i = *at;

	while (i < len && !control[(unsigned char)data[i]])
		i++;
	*at = i;
	if (i == len)
		return 0;
	if (data[i] == '\n')
		return http_fault(f, 400, "a line must end with CR LF, not with LF alone");
	if (data[i] != '\r')
		return http_fault(f, 400, "a control byte is not allowed here");
	if (i + 1 == len)
		return 0;
	if (data[i + 1] != '\n')
		return http_fault(f, 400, "CR must be followed by LF");
	*at = i + 1;
	return 1;
}

/* Only the form; what stands before and after the only colon and the name itself come later. */
static int
target_check(const char *target, size_t len, bool options, struct http_fault *f)
{
	if (len == 0)
		return http_fault(f, 400, "the request line has no target");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)target[i] <= 0x20 || (unsigned char)target[i] >= 0x7f ||
		    target[i] == '#')
			return http_fault(f, 400, "the target holds a byte that must be encoded");
	if (target[0] == '/' || (len == 1 && target[0] == '*' && options))
		return 0;
	if ((len > 7 && strncasecmp(target, "http://", 7) == 0) ||
	    (len > 8 && strncasecmp(target, "https://", 8) == 0))
		return 0;
	return http_fault(f, 400, "the target must begin with /");
}

static int
version_check(const char *version, struct http_scan *scan, struct http_fault *f)
{
	bool form = memcmp(version, "HTTP/", 5) == 0 && version[6] == '.' && version[5] >= '0' &&
	    version[5] <= '9' && version[7] >= '0' && version[7] <= '9';

	if (!form)
		return http_fault(f, 400, "the request line must end with HTTP/1.1");
	if (version[5] != '1' || version[7] > '1')
		return http_fault(f, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	scan->minor = (uint8_t)(version[7] - '0');
	return 0;
}

/* method SP target SP version, one space each. */
static int
request_line_check(struct http_scan *scan, const char *line, size_t len, size_t target_max,
    struct http_fault *f)
{
	size_t method = 0;

	while (method < len && token[(unsigned char)line[method]])
		method++;
	if (method == 0 || method > METHOD_MAX || method == len || line[method] != ' ')
		return http_fault(f, 400, "the request line must begin with a method and a space");
	if (len < method + 1 + 1 + VERSION_LEN || line[len - VERSION_LEN - 1] != ' ')
		return http_fault(f, 400, "the request line must be: method, target, HTTP/1.1");
	if (version_check(line + len - VERSION_LEN, scan, f) < 0)
		return -1;
	if (method == 7 && memcmp(line, "CONNECT", 7) == 0)
		return http_fault(f, 501, "CONNECT is not offered");
	scan->method_len = (uint8_t)method;
	size_t target = len - method - 1 - VERSION_LEN - 1;
	if (target > target_max)
		return http_fault(f, 414, "the target is too long");
	scan->target_len = (uint16_t)target;
	return target_check(line + method + 1, target,
	    method == 7 && memcmp(line, "OPTIONS", 7) == 0, f);
}

/* Sizes, judged also while a line is still incomplete. upto: bytes of the block seen so far. */
static int
scan_limits(const struct http_scan *scan, size_t upto, const struct http_limits *limits,
    struct http_fault *f)
{
	if (scan->lines == 0) {
		if (upto - scan->start > METHOD_MAX + limits->target_bytes + VERSION_LEN + 4)
			return http_fault(f, 414, "the target is too long");
		return 0;
	}
	size_t request_line = scan->method_len + scan->target_len + VERSION_LEN + 4u;
	if (upto - scan->start - request_line > limits->header_bytes + 2)
		return http_fault(f, 431, "the headers are too large together");
	if (scan->lines - 1u > limits->header_count)
		return http_fault(f, 431, "there are too many headers");
	return 0;
}

/* A complete line of len bytes. 1: it was the empty one that ends the block. */
static int
scan_line(struct http_scan *scan, const char *line, size_t len, const struct http_limits *limits,
    struct http_fault *f)
{
	if (len == 0 && scan->lines > 0)
		return 1;
	if (len == 0) {
		if (++scan->empty > EMPTY_LINES_MAX)
			return http_fault(f, 400, "too many empty lines before a request");
		scan->start = scan->at;
		return 0;
	}
	if (line[0] == ' ' || line[0] == '\t')
		return http_fault(f, 400, "a line must not begin with white space");
	if (scan->lines == 0 && request_line_check(scan, line, len, limits->target_bytes, f) < 0)
		return -1;
	scan->lines++;
	return 0;
}

int
http_head_scan(struct http_scan *scan, const char *data, size_t len,
    const struct http_limits *limits, struct http_fault *f)
{
	int got;

	do {
		size_t at = scan->at;
		got = http_line_find(data, len, &at, f);
		scan->at = (uint32_t)at;
		if (got > 0) {
			scan->at++;
			got = scan_line(scan, data + scan->line, at - 1 - scan->line, limits, f);
			if (got < 0)
				return -1;
			scan->line = scan->at;
			if (scan_limits(scan, scan->at, limits, f) < 0)
				return -1;
			if (got > 0)
				return 1;
			got = 1;
		}
	} while (got > 0);
	return got < 0 ? -1 : scan_limits(scan, len, limits, f);
}

static enum http_method
method_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
		enum http_method method;
	} methods[] = {
		{ "GET", 3, HTTP_M_GET }, { "POST", 4, HTTP_M_POST },
		{ "PATCH", 5, HTTP_M_PATCH }, { "PUT", 3, HTTP_M_PUT },
		{ "DELETE", 6, HTTP_M_DELETE }, { "HEAD", 4, HTTP_M_HEAD },
		{ "OPTIONS", 7, HTTP_M_OPTIONS },
	};

	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (methods[i].len == len && memcmp(methods[i].name, name, len) == 0)
			return methods[i].method;
	return HTTP_M_OTHER;
}

/* A name, IPv4 or [IPv6], and perhaps a port. */
static bool
host_is_valid(const char *host, size_t len)
{
	bool ipv6 = len > 0 && host[0] == '[';
	const bool *allowed = ipv6 ? ipv6_byte : host_byte;
	size_t begin = ipv6, i = begin;

	while (i < len && allowed[(unsigned char)host[i]])
		i++;
	if (i == begin || (ipv6 && (i == len || host[i++] != ']')))
		return false;
	if (i == len)
		return true;
	if (host[i++] != ':' || len - i > 5)
		return false;
	while (i < len && host[i] >= '0' && host[i] <= '9')
		i++;
	return i == len;
}

/* Cuts the query off; an absolute target keeps only its path. The text is ours to write into. */
static int
target_split(struct http_request *hr, char *target, struct http_fault *f)
{
	if (target[0] != '/' && target[0] != '*') {
		char *authority = strstr(target, "://") + 3;
		size_t len = strcspn(authority, "/?");
		if (!host_is_valid(authority, len))
			return http_fault(f, 400, "the target's host is not valid");
		target = authority + len;
	}
	char *query = strchr(target, '?');
	hr->query = query ? query + 1 : "";
	if (query)
		*query = '\0';
	hr->path = *target ? target : hr->method == HTTP_M_OPTIONS ? "*" : "/";
	return 0;
}

static void
known_note(struct known *k, const struct http_header *h)
{
#define NOTE(word, first, count) \
	if (memcmp(h->name, word, sizeof(word) - 1) == 0 && k->count++ == 0) \
		k->first = h
	switch (h->name_len) {
	case 4:
		NOTE("host", host, hosts);
		break;
	case 6:
		NOTE("expect", expect, expects);
		break;
	case 10:
		NOTE("connection", connection, connections);
		break;
	case 14:
		NOTE("content-length", length, lengths);
		break;
	case 17:
		NOTE("transfer-encoding", coding, codings);
		break;
	}
#undef NOTE
}

/* One field line of the copy, up to its CR: the name becomes lower case, both parts end in NUL. */
static int
field_split(struct http_header *h, char *line, char *end, struct http_fault *f)
{
	char *p = line;

	for (; token[(unsigned char)*p]; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	if (p == line)
		return http_fault(f, 400, "a header has no name");
	if (*p != ':')
		return http_fault(f, 400, "a header's name must be followed by a colon");
	h->name = line;
	h->name_len = (uint32_t)(p - line);
	*p++ = '\0';
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	h->value = p;
	h->value_len = (uint32_t)(end - p);
	return 0;
}

/* lines: all up to end, each with CRLF. */
static int
fields_split(struct http_request *hr, char *lines, char *end, struct known *k, struct http_fault *f)
{
	while (lines < end) {
		char *lf = memchr(lines, '\n', (size_t)(end - lines));
		struct http_header *h = &hr->headers[hr->nheaders];

		if (field_split(h, lines, lf - 1, f) < 0)
			return -1;
		hr->nheaders++;
		known_note(k, h);
		lines = lf + 1;
	}
	return 0;
}

static int
host_check(const struct http_request *hr, const struct known *k, struct http_fault *f)
{
	if (k->hosts == 0 && hr->http10)
		return 0;
	if (k->hosts != 1)
		return http_fault(f, 400, "exactly one Host header is needed");
	if (!host_is_valid(k->host->value, k->host->value_len))
		return http_fault(f, 400, "the Host header is not valid");
	return 0;
}

static int
coding_check(const struct http_request *hr, const struct known *k, struct http_fault *f)
{
	if (k->lengths)
		return http_fault(f, 400,
		    "Content-Length and Transfer-Encoding exclude each other");
	if (hr->http10)
		return http_fault(f, 400, "HTTP/1.0 knows no Transfer-Encoding");
	if (k->codings > 1 || strcasecmp(k->coding->value, "chunked") != 0)
		return http_fault(f, 501, "the only Transfer-Encoding known here is chunked");
	return 0;
}

static int
length_parse(const struct known *k, uint64_t *ret_length, struct http_fault *f)
{
	const struct http_header *h = k->length;
	uint64_t length = 0;

	if (k->lengths > 1)
		return http_fault(f, 400, "more than one Content-Length");
	if (h->value_len == 0 || h->value_len > 18)
		return http_fault(f, 400, "Content-Length must be a number");
	for (uint32_t i = 0; i < h->value_len; i++) {
		if (h->value[i] < '0' || h->value[i] > '9')
			return http_fault(f, 400, "Content-Length must be a number");
		length = length * 10 + (uint64_t)(h->value[i] - '0');
	}
	*ret_length = length;
	return 0;
}

static int
framing_decide(struct http_request *hr, const struct known *k, struct http_fault *f)
{
	hr->framing = FRAMING_NONE;
	if (k->codings) {
		hr->framing = FRAMING_CHUNK_LINE;
		return coding_check(hr, k, f);
	}
	if (k->lengths == 0)
		return 0;
	if (length_parse(k, &hr->remaining, f) < 0)
		return -1;
	if (hr->remaining > 0)
		hr->framing = FRAMING_LENGTH;
	return 0;
}

static int
expect_check(struct http_request *hr, const struct known *k, struct http_fault *f)
{
	if (k->expects == 0 || hr->http10)
		return 0;
	if (k->expects > 1 || strcasecmp(k->expect->value, "100-continue") != 0)
		return http_fault(f, 417, "the only expectation met here is 100-continue");
	hr->expects = hr->framing != FRAMING_NONE;
	return 0;
}

/* Whether a list of tokens holds word. */
static bool
list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		list += strspn(list, " \t,");
		size_t len = strcspn(list, " \t,");
		if (len == n && strncasecmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

static void
keep_alive_decide(struct http_request *hr, const struct known *k)
{
	bool close = false, keep = false;

	for (unsigned i = 0; k->connections && i < hr->nheaders; i++) {
		if (strcmp(hr->headers[i].name, "connection") != 0)
			continue;
		close = close || list_has(hr->headers[i].value, "close");
		keep = keep || list_has(hr->headers[i].value, "keep-alive");
	}
	hr->keep_alive = !close && (!hr->http10 || keep);
}

/*
 * llhttp's parser just after the method. All requests start from this copy: it saves the parser's
 * own start, and unknown methods, which llhttp has a closed list of, reach the router.
 */
void
http_parser_init(llhttp_t *parser)
{
	llhttp_init(parser, HTTP_REQUEST, &http_parser_settings);
	llhttp_execute(parser, "POST", 4);
}

/* llhttp's word on the same bytes: no error, and the framing that was decided here. */
static int
parser_agrees(struct http_request *hr, const char *rest, size_t len, struct http_fault *f)
{
	bool agrees;

	hr->parser = hr->server->fresh_parser;
	hr->parser.data = hr;
	if (llhttp_execute(&hr->parser, rest, len) != HPE_OK)
		return http_fault(f, 400, "the request is malformed");
	if (hr->framing == FRAMING_NONE)
		agrees = hr->complete;
	else if (hr->framing == FRAMING_LENGTH)
		agrees = !hr->complete && hr->parser.content_length == hr->remaining;
	else
		agrees = !hr->complete && (hr->parser.flags & F_CHUNKED);
	return agrees ? 0 : http_fault(f, 400, "the length of the request is ambiguous");
}

int
http_head_parse(struct http_request *hr, const struct http_scan *scan, const char *data,
    struct http_fault *f)
{
	size_t len = scan->at - scan->start;
	char *block = arena_alloc(hr->arena, len + 1);
	char *target = block + scan->method_len + 1;
	char *fields = target + scan->target_len + 1 + VERSION_LEN + 2;
	struct known k = { 0 };

	memcpy(block, data + scan->start, len);
	target[-1] = '\0';
	target[scan->target_len] = '\0';
	hr->method_name = block;
	hr->method = method_of(block, scan->method_len);
	hr->http10 = scan->minor == 0;
	hr->head_bytes = scan->at;
	hr->headers = arena_alloc(hr->arena, scan->lines * sizeof(*hr->headers));
	if (target_split(hr, target, f) < 0 ||
	    fields_split(hr, fields, block + len - 2, &k, f) < 0 || host_check(hr, &k, f) < 0 ||
	    framing_decide(hr, &k, f) < 0 || expect_check(hr, &k, f) < 0)
		return -1;
	keep_alive_decide(hr, &k);
	hr->safe = hr->method <= HTTP_M_HEAD && hr->framing == FRAMING_NONE && !hr->http10;
	return parser_agrees(hr, data + scan->start + scan->method_len, len - scan->method_len, f);
}
