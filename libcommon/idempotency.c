/* Idempotency-Key; see idempotency.h and api.md, "Writes". */
#include "idempotency.h"

#include <endian.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "http.h"
#include "json.h"
#include "request.h"
#include "resource.h"
#include "router.h"

#define KEY_MAX 255
#define KEPT "24 hours"

int
idempotency_check(struct request *rq, const char **ret_key)
{
	const char *key = http_header(rq->http, "idempotency-key");
	unsigned flags = rq->route->flags;

	*ret_key = NULL;
	if (strcmp(rq->route->method, "POST") != 0 || (flags & ROUTE_NO_IDEMPOTENCY))
		return 0;
	if (key == NULL)
		return flags & ROUTE_IDEMPOTENCY ? fail(rq, ERR_IDEMPOTENCY_KEY_REQUIRED,
		    "this request needs an Idempotency-Key header") : 0;
	if (rq->caller.user_id == NULL)
		return 0;
	if (http_header_count(rq->http, "idempotency-key") > 1 || strlen(key) > KEY_MAX ||
	    *key == '\0')
		return fail(rq, ERR_BAD_REQUEST, "send one Idempotency-Key of 1 to %d characters", KEY_MAX);
	for (const char *p = key; *p != '\0'; p++)
		if (*p < 0x21 || *p > 0x7e)
			return fail(rq, ERR_BAD_REQUEST, "Idempotency-Key is printable ASCII without spaces");
	*ret_key = key;
	return 0;
}

void
idempotency_mark(struct request *rq, const char *key, struct idempotency_marks *ret_marks)
{
	size_t n;
	const char *body = http_body(rq->http, &n), *query = http_query(rq->http);
	const char *all = arena_printf(rq->arena, "%s\n%s\n%s\n%s", rq->caller.user_id,
	    rq->route->method, router_canonical_path(rq), key);
	struct buf asked;
	uint64_t lock;

	sha256_raw(all, strlen(all), ret_marks->key);
	memcpy(&lock, ret_marks->key, sizeof(lock));
	ret_marks->lock = (int64_t)be64toh(lock);
	buf_init(&asked, rq->arena, n + 64);
	buf_add_str(&asked, query);
	buf_add_char(&asked, '\n');
	buf_add(&asked, body, n);
	sha256_raw(asked.text, asked.len, ret_marks->request);
}

/* As a bytea parameter in text form. */
static const char *
hash_text(struct request *rq, const unsigned char hash[32])
{
	char *text = arena_alloc(rq->arena, 2 + 64 + 1);

	text[0] = '\\';
	text[1] = 'x';
	sodium_bin2hex(text + 2, 65, hash, 32);
	return text;
}

static int
replay(struct request *rq, const struct db_result *r)
{
	rq->reply.status = (int)db_int(r, 0, 2);
	rq->reply.etag = db_text(r, 0, 3);
	rq->reply.location = db_text(r, 0, 4);
	rq->reply.body = db_text(r, 0, 5);
	rq->reply.body_len = rq->reply.body != NULL ? strlen(rq->reply.body) : 0;
	if (rq->reply.body_len == 0)
		rq->reply.body = NULL;
	return 1;
}

int
idempotency_begin(struct request *rq, const char *key)
{
	struct idempotency_marks marks;
	struct db_result *r;

	idempotency_mark(rq, key, &marks);
	r = db_query(rq,
	    "SELECT pg_try_advisory_xact_lock($2::bigint), k.request_hash = $3::bytea, k.status,"
	    " k.headers->>'etag', k.headers->>'location', convert_from(k.body, 'UTF8')"
	    " FROM (VALUES (true)) one LEFT JOIN idempotency_keys k"
	    " ON k.key_hash = $1::bytea",
	    DB(hash_text(rq, marks.key), arena_printf(rq->arena, "%lld", (long long)marks.lock),
	    hash_text(rq, marks.request)));
	if (r == NULL)
		return -1;
	if (!db_bool(r, 0, 0))
		return fail(rq, ERR_IDEMPOTENCY_IN_PROGRESS, "the first request with this key is still running");
	if (db_text(r, 0, 2) == NULL)
		return 0;
	if (!db_bool(r, 0, 1))
		return fail(rq, ERR_IDEMPOTENCY_KEY_REUSED, "this key was used with another body");
	return replay(rq, r);
}

static const char *
headers_text(struct request *rq)
{
	json_t *headers = json_object();
	const char *text;

	if (rq->reply.etag != NULL)
		json_object_set_new(headers, "etag", json_string(rq->reply.etag));
	if (rq->reply.location != NULL)
		json_object_set_new(headers, "location", json_string(rq->reply.location));
	text = json_text(rq->arena, headers);
	json_decref(headers);
	return text;
}

void
idempotency_keep(struct request *rq, const char *key)
{
	struct idempotency_marks marks;

	idempotency_mark(rq, key, &marks);
	/* A twin that committed between our look and our lock makes this collide: then the unit runs again. */
	db_queue(rq, "INSERT INTO idempotency_keys (key_hash, request_hash, status, headers, body, expires_at)"
	    " VALUES ($1::bytea, $2::bytea, $3, $4, convert_to($5, 'UTF8'), now() + interval '" KEPT "')",
	    DB(hash_text(rq, marks.key), hash_text(rq, marks.request),
	    arena_printf(rq->arena, "%d", rq->reply.status), headers_text(rq),
	    rq->reply.body != NULL ? rq->reply.body : ""));
}

void
idempotency_keep_many(struct request *rq, struct request *const *units,
    const struct idempotency_marks *const *marks, unsigned n)
{
	struct arena *a = rq->arena;
	struct db_array *key = db_array_new(a, DB_BYTEA), *request = db_array_new(a, DB_BYTEA);
	struct db_array *status = db_array_new(a, DB_INT4), *headers = db_array_new(a, DB_JSONB);
	struct db_array *body = db_array_new(a, DB_BYTEA);

	for (unsigned i = 0; i < n; i++) {
		const struct reply *reply = &units[i]->reply;
		db_array_add_bytes(key, marks[i]->key, sizeof(marks[i]->key));
		db_array_add_bytes(request, marks[i]->request, sizeof(marks[i]->request));
		db_array_add_int(status, reply->status);
		db_array_add_text(headers, headers_text(units[i]));
		db_array_add_bytes(body, reply->body, reply->body_len);
	}
	db_queue(rq, "INSERT INTO idempotency_keys (key_hash, request_hash, status, headers, body,"
	    " expires_at) SELECT *, now() + interval '" KEPT "' FROM unnest($1::bytea[], $2::bytea[],"
	    " $3::integer[], $4::jsonb[], $5::bytea[])",
	    db_arrays(a, 5, key, request, status, headers, body));
}
