/* W3C trace context and request ids; see trace.h. */
#include "trace.h"

#include <ctype.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "request.h"
#include "uuid.h"

#define TRACE_ID_AT 3	/* offsets in "00-<32 hex>-<16 hex>-<2 hex>" */
#define SPAN_ID_AT 36
#define FLAGS_AT 53
#define REQUEST_REF_MAX 128

/* n lower-case hex digits; *ret_zero tells whether they are all zero. */
static bool
is_hex(const char *s, int n, bool *ret_zero)
{
	*ret_zero = true;
	for (int i = 0; i < n; i++) {
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
		if (s[i] != '0')
			*ret_zero = false;
	}
	return true;
}

/* A version above 00 may have more behind; ff is forbidden. */
bool
traceparent_is_valid(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);
	bool version_zero, zero;

	if (n < TRACEPARENT_TEXT - 1 || s[2] != '-' || s[35] != '-' || s[52] != '-')
		return false;
	if (!is_hex(s, 2, &version_zero) || memcmp(s, "ff", 2) == 0)
		return false;
	if (n > TRACEPARENT_TEXT - 1 && (version_zero || s[TRACEPARENT_TEXT - 1] != '-'))
		return false;
	if (!is_hex(s + TRACE_ID_AT, 32, &zero) || zero)
		return false;
	if (!is_hex(s + SPAN_ID_AT, 16, &zero) || zero)
		return false;
	return is_hex(s + FLAGS_AT, 2, &zero);
}

/* A fresh trace id is a UUIDv7 without its dashes, so that the correlation id made of it sorts by time. */
static void
fresh_trace_id(char out[33])
{
	char uuid[UUID_TEXT], *p = out;

	uuid_v7(uuid);
	for (const char *s = uuid; *s != '\0'; s++)
		if (*s != '-')
			*p++ = *s;
	*p = '\0';
}

static void
fresh_span_id(char out[17])
{
	unsigned char b[8];

	do
		uuid_random(b, sizeof(b));
	while (sodium_is_zero(b, sizeof(b)));
	sodium_bin2hex(out, 17, b, sizeof(b));
}

/* Of the flags only "sampled" is passed on, as the standard asks for those we do not know. */
void
traceparent_child(const char *parent, char out[TRACEPARENT_TEXT])
{
	char trace_id[33], span_id[17];
	int sampled = 1;

	if (traceparent_is_valid(parent)) {
		memcpy(trace_id, parent + TRACE_ID_AT, 32);
		trace_id[32] = '\0';
		sampled = strchr("13579bdf", parent[FLAGS_AT + 1]) != NULL;
	} else {
		fresh_trace_id(trace_id);
	}
	fresh_span_id(span_id);
	memcpy(out, "00-", TRACE_ID_AT);
	memcpy(out + TRACE_ID_AT, trace_id, 32);
	out[SPAN_ID_AT - 1] = out[FLAGS_AT - 1] = '-';
	memcpy(out + SPAN_ID_AT, span_id, 16);
	memcpy(out + FLAGS_AT, sampled ? "01" : "00", 3);
}

static char *
correlation_of(struct arena *a, const char *traceparent)
{
	static const unsigned char groups[] = { 8, 4, 4, 4, 12 };
	const char *t = traceparent + TRACE_ID_AT;
	char *id = arena_alloc(a, UUID_TEXT), *p = id;

	for (size_t i = 0; i < sizeof(groups); i++) {
		memcpy(p, t, groups[i]);
		t += groups[i];
		p += groups[i];
		*p++ = '-';
	}
	p[-1] = '\0';
	return id;
}

static bool
is_printable(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++)
		if (s[n] < 0x20 || s[n] > 0x7e)
			return false;
	return n > 0 && n <= REQUEST_REF_MAX;
}

void
trace_from_http(struct request *rq, const char *x_request_id, const char *traceparent)
{
	char *child = arena_alloc(rq->arena, TRACEPARENT_TEXT);
	char *id = arena_alloc(rq->arena, UUID_TEXT);
	uint8_t raw[16];

	rq->request_ref = NULL;
	if (uuid_parse(x_request_id, raw)) {
		uuid_format(raw, id);
	} else {
		uuid_v7(id);
		if (x_request_id != NULL && is_printable(x_request_id))
			rq->request_ref = arena_strdup(rq->arena, x_request_id);
	}
	rq->request_id = id;
	traceparent_child(traceparent, child);
	rq->traceparent = child;
	rq->correlation_id = correlation_of(rq->arena, child);
}
