/*
 * A unit of work: an HTTP request, a consumed event, or a tick of a clock.
 *
 * Handlers and guards see only this. They read, refuse (fail…), change rows and add events; the
 * dispatcher, the consumer and the clock do begin, commit, publish and reply around them. A unit
 * may be run again after a serialization failure, so it touches nothing but the database.
 */
#ifndef NXT_REQUEST_H
#define NXT_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "error.h"

struct db;
struct db_tx;
struct event_in;
struct event_out;
struct http_request;
struct later;
struct request;
struct resource;
struct route;
struct row;

enum actor_type { ACTOR_NOBODY, ACTOR_USER, ACTOR_EMPLOYEE, ACTOR_SYSTEM, ACTOR_CRON };

/* Who calls, from the verified access token; all NULL/0 where nobody signed in. */
struct caller {
	const char *user_id;
	const char *session_id;
	const char *account_type;	/* INDIVIDUAL or COMPANY */
	const char *employee_id;	/* NULL unless employed */
	const char *department_id;
	const char *client;		/* UI or API */
	const char *const *role_keys;	/* NULL-terminated */
	int64_t epoch;			/* access epoch the token was made under */
	bool restricted;		/* suspended account: GET of own data only */
	bool factor_missing;		/* roles of staff that do not count, for want of a second factor */
};

struct field_error {
	const char *pointer;	/* "/email" in a body, "limit" in a query */
	const char *code;	/* "required", "too_long", "unknown_field", … */
	const char *detail;
	struct field_error *next;
};

/* Why the unit was refused; filled by fail… and the modules, rendered by problem.c. */
struct problem {
	enum error_code code;		/* ERR_NONE: not refused */
	const char *detail;
	struct field_error *fields, **fields_tail;
	const char *const *legal;	/* illegal_transition: verbs possible now; NULL-terminated */
	int retry_after_s;		/* 0: the default of the error */
	const char *allow;		/* 405: the Allow header */
	const char *challenge;		/* second_factor_required: what the next step takes */
	char sqlstate[6];		/* set where PostgreSQL said no; for the log and db_should_retry */
	const char *internal;		/* for the log alone */
	bool may_pass;			/* an event on its way may change it: the unit runs again for a while */
	int (*tell)(struct request *rq, const void *arg);	/* denied_tell's, or NULL */
	const void *tell_arg;
};

struct reply {
	int status;		/* 0: not decided yet */
	const char *body;	/* complete JSON text, or NULL */
	size_t body_len;
	const char *content_type;	/* NULL: application/json */
	const char *etag, *location, *link;	/* NULL: none */
	const char *extra_name, *extra_value;	/* one more header, or NULL */
};

struct query_param {
	const char *name, *value;	/* percent-decoded, valid UTF-8 */
	struct query_param *next;
};

struct request {
	struct arena *arena;
	struct http_request *http;	/* NULL in consumers and clocks */
	const struct route *route;	/* NULL in consumers and clocks */
	const char *id;			/* {id} of the path, canonical lower case; NULL if none */
	const char *param;		/* second variable of the path ({key}, {slug}), or NULL */
	struct query_param *query;
	json_t *body;			/* validated object; NULL where the route takes none */

	struct caller caller;
	enum actor_type actor;
	const char *source_type;	/* UI, API, WORKER, CRON: see services.md */
	const char *source_id;		/* session, causing event, or run */
	const char *request_id;		/* UUID */
	const char *request_ref;	/* the caller's X-Request-Id where it is no UUID, else NULL */
	const char *correlation_id;	/* UUID, one from click to mail */
	const char *causation_id;	/* event that caused this unit, or NULL */
	const char *traceparent;	/* W3C, ours as parent of what follows */
	const char *ip_address, *user_agent;	/* may be NULL */
	int64_t now_us;			/* wall clock at the start of the unit, µs since 1970 */
	int64_t deadline_ms;		/* clock_mono_ms at which waits give up */

	const struct event_in *trigger;	/* what a reaction answers, for its guards to read; else NULL */

	struct db *db;
	struct db_tx *tx;		/* open transaction, or NULL */
	struct event_out *events;		/* to be published with the commit, in order */
	struct later *later;		/* unit_later's list */
	struct problem problem;
	struct reply reply;
	bool commit_refusal;		/* refused, but the transaction is committed (refuse_and_commit) */
	int attempt;			/* 0, then 1, 2 … when re-run */
};

/* A fresh unit in its own arena; actor, source and ids are the caller's to fill. */
struct request *request_new(struct db *db);
void request_free(struct request *rq);
/* Forgets events, problem and reply, whose extra header stays. */
void request_forget(struct request *rq);
/* The same before the unit is run again. */
void request_rewind(struct request *rq);

/*
 * A consequence that reads what the unit writes: fn(rq, id) runs once per fn and id when the
 * handler is done, before events are written. Returns 0, so that a guard can end with it.
 */
int unit_later(struct request *rq, int (*fn)(struct request *rq, const char *id), const char *id);

bool text_is(const char *text, const char *value);	/* both there and alike */

/* ---- refusing: each returns -1 ---- */
int fail(struct request *rq, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * Something that roles of staff would have allowed: ERR_FORBIDDEN, or, where the caller has such roles and they
 * do not count for want of a second factor, ERR_SECOND_FACTOR_MISSING, which says how to get one.
 */
int fail_as_staff(struct request *rq, const char *reason);
/*
 * As fail, where only a projection stands against it that an event on its way may bring up to
 * date: the unit is run again for up to two seconds before the caller is refused.
 */
int fail_unless_soon(struct request *rq, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a field whose row of another service has not arrived: then "unknown_reference". */
int fail_field_unless_soon(struct request *rq, const char *field);
/*
 * Adds a wrong field (ERR_VALIDATION) by its name or by a JSON Pointer ("/items/0"); several may be added
 * before returning -1.
 */
int fail_field(struct request *rq, const char *field, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* ERR_ALREADY_EXISTS (409) that also names the field in `errors`. */
int fail_already_exists(struct request *rq, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuses the caller, but what was written (a failed sign-in, a revoked family) is committed. */
int refuse_and_commit(struct request *rq, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- who may ---- */
bool by_person(const struct request *rq);	/* a user or employee asked, no event or clock */
bool caller_is(const struct request *rq, const char *user_id);	/* NULL-safe */
/* By the local map role → permissions; SYSTEM and CRON hold none: they are not asked. */
bool caller_has_permission(const struct request *rq, const char *permission);
bool caller_can_approve(const struct request *rq);	/* a role with can_approve_requests */
bool caller_can_manage_settings(const struct request *rq);	/* a role with can_manage_system_settings */
bool caller_has_role(const struct request *rq, const char *role_key);

/* ---- the validated body ---- */
const char *body_text(const struct request *rq, const char *name);	/* NULL: absent or null */
int64_t body_int(const struct request *rq, const char *name, int64_t absent);
bool body_bool(const struct request *rq, const char *name, bool absent);
bool body_has(const struct request *rq, const char *name);	/* present, also as null */
json_t *body_json(const struct request *rq, const char *name);	/* borrowed */
const char *query_get(const struct request *rq, const char *name);	/* NULL: absent */

/* ---- answering from a route's own handler; each returns 0 ---- */
int reply_json(struct request *rq, int status, json_t *value);	/* steals value */
int reply_text(struct request *rq, int status, const char *json_text);	/* arena text */
int reply_empty(struct request *rq);	/* 204 */
/* The row as the caller may see it, with ETag; Location too when status is 201. */
int reply_row(struct request *rq, int status, const struct row *row);

#endif
