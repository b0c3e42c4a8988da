/* Idempotency-Key; see idempotency.h and api.md, "Writes". */
#include "idempotency.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "http.h"
#include "json.h"
#include "request.h"
#include "resource.h"

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

/* SHA-256 over caller, method, path and key: what the key is unique in. As bytea text. */
static const char *
key_hash(struct request *rq, const char *key, int64_t *ret_lock)
{
	unsigned char raw[32];
	char hex[65];
	uint64_t lock;
	const char *all = arena_printf(rq->arena, "%s\n%s\n%s\n%s", rq->caller.user_id,
	    rq->route->method, http_path(rq->http), key);

	sha256_raw(all, strlen(all), raw);
	sha256_hex(all, strlen(all), hex);
	memcpy(&lock, raw, sizeof(lock));
	*ret_lock = (int64_t)be64toh(lock);
	return arena_printf(rq->arena, "\\x%s", hex);
}

static const char *
body_hash(struct request *rq)
{
	char hex[65];
	size_t n;
	const char *body = http_body(rq->http, &n);
	const char *query = http_query(rq->http);
	char *all = arena_printf(rq->arena, "%s\n", query);
	size_t q = strlen(all);
	char *joined = arena_alloc(rq->arena, q + n + 1);

	memcpy(joined, all, q);
	memcpy(joined + q, body, n);
	sha256_hex(joined, q + n, hex);
	return arena_printf(rq->arena, "\\x%s", hex);
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
	int64_t lock;
	const char *hash = key_hash(rq, key, &lock);
	struct db_result *r = db_query(rq,
	    "SELECT pg_try_advisory_xact_lock($2::bigint), k.request_hash = $3::bytea, k.status,"
	    " k.headers->>'etag', k.headers->>'location', convert_from(k.body, 'UTF8')"
	    " FROM (VALUES (true)) one LEFT JOIN idempotency_keys k"
	    " ON k.key_hash = $1::bytea",
	    DB(hash, arena_printf(rq->arena, "%lld", (long long)lock), body_hash(rq)));

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

void
idempotency_keep(struct request *rq, const char *key)
{
	int64_t lock;
	json_t *headers = json_object();
	const char *hash = key_hash(rq, key, &lock);

	if (rq->reply.etag != NULL)
		json_object_set_new(headers, "etag", json_string(rq->reply.etag));
	if (rq->reply.location != NULL)
		json_object_set_new(headers, "location", json_string(rq->reply.location));
	/* A twin that committed between our look and our lock makes this collide: then the unit runs again. */
	db_queue(rq, "INSERT INTO idempotency_keys (key_hash, request_hash, status, headers, body, expires_at)"
	    " VALUES ($1::bytea, $2::bytea, $3, $4, convert_to($5, 'UTF8'), now() + interval '" KEPT "')",
	    DB(hash, body_hash(rq), arena_printf(rq->arena, "%d", rq->reply.status),
	    json_text(rq->arena, headers), rq->reply.body != NULL ? rq->reply.body : ""));
	json_decref(headers);
}
