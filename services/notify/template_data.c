/* From an event's message to the names of a template; see template_data.h. */
#include "template_data.h"

#include <string.h>
#include <time.h>

#include "arena.h"
#include "config.h"
#include "error.h"
#include "event_internal.h"
#include "mustache.h"

#define SAMPLE_INT 123456
#define SAMPLE_TIME_US 1795420800000000LL	/* 23 November 2026 */
#define INDIA_OFFSET_S (5 * 3600 + 1800)	/* Asia/Kolkata; no daylight saving since 1945 */

static void
drop(void *value)
{
	json_decref(value);
}

/* ---- values for people ---- */

char *
rupees_text(struct arena *a, int64_t paise)
{
	uint64_t whole = (uint64_t)(paise < 0 ? -paise : paise) / 100;
	int part = (int)((uint64_t)(paise < 0 ? -paise : paise) % 100);
	char *digits = arena_printf(a, "%llu", (unsigned long long)whole);
	size_t n = strlen(digits);
	struct buf b;

	buf_init(&b, a, 48);
	buf_add_str(&b, paise < 0 ? "-Rs " : "Rs ");
	for (size_t i = 0; i < n; i++) {
		size_t left = n - i;	/* a comma before the last three digits and before each two above */
		if (i > 0 && (left == 3 || (left > 3 && left % 2 == 1)))
			buf_add_char(&b, ',');
		buf_add_char(&b, digits[i]);
	}
	buf_printf(&b, ".%02d", part);
	return b.text;
}

char *
time_text(struct arena *a, int64_t wall_us)
{
	time_t t = (time_t)(wall_us / 1000000 + INDIA_OFFSET_S);
	char date[24];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%e %b %Y", &tm);
	return arena_printf(a, "%s, %d:%02d %s IST", date + (date[0] == ' '),
	    tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12, tm.tm_min, tm.tm_hour < 12 ? "am" : "pm");
}

/* ---- fields ---- */

static json_t *object_of(struct arena *a, const ProtobufCMessage *m, bool sample);

/* The name with its ending changed: total_inr, _inr → total_rs. */
static const char *
renamed(struct arena *a, const char *name, const char *ending, const char *instead)
{
	size_t n = strlen(name), m = strlen(ending);

	if (n <= m || strcmp(name + n - m, ending) != 0)
		return arena_printf(a, "%s%s", name, instead);
	return arena_printf(a, "%.*s%s", (int)(n - m), name, instead);
}

static bool
ends_with(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);

	return n > m && strcmp(name + n - m, ending) == 0;
}

static void
put_time(struct arena *a, json_t *into, const char *name, int64_t us)
{
	const char *text = us < 0 ? "" : time_text(a, us);

	json_object_set_new(into, renamed(a, name, "_at", "_time"), json_string(text));
}

static void
put_int(struct arena *a, json_t *into, const char *name, int64_t v)
{
	json_object_set_new(into, name, json_integer(v));
	if (ends_with(name, "_inr"))
		json_object_set_new(into, renamed(a, name, "_inr", "_rs"), json_string(rupees_text(a, v)));
}

static void
put_single(struct arena *a, json_t *into, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
    bool sample)
{
	const void *at = message_member(m, f);

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		json_object_set_new(into, f->name, json_string(sample ? f->name : *(char *const *)at));
		break;
	case PROTOBUF_C_TYPE_INT64:
		put_int(a, into, f->name, sample ? SAMPLE_INT : *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		json_object_set_new(into, f->name, json_boolean(*(const protobuf_c_boolean *)at));
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		if (message_is_time(f))
			put_time(a, into, f->name, sample ? SAMPLE_TIME_US :
			    message_time_us(*(ProtobufCMessage *const *)at));
		break;
	default:
		break;	/* bytes are secrets; no template sees them */
	}
}

static json_t *
list_of(struct arena *a, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, bool sample)
{
	size_t n = *message_count(m, f);
	json_t *list = json_array();

	if (f->type == PROTOBUF_C_TYPE_STRING) {
		char *const *items = *(char **const *)message_member(m, f);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(list, json_string(items[i]));
		if (sample)
			json_array_append_new(list, json_string(f->name));
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		ProtobufCMessage *const *items = *(ProtobufCMessage **const *)message_member(m, f);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(list, object_of(a, items[i], false));
		if (sample)
			json_array_append_new(list, object_of(a, message_new(a, f->descriptor), true));
	}
	return list;
}

static json_t *
object_of(struct arena *a, const ProtobufCMessage *m, bool sample)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			json_object_set_new(object, f->name, list_of(a, m, f, sample));
		else
			put_single(a, object, m, f, sample);
	}
	return object;
}

/* ---- the whole ---- */

static void
put_absent(json_t *data, const char *name, const char *value)
{
	if (json_object_get(data, name) == NULL)
		json_object_set_new(data, name, json_string(value != NULL ? value : ""));
}

static void
put_flags(json_t *data, const struct rule *rule, const char *user_id)
{
	for (const struct flag *f = rule->flags; f < rule->flags + COUNT_OF(rule->flags) && f->name; f++) {
		const char *is = json_string_value(json_object_get(data, f->field));
		const char *wanted = f->value != NULL ? f->value : user_id;
		json_object_set_new(data, f->name,
		    json_boolean(is != NULL && wanted != NULL && strcmp(is, wanted) == 0));
	}
}

json_t *
template_data(struct arena *a, const struct rule *rule, const struct event_in *ev)
{
	json_t *data = object_of(a, ev->message, false);

	arena_own(a, data, drop);
	put_absent(data, "label", ev->context->entity_label);
	put_absent(data, "ip_address", ev->context->ip_address);
	put_absent(data, "public_url", config_text("PUBLIC_URL"));
	json_object_set_new(data, "occurred_time", json_string(time_text(a, ev->occurred_us)));
	put_flags(data, rule, NULL);
	return data;
}

static int
put_link(struct arena *a, json_t *data, const struct rule *rule, struct error *e)
{
	const char *base = config_text("PUBLIC_URL");
	size_t n = strlen(base);
	char *path;

	while (n > 0 && base[n - 1] == '/')
		n--;
	path = mustache_render(a, rule->link != NULL ? rule->link : "/", data, MUSTACHE_LINE,
	    MUSTACHE_STRICT, e);
	if (path == NULL)
		return -1;
	json_object_set_new(data, "link", json_string(arena_printf(a, "%.*s%s", (int)n, base, path)));
	return 0;
}

json_t *
template_data_for(struct arena *a, const struct rule *rule, const json_t *data,
    const char *user_id, const char *name, struct error *e)
{
	json_t *mine = json_copy((json_t *)(uintptr_t)data);

	arena_own(a, mine, drop);
	json_object_set_new(mine, "recipient_name",
	    json_string(name != NULL && name[0] != '\0' ? name : "there"));
	put_flags(mine, rule, user_id);
	return put_link(a, mine, rule, e) < 0 ? NULL : mine;
}

json_t *
template_sample(struct arena *a, const struct rule *rule)
{
	json_t *data = object_of(a, message_new(a, rule->type->descriptor), true);
	struct error e;

	arena_own(a, data, drop);
	put_absent(data, "label", "label");
	put_absent(data, "ip_address", "192.0.2.1");
	put_absent(data, "public_url", config_text("PUBLIC_URL"));
	put_absent(data, "recipient_name", "Asha");
	json_object_set_new(data, "occurred_time", json_string(time_text(a, SAMPLE_TIME_US)));
	put_flags(data, rule, NULL);
	if (rule->flags[0].name != NULL)	/* one of the alternatives, or there would be nothing to see */
		json_object_set_new(data, rule->flags[0].name, json_true());
	if (put_link(a, data, rule, &e) < 0)
		json_object_set_new(data, "link", json_string(e.text));
	return data;
}
