/*
 * The bytes of a message, judged before protobuf-c allocates anything for them.
 *
 * protobuf-c takes any bytes as a string, cuts it at a NUL, and builds one object per two bytes
 * if so asked; merging a repeated single message costs the square of their number. So: strings are
 * checked, tags and levels counted, a message field that may occur once occurs once.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
#include "event_internal.h"

#include "error.h"
#include "json.h"

#define TAGS_MAX 65536		/* an event with 10,000 field changes has 50,000 */
#define LEVELS_MAX 16
#define FIELDS_MAX 256		/* of one message, for the bits of what was seen */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct walk {
	const uint8_t *p, *end;
	unsigned tags;
	struct error *e;
};

static int
bad(struct walk *w, const ProtobufCMessageDescriptor *d, const char *what)
{
	return error_set(w->e, ERR_BAD_REQUEST, "%s: %s", d->name, what);
}

static bool
read_varint(struct walk *w, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
		uint8_t byte = *w->p++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool
skip(struct walk *w, uint64_t n)
{
	if (n > (uint64_t)(w->end - w->p))
		return false;
	w->p += n;
	return true;
}

static int walk_message(struct walk *w, const ProtobufCMessageDescriptor *d, int level);

static int
walk_bytes(struct walk *w, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
    int level)
{
	const uint8_t *start, *outer_end = w->end;
	uint64_t len;
	int result;

	if (!read_varint(w, &len))
		return bad(w, d, "cut short");
	start = w->p;
	if (!skip(w, len))
		return bad(w, d, "cut short");
	if (f == NULL)
		return 0;
	if (f->type == PROTOBUF_C_TYPE_STRING && !utf8_is_valid((const char *)start, len))
		return bad(w, d, "a text is not UTF-8 or holds a NUL");
	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	w->p = start;
	w->end = start + len;
	result = walk_message(w, f->descriptor, level + 1);
	w->end = outer_end;
	return result;
}

static int
walk_value(struct walk *w, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
    unsigned wire, int level)
{
	uint64_t ignored;

	switch (wire) {
	case WIRE_VARINT:
		return read_varint(w, &ignored) ? 0 : bad(w, d, "cut short");
	case WIRE_64:
		return skip(w, 8) ? 0 : bad(w, d, "cut short");
	case WIRE_32:
		return skip(w, 4) ? 0 : bad(w, d, "cut short");
	case WIRE_BYTES:
		return walk_bytes(w, d, f, level);
	default:
		return bad(w, d, "not protobuf");
	}
}

static bool
seen_before(uint64_t *seen, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
	size_t i;
	bool before;

	if (f == NULL || f->type != PROTOBUF_C_TYPE_MESSAGE ||
	    f->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	i = (size_t)(f - d->fields);
	if (i >= FIELDS_MAX)
		return true;
	before = seen[i / 64] >> (i % 64) & 1;
	seen[i / 64] |= (uint64_t)1 << (i % 64);
	return before;
}

static int
walk_message(struct walk *w, const ProtobufCMessageDescriptor *d, int level)
{
	uint64_t seen[FIELDS_MAX / 64] = { 0 };

	if (level > LEVELS_MAX)
		return bad(w, d, "too many levels");
	while (w->p < w->end) {
		const ProtobufCFieldDescriptor *f;
		uint64_t tag;

		if (!read_varint(w, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911)
			return bad(w, d, "not protobuf");
		if (++w->tags > TAGS_MAX)
			return bad(w, d, "too many fields");
		f = protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
		if (seen_before(seen, d, f))
			return bad(w, d, "a single message occurs twice");
		if (walk_value(w, d, f, tag & 7, level) < 0)
			return -1;
	}
	return 0;
}

int
event_wire_check(const ProtobufCMessageDescriptor *d, const void *payload, size_t len,
    struct error *e)
{
	struct walk w = { .p = payload, .end = (const uint8_t *)payload + len, .e = e };

	return walk_message(&w, d, 0);
}
