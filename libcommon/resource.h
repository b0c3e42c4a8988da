/*
 * A resource: one table, declared once as data.
 *
 * Router, validation, SQL, OpenAPI, permission list, audit changes, events and tests all read
 * the declaration. Most tables need nothing else; a rule is a guard of a few lines.
 */
#ifndef NXT_RESOURCE_H
#define NXT_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct event_type;
struct request;
struct route;

/* ---- who may ---- */
enum who {
	WHO_NOBODY = 0,		/* the default: no endpoint */
	WHO_ANYONE = 1,		/* without a token */
	WHO_SIGNED_IN = 2,
	WHO_OWNER = 4,		/* the row satisfies the resource's `owner` condition */
	WHO_STAFF = 8,		/* holds `permission` */
	WHO_SYS = 16,		/* a reaction to an event; never over HTTP */
	WHO_CLK = 32,		/* a clock; never over HTTP */
};
enum access_condition {
	NEEDS_APPROVER = 1,	/* a role with can_approve_requests */
	NEEDS_SETTINGS = 2,	/* a role with can_manage_system_settings */
	NEEDS_COMPANY = 4,	/* account_type COMPANY */
	NOT_OWNER = 8,		/* the owner is refused with own_submission, staff included */
};
struct access {
	unsigned who;			/* enum who, or-ed */
	const char *permission;		/* `<resource>.<verb>` in the URL's words, for WHO_STAFF */
	unsigned conditions;		/* enum access_condition, or-ed; all must hold */
};
#define ANYONE		{ .who = WHO_ANYONE }
#define SIGNED_IN	{ .who = WHO_SIGNED_IN }
#define OWNER		{ .who = WHO_OWNER }
#define STAFF(p)	{ .who = WHO_STAFF, .permission = (p) }
/* Staff with the permission and a role that can_manage_system_settings. */
#define SETTINGS(p)	{ .who = WHO_STAFF, .permission = (p), .conditions = NEEDS_SETTINGS }
#define OWNER_OR(p)	{ .who = WHO_OWNER | WHO_STAFF, .permission = (p) }
/* Rows that are `visible` for everybody, the owner's own, and all rows for staff. */
#define ANYONE_OR(p)	{ .who = WHO_ANYONE | WHO_OWNER | WHO_STAFF, .permission = (p) }
#define SIGNED_IN_OR(p)	{ .who = WHO_SIGNED_IN | WHO_OWNER | WHO_STAFF, .permission = (p) }
#define SYS		{ .who = WHO_SYS }
#define CLK		{ .who = WHO_CLK }

/* ---- columns ---- */
enum column_type {
	COL_UUID, COL_TEXT, COL_ENUM, COL_INT, COL_MONEY, COL_BOOL, COL_TIME, COL_DATE,
	COL_JSON, COL_TEXT_ARRAY, COL_DECIMAL, COL_EMAIL, COL_PHONE, COL_URL,
};
enum column_flag {
	COL_KEY = 1 << 0,		/* the id */
	COL_READONLY = 1 << 1,		/* set by the service alone */
	COL_REQUIRED = 1 << 2,		/* at creation; never null */
	COL_CREATE_ONLY = 1 << 3,	/* may not be patched */
	COL_OWNER = 1 << 4,		/* filled with the caller's user id at creation; readonly */
	COL_FILTER = 1 << 5,		/* `name=value`; TIME, INT, MONEY also as ranges; arrays by containment */
	COL_SORT = 1 << 6,
	COL_SEARCH = 1 << 7,		/* part of `q=` */
	COL_SECRET = 1 << 8,		/* never leaves the daemon: no answer, event or change */
	COL_PRIVATE = 1 << 9,		/* answered to the owner and to staff who may read, nobody else */
	COL_PERSONAL = 1 << 10,		/* personal data: FieldChange.class PERSONAL */
	COL_JUDGED = 1 << 11,		/* part of content_hash; a change of it is a material edit */
	COL_OBJECT = 1 << 12,		/* COL_JSON: no array, an object alone */
	COL_STAFF_ONLY = 1 << 13,	/* answered to staff alone */
	COL_STAFF_WRITE = 1 << 14,	/* only staff may set it */
	COL_TO_UPPER = 1 << 15,		/* stored upper case, trimmed (coupon codes) */
	COL_ANY_JSON = 1 << 17,		/* COL_JSON: a number, text or truth value too */
	COL_NO_EVENT = 1 << 18,		/* answered, but in no event: where a private file lies */
	COL_NO_CONTACT = 1 << 16,	/* refused where it holds a URL, e-mail address or phone number */
	COL_ANY_TEXT = 1 << 19,		/* taken as it is typed, control characters too: a password */
};
struct column {
	const char *name;
	enum column_type type;
	unsigned flags;
	const char *const *values;	/* COL_ENUM: NULL-terminated */
	const char *ref;		/* table the id points at: a missing row is 422 on this field */
	int64_t min, max;		/* length in characters, or value; both 0: type's default */
	const char *initial;		/* value at creation where the body has none; such a column is never null */
	const char *doc;
	const char *pattern;		/* COL_TEXT, COL_DECIMAL: a regular expression for OpenAPI alone; the handler checks it */
	const char *schema;		/* COL_JSON: a JSON Schema (json_schema.h) that values are held against: a row's as it
					   is written, after a merge patch too, a body's as it arrives */
};

/* What every table has; COLUMN_UPDATED and COLUMN_VERSION only where the table has them. */
#define COLUMN_ID { "id", COL_UUID, COL_KEY | COL_READONLY | COL_FILTER, .doc = "UUIDv7." }
#define COLUMN_CREATED { "created_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED }
#define COLUMN_UPDATED { "updated_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED }
#define COLUMN_VERSION { "version", COL_INT, COL_READONLY, .doc = "Grows by one with each change; the ETag." }

/* ---- rows ---- */
/*
 * One row of a resource in the caller's hands: values as PostgreSQL's text, by column name.
 * Unknown names abort: they are faults of the program.
 */
struct row;
const char *row_text(const struct row *row, const char *column);	/* NULL is SQL NULL */
int64_t row_int(const struct row *row, const char *column);
bool row_bool(const struct row *row, const char *column);
bool row_is_set(const struct row *row, const char *column);	/* not NULL and not "" */
bool row_is(const struct row *row, const char *column, const char *value);	/* NULL is no value's like */
bool row_changed(const struct row *row, const char *column);	/* differs from what is stored */
bool row_judged_changed(const struct row *row);	/* one of COL_JUDGED did: a material edit */
const char *row_old(const struct row *row, const char *column);	/* stored value; NULL at creation */
/*
 * The value is copied; written with the change. Arrays and JSON columns take JSON text. Status
 * columns only in a new row, to choose among several births; later they change by transition.
 */
void row_set(struct row *row, const char *column, const char *value);
void row_set_int(struct row *row, const char *column, int64_t value);
void row_set_now(struct request *rq, struct row *row, const char *column);
void row_set_time(struct row *row, const char *column, int64_t us);	/* µs since 1970 */
const char *row_id(const struct row *row);
int64_t row_version(const struct row *row);
const struct resource *row_resource(const struct row *row);

/* ---- transitions: the only writers of a status column ---- */
typedef int row_guard(struct request *rq, struct row *row);
struct transition {
	const char *verb;	/* POST …/{id}/verb; for SYS and CLK the name reactions use; NULL: a birth */
	const char *from;	/* NULL: birth, or from SQL NULL */
	const char *to;
	struct access who;
	const struct event_type *event;	/* NULL: the resource's `updated` event */
	row_guard *guard;	/* refuses or sets further columns; NULL: no rule */
	const char *column;	/* NULL: "status" */
	const char *stamp;	/* timestamp column set to now, or NULL */
	const struct column *body;	/* fields of the verb's body ({0}-terminated); NULL: no body */
	const char *doc;
};

/* ---- the resource ---- */
#define SUBJECT_OWNER	""	/* whoever `owner` lets in */
#define SUBJECT_NOBODY	"false"	/* it tells of no person, or belongs to the books of others */
enum resource_flag {
	RES_IF_MATCH = 1,		/* PATCH and DELETE need If-Match */
	RES_IDEMPOTENCY = 2,		/* POST needs Idempotency-Key */
	RES_NO_VERSION = 4,		/* no version column: ETag from a hash of the item (insert-only logs) */
	RES_REVIEWED = 8,		/* PATCH while a review is pending (approval_status or status PENDING) is 409 under_review */
	RES_BY_ID = 16,		/* lists come newest first by id, not by created_at */
	RES_LIMITED = 32,		/* POST is ROUTE_LIMITED */
};
struct child {
	const char *parent;	/* table of the parent resource in the same service */
	const char *segment;	/* GET /v1/<parent>/{id}/<segment> */
	const char *column;	/* our column that holds the parent's id */
};
struct resource {
	const char *table;
	const char *noun;	/* singular, the event's and entity_type's word: "job" */
	const char *module_key;	/* audit */
	const char *label;	/* column that names a row for people, or NULL */
	const char *recipient;	/* column with the user to tell, or NULL */
	const struct column *columns;		/* {0}-terminated; created_at, updated_at, version included */
	const struct transition *transitions;	/* {0}-terminated, or NULL */
	unsigned flags;
	/*
	 * SQL conditions over the row `t`; `:me` is the caller's user id (NULL without a token).
	 * `owner` makes WHO_OWNER true; NULL: the COL_OWNER column equals :me. `visible` limits what
	 * WHO_ANYONE and WHO_SIGNED_IN see; NULL: every row.
	 */
	const char *owner, *visible;
	/*
	 * Whose personal data a row is: SQL as `owner`, for GET /v1/me/export/<service>. Not who may
	 * decide about it: a company owns the applications for its jobs, their words are the candidates'.
	 * NULL: the user in the COL_OWNER column, who wrote the row. A resource without that column must
	 * say it, or the daemon does not start. It is also all that a suspended account may still read of
	 * what is not public (plan_for).
	 */
	const char *subject;
	/*
	 * SQL over the row `t`: where it holds, every read gives the COL_PERSONAL columns as null, whoever reads, because
	 * what is stored cannot be changed. They are no filter, sort key or search then. NULL: nowhere.
	 */
	const char *blank;
	struct access read, create, update, remove;	/* none: no such endpoint */
	/*
	 * Rules beyond the columns, or NULL. on_create may call row_insert itself, where what it
	 * writes besides refers to the new row.
	 */
	row_guard *on_create, *on_update, *on_remove;
	const struct event_type *created, *updated, *removed;	/* NULL: `changed` */
	const struct event_type *changed;	/* the plain `<noun>.changed`, or NULL where all are named */
	struct child child;	/* none where parent is NULL */
	row_guard *on_republish;	/* adds what else projections keep of the row, or NULL */
	const char *doc;
};

/* ---- working on rows inside a unit (dispatch does the same for HTTP) ---- */
/* Reads one row; lock takes it FOR UPDATE. NULL: not there (ERR_NOT_FOUND in rq) or failed. */
struct row *row_load(struct request *rq, const struct resource *res, const char *id, bool lock);
/* Locked; NULL with nothing refused where it is gone or id is NULL, which is no failure of a reaction or a clock. */
struct row *row_load_if_there(struct request *rq, const struct resource *res, const char *id);
/* As row_load by a unique column; absent is NULL with rq->problem.code ERR_NOT_FOUND. */
struct row *row_load_by(struct request *rq, const struct resource *res, const char *column,
    const char *value, bool lock);
/* The same, and absent is NULL with nothing refused. */
struct row *row_load_by_if_there(struct request *rq, const struct resource *res, const char *column,
    const char *value, bool lock);
/* Every row whose `column` is `value`, by id; NULL-terminated. NULL: failed. */
struct row **row_load_all(struct request *rq, const struct resource *res, const char *column,
    const char *value);
/* A new row with a fresh id; set columns, then row_insert. */
struct row *row_new(struct request *rq, const struct resource *res);
/* Inserts, and adds the resource's `created` event. Births of status columns are filled in. */
int row_insert(struct request *rq, struct row *row);
/* Writes what was set since it was loaded (nothing: no-op), version + 1, adds the `updated` event. */
int row_update(struct request *rq, struct row *row);
/* As row_update, also where nothing but the version changes: something that belongs to the row did. */
int row_touch(struct request *rq, struct row *row);
/*
 * Deletes the row and adds the `removed` event. Payload of that event is added to row_event_of_removal() beforehand:
 * an event that row_event() has opened tells of a change, and row_remove() aborts on it.
 */
int row_remove(struct request *rq, struct row *row);
/* Performs a transition by verb as the unit's actor: legality, guard, write, event. */
int row_transition(struct request *rq, struct row *row, const char *verb);
/*
 * A transition of SYS as the consequence of what the caller was let in for (a confirmed address
 * activates the user). The caller stays the actor of its event.
 */
int row_follow(struct request *rq, struct row *row, const char *verb);
/*
 * fn on every row, locked, whose id `ids` selects: $1 is `param`, or there is none where it is NULL. One
 * that is gone by then is passed over.
 */
int rows_each(struct request *rq, const struct resource *res, const char *ids, const char *param,
    int (*fn)(struct request *rq, struct row *row, const void *arg), const void *arg);
/*
 * Runs `verb` on every row whose id `ids` selects ($1 bound to `param`, or none where it is NULL),
 * with `column` set to `value` first (NULL: nothing). For consequences and clocks.
 */
int transition_each(struct request *rq, const struct resource *res, const char *ids,
    const char *param, const char *verb, const char *column, const char *value);
/* SHA-256 (hex) of the RFC 8785 form of the COL_JUDGED columns: which version was judged. */
const char *row_content_hash(struct request *rq, const struct row *row);
/* The event that the running change will publish, for guards to add payload to. */
struct event_out *row_event(struct request *rq, struct row *row);
/* The event that the coming row_remove() will publish; row_event() gives the same one from here on. */
struct event_out *row_event_of_removal(struct request *rq, struct row *row);
/* The coming write of this row publishes `type` instead of the resource's own; for adding payload. */
struct event_out *row_event_as(struct request *rq, struct row *row, const struct event_type *type);
/* The row as JSON text as the caller may see it. */
const char *row_json(struct request *rq, const struct row *row);
/* The column a transition moves. */
const char *transition_column(const struct transition *t);
/* The resource's path, "/v1/job-applications". */
const char *resource_path(const struct resource *res);
const struct column *resource_column(const struct resource *res, const char *name);

/* ---- routes that are not a plain resource (sign-in, /v1/me, previews, streams) ---- */
enum route_flag {
	ROUTE_TX = 1,			/* runs in a transaction (default for POST, PATCH, DELETE) */
	ROUTE_NO_TX = 2,		/* a POST that writes nothing, or begins by itself */
	ROUTE_IDEMPOTENCY = 4,		/* needs Idempotency-Key */
	ROUTE_NO_IDEMPOTENCY = 8,	/* never kept (/v1/auth/…) */
	ROUTE_LIMITED = 16,		/* rate-limited per network, whoever is signed in: 429 with RateLimit headers */
	ROUTE_FOR_STRANGERS = 2048,	/* no Authorization is looked at: a worn-out one must not bar the way to a fresh */
	ROUTE_STREAM = 32,		/* handler replies by itself in pieces */
	ROUTE_OPS = 64,			/* not under the gateway */
	ROUTE_RESTRICTED_TOO = 256,	/* a suspended account may call it: it gives the caller's own data, or ends a session */
	ROUTE_RAW_BODY = 128,		/* the handler reads http_body() itself: signed webhooks */
	ROUTE_IF_MATCH = 512,		/* the handler compares If-Match: operations_if_match() */
	ROUTE_201_OR_200 = 1024,	/* status is 201; 200 where the row was there and is changed */
};
typedef int route_handler(struct request *rq);
struct route {
	const char *method;	/* "POST" */
	const char *path;	/* "/v1/auth/login", "/v1/x/{id}/y", "/v1/x/{key}" */
	struct access access;
	route_handler *handler;
	unsigned flags;
	const struct column *body;	/* fields; NULL: no body allowed */
	const struct column *query;	/* parameters; NULL: none allowed */
	const char *summary;		/* one line, for OpenAPI */
	/*
	 * What 2xx holds, for OpenAPI: a resource's table name, a JSON example (example_schema.h), or a
	 * name and an example of what it has besides; of what is no JSON its media type. NULL: it is 204.
	 */
	const char *answer;
	int status;			/* the 2xx it gives; 0: 200 */
	const char *media_type;		/* of a 2xx that is JSON; NULL: application/json */
	/*
	 * Does it together with others of the same turn, in a transaction of its own. `key` is the
	 * Idempotency-Key, NULL: none. 0 and -1 as a handler; 1: nothing was done, the handler shall do it alone.
	 */
	int (*together)(struct request *rq, const char *key);
	/* filled by dispatch for the routes that a resource makes: */
	const struct resource *res;
	const char *verb;
};

#endif
