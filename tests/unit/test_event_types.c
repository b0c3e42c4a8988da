/*
 * The event contract in C: the table against its messages, and the golden bytes of every message.
 */
#include "event_types.h"
#include "nxtgauge/events/v1/context.pb-c.h"
#include "nxtgauge/events/v1/marketplace.pb-c.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#ifndef NXT_SOURCE_DIR
#define NXT_SOURCE_DIR "."
#endif

/* A constant address: this must stand in a static table. */
static const struct event_type *const static_use[] = { &EV_JOB_SUBMITTED, &EV_APPROVAL_DECIDED };

static void
test_find(void **state)
{
	(void)state;
	assert_ptr_equal(event_type_find("job.submitted"), &EV_JOB_SUBMITTED);
	assert_ptr_equal(static_use[0]->descriptor, &nxtgauge__events__v1__job_submitted__descriptor);
	assert_ptr_equal(event_type_find("access.denied"), &EV_ACCESS_DENIED);
	assert_ptr_equal(event_type_find("wallet.low"), &EV_WALLET_LOW);
	assert_null(event_type_find("job.submitte"));
	assert_null(event_type_find("job.submitted "));
	assert_null(event_type_find("zzz"));
	assert_null(event_type_find(""));
}

static void
test_sorted_and_found(void **state)
{
	size_t count;
	const struct event_type *const *all = event_type_all(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			assert_true(strcmp(all[i - 1]->name, all[i]->name) < 0);
		assert_ptr_equal(event_type_find(all[i]->name), all[i]);
	}
}

/* job.submitted is carried by JobSubmitted, role.permissions_changed by RolePermissionsChanged. */
static void
assert_message_named_after(const struct event_type *type)
{
	const char *name = type->name;
	char camel[128];
	size_t n = 0;
	bool start = true;

	for (; *name; name++) {
		if (*name == '.' || *name == '_') {
			start = true;
			continue;
		}
		camel[n++] = start ? (char)(*name - 'a' + 'A') : *name;
		start = false;
	}
	camel[n] = '\0';
	assert_string_equal(type->descriptor->short_name, camel);
}

/* What protobuf-c 1.4 handles badly must not come in: optional, oneof, enums (but the class). */
static void
assert_plain_fields(const ProtobufCMessageDescriptor *descriptor)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

		assert_int_equal(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF, 0);
		assert_true(field->label == PROTOBUF_C_LABEL_NONE ||
			    field->label == PROTOBUF_C_LABEL_REPEATED);
		assert_true(field->type != PROTOBUF_C_TYPE_ENUM);
	}
}

static void
test_messages_fit_the_table(void **state)
{
	size_t count;
	const struct event_type *const *all = event_type_all(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *first = &all[i]->descriptor->fields[0];

		assert_message_named_after(all[i]);
		assert_int_equal(first->id, 1);
		assert_string_equal(first->name, "context");
		assert_ptr_equal(first->descriptor, &nxtgauge__events__v1__context__descriptor);
		assert_plain_fields(all[i]->descriptor);
		assert_true(!all[i]->key || protobuf_c_message_descriptor_get_field_by_name(
						all[i]->descriptor, all[i]->key));
		assert_true(all[i]->retention_hours > 0);
		assert_true(all[i]->doc[0] != '\0');
	}
}

static void
test_action_and_status_names(void **state)
{
	(void)state;
	assert_string_equal(event_action_name(EV_JOB_PUBLISHED.action), "UPDATE");
	assert_string_equal(event_action_name(EV_USER_REGISTERED.action), "CREATE");
	assert_string_equal(event_action_name(EV_SESSION_REVOKED.action), "DELETE");
	assert_null(event_action_name(EV_APPROVAL_DECIDED.action));
	assert_null(event_action_name(EV_DEPARTMENT_CHANGED.action));
	assert_string_equal(event_status_name(EV_AUTH_FAILED.status), "FAILED");
	assert_string_equal(event_status_name(EV_JOB_PUBLISHED.status), "SUCCESS");
	assert_int_equal(EV_AUTH_TOKEN_ISSUED.retention_hours, 1);
}

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes
read_golden(const char *type_name)
{
	char path[1024];
	struct bytes golden = { NULL, 0 };
	FILE *f;

	snprintf(path, sizeof(path), NXT_SOURCE_DIR "/tests/golden/events/%s.bin", type_name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: missing; run tests/golden/make.py", path);
	golden.data = test_malloc(1 << 20);
	golden.len = fread(golden.data, 1, 1 << 20, f);
	fclose(f);
	return golden;
}

static void assert_same_message(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* One value of a field, wherever it lies: in the message or in a repeated field's array. */
static void
assert_same_value(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
	const ProtobufCBinaryData *data_a = a, *data_b = b;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		assert_string_equal(*(char *const *)a, *(char *const *)b);
		break;
	case PROTOBUF_C_TYPE_INT64:
		assert_true(*(const int64_t *)a == *(const int64_t *)b);
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_BOOL:
		assert_int_equal(*(const int *)a, *(const int *)b);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		assert_int_equal(data_a->len, data_b->len);
		assert_memory_equal(data_a->data, data_b->data, data_a->len);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		assert_same_message(*(ProtobufCMessage *const *)a, *(ProtobufCMessage *const *)b);
		break;
	default:
		fail_msg("%s: events use no field of this type", field->name);
	}
}

static size_t
value_size(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_INT64 ? sizeof(int64_t) : sizeof(void *);
}

static void
assert_same_field(const ProtobufCFieldDescriptor *field, const uint8_t *a, const uint8_t *b)
{
	size_t count = *(const size_t *)(a + field->quantifier_offset);
	const uint8_t *items_a, *items_b;

	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		assert_same_value(field, a + field->offset, b + field->offset);
		return;
	}
	assert_int_equal(count, *(const size_t *)(b + field->quantifier_offset));
	assert_true(count > 0);
	items_a = *(uint8_t *const *)(a + field->offset);
	items_b = *(uint8_t *const *)(b + field->offset);
	for (size_t i = 0; i < count; i++)
		assert_same_value(field, items_a + i * value_size(field),
				  items_b + i * value_size(field));
}

/* Both are there, of one kind, understood to the last byte, and equal field by field. */
static void
assert_same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_equal(a->descriptor, b->descriptor);
	assert_int_equal(a->n_unknown_fields, 0);
	assert_int_equal(b->n_unknown_fields, 0);
	for (unsigned i = 0; i < a->descriptor->n_fields; i++)
		assert_same_field(&a->descriptor->fields[i], (const uint8_t *)a,
				  (const uint8_t *)b);
}

static struct bytes
pack(const ProtobufCMessage *message)
{
	struct bytes out;

	out.len = protobuf_c_message_get_packed_size(message);
	out.data = test_malloc(out.len + 1);
	assert_int_equal(protobuf_c_message_pack(message, out.data), out.len);
	return out;
}

static void
check_golden(const struct event_type *type)
{
	struct bytes golden = read_golden(type->name), again;
	ProtobufCMessage *message, *copy;

	message = protobuf_c_message_unpack(type->descriptor, NULL, golden.len, golden.data);
	if (!message)
		fail_msg("%s: the golden bytes do not decode", type->name);
	again = pack(message);
	assert_int_equal(again.len, golden.len); /* nothing lost, whatever the order */
	copy = protobuf_c_message_unpack(type->descriptor, NULL, again.len, again.data);
	assert_same_message(message, copy);
	protobuf_c_message_free_unpacked(copy, NULL);
	protobuf_c_message_free_unpacked(message, NULL);
	test_free(again.data);
	test_free(golden.data);
}

static void
test_golden_bytes(void **state)
{
	size_t count;
	const struct event_type *const *all = event_type_all(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		check_golden(all[i]);
}

/* Audit reads every event through the envelope alone. */
static void
test_any_event_reads_the_context(void **state)
{
	struct bytes golden = read_golden("job.submitted");
	Nxtgauge__Events__V1__AnyEvent *any =
	    nxtgauge__events__v1__any_event__unpack(NULL, golden.len, golden.data);
	Nxtgauge__Events__V1__JobSubmitted *job =
	    nxtgauge__events__v1__job_submitted__unpack(NULL, golden.len, golden.data);

	(void)state;
	assert_non_null(any);
	assert_non_null(job);
	assert_same_message(&any->context->base, &job->context->base);
	nxtgauge__events__v1__any_event__free_unpacked(any, NULL);
	nxtgauge__events__v1__job_submitted__free_unpacked(job, NULL);
	test_free(golden.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_sorted_and_found),
		cmocka_unit_test(test_messages_fit_the_table),
		cmocka_unit_test(test_action_and_status_names),
		cmocka_unit_test(test_golden_bytes),
		cmocka_unit_test(test_any_event_reads_the_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
