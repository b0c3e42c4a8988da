/*
 * A type's name, a line's end, and any bytes as its message. Held: what decodes prints as JSON and
 * gives every field's value as text; packed again it decodes to the same; a refusal has words.
 */
#include "fuzz.h"

#include "event_internal.h"

static void
hold_fields(struct arena *a, const struct event_in *ev)
{
	const ProtobufCMessageDescriptor *d = ev->message->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const char *value;
		bool of_messages = f->type == PROTOBUF_C_TYPE_MESSAGE &&
		    (f->label == PROTOBUF_C_LABEL_REPEATED || !message_is_time(f));
		if (of_messages || f->type == PROTOBUF_C_TYPE_BYTES)
			continue;
		value = event_value(a, ev, f->name);
		hold(value == NULL || utf8_is_valid(value, strlen(value)));
	}
}

static void
hold_repacked(struct arena *a, const struct event_in *ev, const char *json)
{
	size_t len = protobuf_c_message_get_packed_size(ev->message);
	uint8_t *bytes = arena_alloc(a, len + 1);
	struct event_in again;
	struct error e;

	hold(protobuf_c_message_pack(ev->message, bytes) == len);
	hold(event_decode(a, ev->type_name, bytes, len, &again, &e) == 0);
	hold(strcmp(event_json(a, &again), json) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	const char *type = take_until(a, &data, &len, '\n', NULL), *json;
	struct event_in ev;
	struct error e;

	/* Kafka's own rule for names of topics */
	if (type[strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0')
		type = "job.submitted";
	if (event_decode(a, type, data, len, &ev, &e) < 0) {
		hold_refusal(&e, e.code == ERR_TOO_LARGE ? ERR_TOO_LARGE : ERR_BAD_REQUEST);
	} else {
		json = event_json(a, &ev);
		hold(utf8_is_valid(json, strlen(json)));
		if (json_parse_strict(a, json, strlen(json), false, &e) == NULL)
			hold(strstr(e.text, "values at") != NULL);
		if (ev.message != NULL) {
			hold_fields(a, &ev);
			hold_repacked(a, &ev, json);
		}
	}
	arena_free(a);
	return 0;
}
