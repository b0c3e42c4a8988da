/*
 * Who calls; see auth.h. Verified tokens are kept by SHA-256 in a table of fixed size, where the
 * least recently used make room (second chance). A signature costs about 65 µs, a hit one.
 */
#include "auth.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access.h"
#include "arena.h"
#include "auth_keys.h"
#include "auth_token.h"
#include "clock.h"
#include "json.h"
#include "metrics.h"
#include "request.h"
#include "uuid.h"

#define CACHE_ENTRIES 20000	/* about 350 bytes each */
#define CACHE_HEADS 16384	/* a power of two */

/* A verified token. Requests that run under it hold a reference, so eviction never pulls it away. */
struct verified {
	unsigned char hash[32];
	struct access_claims claims;	/* points into this block */
	char kid[KID_MAX + 1];
	char sub[UUID_TEXT], sid[UUID_TEXT], employee_id[UUID_TEXT], department_id[UUID_TEXT];
	unsigned references;
	bool used;			/* since the hand last passed */
	int32_t next;			/* entry + 1 of the same head; 0 ends */
	const char *role_keys[];	/* NULL-terminated; their text follows */
};

static struct {
	struct verified *entries[CACHE_ENTRIES];
	int32_t heads[CACHE_HEADS];	/* entry + 1; 0: empty */
	unsigned hand;
} cache;

/* ---- the cache ---- */

static void
verified_release(void *object)
{
	struct verified *v = object;

	if (--v->references == 0)
		free(v);
}

static int32_t *
head_of(const unsigned char hash[32])
{
	uint32_t h;

	memcpy(&h, hash, sizeof(h));
	return &cache.heads[h & (CACHE_HEADS - 1)];
}

static struct verified *
cache_find(const unsigned char hash[32])
{
	for (int32_t i = *head_of(hash); i != 0; i = cache.entries[i - 1]->next)
		if (sodium_memcmp(cache.entries[i - 1]->hash, hash, 32) == 0)
			return cache.entries[i - 1];
	return NULL;
}

static void
cache_drop(struct verified *v)
{
	int32_t *link = head_of(v->hash);

	while (cache.entries[*link - 1] != v)
		link = &cache.entries[*link - 1]->next;
	cache.entries[*link - 1] = NULL;
	*link = v->next;
	verified_release(v);
}

/* The next entry that is free or was not used since the hand last came by. */
static unsigned
cache_make_room(void)
{
	for (;; cache.hand = (cache.hand + 1) % CACHE_ENTRIES) {
		struct verified *v = cache.entries[cache.hand];
		if (v != NULL && v->used) {
			v->used = false;
			continue;
		}
		if (v != NULL)
			cache_drop(v);
		return cache.hand;
	}
}

static void
cache_keep(struct verified *v)
{
	unsigned i = cache_make_room();
	int32_t *head = head_of(v->hash);

	cache.entries[i] = v;
	v->used = true;
	v->next = *head;
	*head = (int32_t)i + 1;
	cache.hand = (i + 1) % CACHE_ENTRIES;
}

static const char *
keep_text(char *out, size_t size, const char *text)
{
	if (text == NULL)
		return NULL;
	memcpy(out, text, strnlen(text, size - 1) + 1);
	return out;
}

/* One block that holds everything a token says. */
static struct verified *
verified_new(const unsigned char hash[32], const struct auth_token *token)
{
	const char *const *keys = token->claims.role_keys;
	size_t n = 0, text = 0;
	struct verified *v;
	char *p;

	for (; keys[n] != NULL; n++)
		text += strlen(keys[n]) + 1;
	v = xcalloc(1, sizeof(*v) + (n + 1) * sizeof(v->role_keys[0]) + text);
	p = (char *)&v->role_keys[n + 1];
	for (size_t i = 0; i < n; i++) {
		v->role_keys[i] = p;
		p = stpcpy(p, keys[i]) + 1;
	}
	memcpy(v->hash, hash, sizeof(v->hash));
	keep_text(v->kid, sizeof(v->kid), token->kid);
	v->claims = token->claims;
	v->claims.role_keys = v->role_keys;
	v->claims.sub = keep_text(v->sub, UUID_TEXT, token->claims.sub);
	v->claims.sid = keep_text(v->sid, UUID_TEXT, token->claims.sid);
	v->claims.employee_id = keep_text(v->employee_id, UUID_TEXT, token->claims.employee_id);
	v->claims.department_id = keep_text(v->department_id, UUID_TEXT, token->claims.department_id);
	v->references = 1;
	return v;
}

/* ---- judging ---- */

static int
refuse(struct request *rq, enum error_code code, const char *reason)
{
	metric_add(M_AUTH_REFUSED, 1);
	return fail(rq, code, "%s", reason);
}

/* What may change during a token's life. */
static int
recheck(struct request *rq, const struct verified *v, int64_t now_s)
{
	if (v->claims.expires_s + AUTH_LEEWAY_S <= now_s)
		return refuse(rq, ERR_BAD_TOKEN, "the access token has expired");
	if (access_key_is_removed(v->kid) || auth_key_known(v->kid) == NULL)
		return refuse(rq, ERR_BAD_TOKEN, "the access token's key was removed");
	switch (access_judge(&v->claims)) {
	case ACCESS_SESSION_ENDED: return refuse(rq, ERR_BAD_TOKEN, "the session has ended");
	case ACCESS_SUSPENDED: return refuse(rq, ERR_BAD_TOKEN, "the account is suspended");
	case ACCESS_STALE:
		return refuse(rq, ERR_TOKEN_STALE, "your rights changed since this token was made");
	case ACCESS_FINE: return 0;
	}
	return 0;
}

static void
fill_caller(struct request *rq, struct verified *v)
{
	v->references++;
	arena_own(rq->arena, v, verified_release);
	rq->caller = (struct caller){
		.user_id = v->claims.sub, .session_id = v->claims.sid,
		.account_type = v->claims.account_type, .employee_id = v->claims.employee_id,
		.department_id = v->claims.department_id, .client = v->claims.client,
		.role_keys = v->claims.role_keys, .epoch = v->claims.epoch,
		.restricted = v->claims.restricted, .factor_missing = v->claims.factor_missing,
	};
}

/* The first sight of a token: may wait for a key, so the cache is asked again before it is kept. */
static struct verified *
verify(struct request *rq, const char *text, size_t len, const unsigned char hash[32],
    int64_t now_s)
{
	struct auth_token token;
	const char *reason = auth_token_read(rq->arena, text, len, now_s, &token);
	struct verified *v;

	if (reason != NULL) {
		refuse(rq, ERR_BAD_TOKEN, reason);
		return NULL;
	}
	metric_add(M_AUTH_VERIFIED, 1);
	if ((v = cache_find(hash)) == NULL) {
		v = verified_new(hash, &token);
		cache_keep(v);
	}
	return v;
}

static struct verified *
find_or_verify(struct request *rq, const char *text, size_t len, int64_t now_s)
{
	unsigned char hash[32];
	struct verified *v;

	sha256_raw(text, len, hash);
	v = cache_find(hash);
	if (v == NULL)
		return verify(rq, text, len, hash, now_s);
	metric_add(M_AUTH_CACHE_HITS, 1);
	v->used = true;
	return v;
}

int
auth_caller(struct request *rq, const char *authorization)
{
	int64_t now_s = clock_wall_us() / 1000000;
	struct verified *v;
	size_t len;

	if (authorization == NULL)
		return 0;
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return refuse(rq, ERR_BAD_TOKEN, "send Authorization: Bearer and an access token");
	authorization += 7 + strspn(authorization + 7, " ");
	len = strlen(authorization);
	if (len == 0 || len > TOKEN_BYTES_MAX)
		return refuse(rq, ERR_BAD_TOKEN, "the access token is malformed");
	v = find_or_verify(rq, authorization, len, now_s);
	if (v == NULL)
		return -1;
	if (recheck(rq, v, now_s) < 0)
		return -1;	/* it stays cached, so that sending it again costs little */
	fill_caller(rq, v);
	return 0;
}

void
auth_forget_expired(void)
{
	static unsigned at;
	int64_t now_s = clock_wall_us() / 1000000;

	for (unsigned n = CACHE_ENTRIES / 64; n > 0; n--, at = (at + 1) % CACHE_ENTRIES)
		if (cache.entries[at] != NULL &&
		    cache.entries[at]->claims.expires_s + AUTH_LEEWAY_S <= now_s)
			cache_drop(cache.entries[at]);
}
