/* Events: built by name, packed, judged, decoded; what strangers may send is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "clock.h"
#include "error.h"
#include "event_internal.h"
#include "json.h"
#include "request.h"
#include "resource.h"
#include "service.h"
#include "uuid.h"

#define JOB_ID "0190a000-0000-7000-8000-000000000001"
#define USER_ID "0190a000-0000-7000-8000-000000000002"

static const struct column columns[] = {
	{ "id", COL_UUID, COL_KEY | COL_READONLY },
	{ "title", COL_TEXT, COL_REQUIRED },
	{ "budget_inr", COL_MONEY },
	{ "status", COL_ENUM, COL_READONLY },
	{ "approved_at", COL_TIME },
	{ "no_such_field", COL_TEXT },
	{ 0 }
};
static const struct resource jobs = { .table = "jobs", .noun = "job", .columns = columns };
static const struct service probe = { .name = "marketplace" };

static int
setup(void **state)
{
	struct request *rq = request_new(NULL);

	service_self = &probe;
	rq->actor = ACTOR_EMPLOYEE;
	rq->caller.user_id = USER_ID;
	rq->caller.employee_id = JOB_ID;
	rq->source_type = "UI";
	rq->source_id = "0190a000-0000-7000-8000-000000000003";
	rq->request_id = "0190a000-0000-7000-8000-000000000004";
	rq->correlation_id = "0190a000-0000-7000-8000-000000000005";
	rq->user_agent = "caf\xe9";
	rq->traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	*state = rq;
	return 0;
}

static int
teardown(void **state)
{
	request_free(*state);
	return 0;
}

static uint8_t *
pack(struct request *rq, const ProtobufCMessage *m, size_t *ret_len)
{
	uint8_t *bytes;

	*ret_len = protobuf_c_message_get_packed_size(m);
	bytes = arena_alloc(rq->arena, *ret_len + 64);
	protobuf_c_message_pack(m, bytes);
	return bytes;
}

static struct event_out *
sample(struct request *rq)
{
	struct event_out *ev = event_publish(rq, &EV_JOB_SUBMITTED, JOB_ID, 3);

	event_set_text(ev, "title", "Senior editor");
	event_set_int(ev, "coin_price", 12);
	event_recipient(ev, USER_ID);
	event_recipient(ev, USER_ID);
	event_recipient(ev, NULL);
	event_label(ev, "Senior editor");
	event_change(ev, "status", "DRAFT", "PENDING", false);
	event_change(ev, "title", NULL, "Senior editor", true);
	return ev;
}

static struct event_in
decode(struct request *rq, const ProtobufCMessage *m, const char *type)
{
	struct event_in in;
	struct error e = { .text = "" };
	size_t len;
	uint8_t *bytes = pack(rq, m, &len);

	if (event_decode(rq->arena, type, bytes, len, &in, &e) < 0)
		assert_string_equal(e.text, "decoded");
	return in;
}

static void
test_round_trip(void **state)
{
	struct request *rq = *state;
	struct event_in in = decode(rq, sample(rq)->message, "job.submitted");
	const Nxtgauge__Events__V1__Context *c = in.context;

	assert_ptr_equal(in.type, &EV_JOB_SUBMITTED);
	assert_string_equal(in.aggregate_id, JOB_ID);
	assert_int_equal(in.aggregate_version, 3);
	assert_true(uuid_is_valid(in.id));
	assert_int_equal(in.occurred_us, rq->now_us);
	assert_string_equal(event_text(&in, "title"), "Senior editor");
	assert_int_equal(event_int(&in, "coin_price"), 12);
	assert_null(event_text(&in, "description"));
	assert_string_equal(c->actor->type, "EMPLOYEE");
	assert_string_equal(c->actor->user_id, USER_ID);
	assert_string_equal(c->source->type, "UI");
	assert_string_equal(c->correlation_id, rq->correlation_id);
	assert_string_equal(c->user_agent, "caf?");
	assert_string_equal(c->entity_type, "job");
	assert_string_equal(c->entity_id, JOB_ID);
	assert_string_equal(c->action, "UPDATE");
	assert_string_equal(c->status, "SUCCESS");
	assert_int_equal(c->n_recipient_user_ids, 1);
	assert_int_equal(c->n_changes, 2);
	assert_string_equal(c->changes[0]->old_value, "DRAFT");
	assert_string_equal(c->changes[1]->old_value, "");
	assert_int_equal(c->changes[1]->class_,
	    NXTGAUGE__EVENTS__V1__FIELD_CLASS__FIELD_CLASS_PERSONAL);
}

static void
test_reactions_act_for_nobody(void **state)
{
	struct request *rq = *state;
	struct event_in in;

	rq->actor = ACTOR_SYSTEM;
	in = decode(rq, sample(rq)->message, "job.submitted");
	assert_string_equal(in.context->actor->type, "SYSTEM");
	assert_string_equal(in.context->actor->user_id, "");
	assert_string_equal(in.context->actor->employee_id, "");
}

static void
test_from_a_row(void **state)
{
	struct request *rq = *state;
	struct row *row = row_new(rq, &jobs);
	struct event_out *ev = event_publish(rq, &EV_JOB_SUBMITTED, row_id(row), 1);
	struct event_in in;

	row_set(row, "title", "Editor");
	row_set_int(row, "budget_inr", 9007199254740993LL);
	row_set(row, "approved_at", "2026-11-02 09:30:00.5+00");
	row_set(row, "no_such_field", "x");
	event_fill_from_row(ev, row);
	in = decode(rq, ev->message, "job.submitted");
	assert_string_equal(event_text(&in, "id"), row_id(row));
	assert_string_equal(event_text(&in, "title"), "Editor");
	assert_int_equal(event_int(&in, "budget_inr"), 9007199254740993LL);
	assert_string_equal(event_time(rq->arena, &in, "approved_at"), "2026-11-02T09:30:00.500000Z");
	assert_string_equal(event_value(rq->arena, &in, "budget_inr"), "9007199254740993");
	assert_null(event_value(rq->arena, &in, "location"));
	assert_false(event_has_field(&in, "no_such_field"));
}

static void
test_repeated_fields(void **state)
{
	struct request *rq = *state;
	struct event_out *ev = event_publish(rq, &EV_ROLE_PERMISSIONS_CHANGED, JOB_ID, 1);
	struct event_in in;
	char *const *items;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "jobs.verb%d", i);
		event_add_text(ev, "permission_keys", name);
	}
	in = decode(rq, ev->message, "role.permissions_changed");
	assert_int_equal(event_texts(&in, "permission_keys", &items), 100);
	assert_string_equal(items[0], "jobs.verb0");
	assert_string_equal(items[99], "jobs.verb99");
	assert_memory_equal(event_value(rq->arena, &in, "permission_keys"), "{\"jobs.verb0\",", 14);

	ev = event_publish(rq, &EV_ORDER_CREATED, JOB_ID, 1);
	for (int i = 0; i < 5; i++)
		event_set_int(event_add_message(ev, "items"), "quantity", i + 1);
	assert_non_null(strstr(event_json(rq->arena, &(struct event_in){ .type_name = "order.created",
	    .message = ev->message }), "\"quantity\": 5"));
}

static void
test_unknown_types_show_their_envelope(void **state)
{
	struct request *rq = *state;
	struct event_in in = decode(rq, sample(rq)->message, "thing.happened");

	assert_null(in.type);
	assert_null(in.message);
	assert_string_equal(in.type_name, "thing.happened");
	assert_string_equal(in.context->entity_label, "Senior editor");
	assert_null(event_text(&in, "title"));
	assert_non_null(strstr(event_json(rq->arena, &in), "\"entity_label\": \"Senior editor\""));
}

/* ---- what is refused ---- */

static void
refused(struct request *rq, const void *bytes, size_t len, const char *why)
{
	struct event_in in = { .id = "untouched" };
	struct error e = { .text = "" };

	assert_int_equal(event_decode(rq->arena, "job.submitted", bytes, len, &in, &e), -1);
	assert_string_equal(in.id, "untouched");
	if (strstr(e.text, why) == NULL)
		assert_string_equal(e.text, why);
}

static void
test_refusals(void **state)
{
	static const uint8_t zeros[1];
	struct request *rq = *state;
	struct event_out *ev = sample(rq);
	size_t len;
	uint8_t *bytes;

	refused(rq, NULL, 0, "empty");
	refused(rq, zeros, 0, "empty");
	refused(rq, "\xff\xff\xff", 3, "not protobuf");
	refused(rq, "\x0a\x7f", 2, "cut short");
	refused(rq, "\x0a\x00", 2, "UUID");
	refused(rq, "\x12\x01" "a", 3, "no context");
	refused(rq, "\x12\x03" "a\0b", 5, "UTF-8");
	refused(rq, "\x12\x02\xc3\x28", 4, "UTF-8");
	refused(rq, "\x0a\x00\x0a\x00", 4, "twice");
	refused(rq, "\x0b\x0c", 2, "not protobuf");	/* groups */
	ev->context->event_id = arena_strdup(rq->arena, "no uuid");
	bytes = pack(rq, ev->message, &len);
	refused(rq, bytes, len, "UUID");
	refused(rq, arena_alloc(rq->arena, 2 << 20), 2 << 20, "more than an event may have");
}

/* Two bytes a field: a megabyte of them would become half a million objects. */
static void
test_a_bomb_of_fields(void **state)
{
	struct request *rq = *state;
	size_t len = 1 << 20;
	char *bytes = arena_alloc(rq->arena, len);

	for (size_t i = 0; i + 1 < len; i += 2)
		memcpy(bytes + i, "\x12\x00", 2);
	refused(rq, bytes, len, "too many fields");
}

/* An event's own fields may have any name: audit.sealed has a partition. */
static void
test_json_names_nothing_twice(void **state)
{
	struct request *rq = *state;
	size_t count;
	const struct event_type *const *types = event_type_all(&count);

	for (size_t i = 0; i < count; i++) {
		struct event_in in = { .type = types[i], .type_name = types[i]->name,
			.message = message_new(rq->arena, types[i]->descriptor) };
		const char *json = event_json(rq->arena, &in);
		struct error e = { 0 };
		if (json_parse_strict(rq->arena, json, strlen(json), false, &e) == NULL)
			print_error("%s: %s\n", types[i]->name, e.text);
		assert_int_equal(e.code, ERR_NONE);
	}
}

static void
test_damaged_bytes_do_no_harm(void **state)
{
	struct request *rq = *state;
	size_t len;
	uint8_t *bytes = pack(rq, sample(rq)->message, &len), *copy = xmalloc(len);

	srandom(7);
	for (int i = 0; i < 20000; i++) {
		struct arena *a = arena_new();
		struct event_in in;
		struct error e;

		memcpy(copy, bytes, len);
		for (long n = random() % 4 + 1; n > 0; n--)
			copy[(size_t)random() % len] = (uint8_t)random();
		if (event_decode(a, "job.submitted", copy, len - (size_t)(random() % 8), &in, &e) == 0)
			assert_non_null(event_json(a, &in));
		arena_free(a);
	}
	free(copy);
}

static void
test_json_shows_times_and_bytes(void **state)
{
	struct request *rq = *state;
	struct event_out *ev = event_publish(rq, &EV_AUTH_TOKEN_ISSUED, USER_ID, 1);
	struct event_in in;
	const char *json;

	event_set_bytes(ev, "token_ciphertext", "\x00\xff\x10\x20", 4);
	event_set_time(ev, "expires_at", 1793611800000000LL);
	event_set_text(ev, "email", "a\"b@example.com");
	in = decode(rq, ev->message, "auth.token_issued");
	json = event_json(rq->arena, &in);
	assert_non_null(strstr(json, "\"token_ciphertext\": \"AP8QIA==\""));
	assert_non_null(strstr(json, "\"expires_at\": \"2026-11-02T09:30:00.000000Z\""));
	assert_non_null(strstr(json, "\"email\": \"a\\\"b@example.com\""));
	assert_null(strstr(json, "display_name"));
	size_t len;
	assert_memory_equal(event_bytes(&in, "token_ciphertext", &len), "\x00\xff\x10\x20", 4);
	assert_int_equal(len, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reactions_act_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_types_show_their_envelope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_bomb_of_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_names_nothing_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_bytes_do_no_harm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_shows_times_and_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
