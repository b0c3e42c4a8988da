/* Units of work, and how they are refused; see request.h. */
#include "request.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"

#define UNIT_DEADLINE_MS 30000	/* api.md: 30 s per request */

struct request *
request_new(struct db *db)
{
	struct arena *a = arena_new();
	struct request *rq = arena_alloc(a, sizeof(*rq));

	rq->arena = a;
	rq->db = db;
	rq->now_us = clock_wall_us();
	rq->deadline_ms = clock_mono_ms() + UNIT_DEADLINE_MS;
	rq->problem.fields_tail = &rq->problem.fields;
	return rq;
}

void
request_free(struct request *rq)
{
	arena_free(rq->arena);	/* the request itself lies in it */
}

void
request_forget(struct request *rq)
{
	const char *name = rq->reply.extra_name, *value = rq->reply.extra_value;

	rq->events = NULL;
	rq->later = NULL;
	memset(&rq->problem, 0, sizeof(rq->problem));
	rq->problem.fields_tail = &rq->problem.fields;
	memset(&rq->reply, 0, sizeof(rq->reply));
	rq->reply.extra_name = name;	/* RateLimit is set before the unit, and once */
	rq->reply.extra_value = value;
	rq->commit_refusal = false;
}

void
request_rewind(struct request *rq)
{
	request_forget(rq);
	rq->attempt++;
}

static int
refuse(struct request *rq, enum error_code code, const char *fmt, va_list ap)
{
	if (rq->problem.code == ERR_NONE) {	/* the first reason stands */
		rq->problem.code = code;
		rq->problem.detail = arena_vprintf(rq->arena, fmt, ap);
	}
	return -1;
}

int
fail(struct request *rq, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(rq, code, fmt, ap);
	va_end(ap);
	return -1;
}

int
fail_as_staff(struct request *rq, const char *reason)
{
	if (rq->caller.factor_missing)
		return fail(rq, ERR_SECOND_FACTOR_MISSING, "%s. %s", reason, error_info(ERR_SECOND_FACTOR_MISSING)->doc);
	return fail(rq, ERR_FORBIDDEN, "%s", reason);
}

int
fail_unless_soon(struct request *rq, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	rq->problem.may_pass = rq->problem.code == ERR_NONE;
	va_start(ap, fmt);
	refuse(rq, code, fmt, ap);
	va_end(ap);
	return -1;
}

int
refuse_and_commit(struct request *rq, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(rq, code, fmt, ap);
	va_end(ap);
	rq->commit_refusal = true;
	return -1;
}

int
fail_field(struct request *rq, const char *field, const char *code, const char *fmt, ...)
{
	struct field_error *e = arena_alloc(rq->arena, sizeof(*e));
	va_list ap;

	va_start(ap, fmt);
	e->pointer = field[0] == '/' ? arena_strdup(rq->arena, field) : arena_printf(rq->arena, "/%s", field);
	e->code = code;
	e->detail = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	*rq->problem.fields_tail = e;
	rq->problem.fields_tail = &e->next;
	return fail(rq, ERR_VALIDATION, "some fields are wrong; errors says which");
}

int
fail_already_exists(struct request *rq, const char *field, const char *fmt, ...)
{
	const char *detail;
	va_list ap;

	va_start(ap, fmt);
	detail = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	fail_field(rq, field, "already_exists", "%s", detail);
	rq->problem.code = ERR_NONE;
	return fail(rq, ERR_ALREADY_EXISTS, "%s", detail);
}

int
fail_field_unless_soon(struct request *rq, const char *field)
{
	rq->problem.may_pass = rq->problem.code == ERR_NONE;
	return fail_field(rq, field, "unknown_reference", "nothing is known under this id");
}

bool
text_is(const char *text, const char *value)
{
	return text != NULL && value != NULL && strcmp(text, value) == 0;
}

bool
by_person(const struct request *rq)
{
	return rq->actor == ACTOR_USER || rq->actor == ACTOR_EMPLOYEE;
}

bool
caller_is(const struct request *rq, const char *user_id)
{
	return rq->caller.user_id != NULL && user_id != NULL &&
	    strcmp(rq->caller.user_id, user_id) == 0;
}

json_t *
body_json(const struct request *rq, const char *name)
{
	return rq->body == NULL ? NULL : json_object_get(rq->body, name);
}

bool
body_has(const struct request *rq, const char *name)
{
	return body_json(rq, name) != NULL;
}

const char *
body_text(const struct request *rq, const char *name)
{
	return json_string_value(body_json(rq, name));
}

int64_t
body_int(const struct request *rq, const char *name, int64_t absent)
{
	json_t *v = body_json(rq, name);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

bool
body_bool(const struct request *rq, const char *name, bool absent)
{
	json_t *v = body_json(rq, name);

	return json_is_boolean(v) ? json_boolean_value(v) : absent;
}

const char *
query_get(const struct request *rq, const char *name)
{
	for (const struct query_param *p = rq->query; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p->value;
	return NULL;
}

int
reply_text(struct request *rq, int status, const char *json_text_)
{
	rq->reply.status = status;
	rq->reply.body = json_text_;
	rq->reply.body_len = strlen(json_text_);
	return 0;
}

int
reply_json(struct request *rq, int status, json_t *value)
{
	char *text = json_text(rq->arena, value);

	json_decref(value);
	return reply_text(rq, status, text);
}

int
reply_empty(struct request *rq)
{
	rq->reply.status = 204;
	rq->reply.body = NULL;
	rq->reply.body_len = 0;
	return 0;
}
