/*
 * Verification keys; see auth_keys.h and auth.h.
 *
 * The last good set stays in force, on disk too, while identity is away or answers nonsense: a
 * set without one usable key never replaces another.
 */
#include "auth_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "auth.h"
#include "clock.h"
#include "config.h"
#include "curl_loop.h"
#include "error.h"
#include "fiber.h"
#include "http_get.h"
#include "json.h"
#include "log.h"
#include "service.h"

#define KEYS_MAX 16
#define JWKS_BYTES_MAX 65536
#define FETCH_MS 5000
#define REFRESH_MS 60000	/* identity publishes a key longer than this before it signs */
#define ASK_AGAIN_MS 5000	/* after an unknown kid, at most this often */
#define KID_WAIT_MS 2000
#define COMPLAIN_AFTER 5	/* failures in a row; all daemons of a machine may start at once */

struct key {
	char kid[KID_MAX + 1];
	cjose_jwk_t *jwk;
};
static struct key keys[KEYS_MAX];
static size_t key_count;

static struct {
	const char *url;
	char *last_text;		/* as last taken over */
	int64_t fetched_ms;		/* start of the last fetch; 0: none yet */
	unsigned failures;		/* in a row */
	struct fiber *sleeper;		/* the fetcher, while it waits for the next time */
	struct fiber_queue waiters;	/* for the end of a fetch */
} fetcher;

static bool
member_is(const json_t *object, const char *name, const char *wanted, bool optional)
{
	const json_t *v = json_object_get(object, name);

	if (v == NULL)
		return optional;
	return json_is_string(v) && strcmp(json_string_value(v), wanted) == 0;
}

/* Only what we sign with: EC on P-256 for signatures, public, with a kid. */
static bool
take_key(json_t *jwk, struct key *ret_key)
{
	const char *kid = json_string_value(json_object_get(jwk, "kid"));
	cjose_err err;
	size_t n;

	if (kid == NULL || (n = strlen(kid)) == 0 || n > KID_MAX)
		return false;
	if (!member_is(jwk, "kty", "EC", false) || !member_is(jwk, "crv", "P-256", false) ||
	    !member_is(jwk, "alg", "ES256", true) || !member_is(jwk, "use", "sig", true) ||
	    json_object_get(jwk, "d") != NULL)
		return false;
	ret_key->jwk = cjose_jwk_import_json(jwk, &err);
	if (ret_key->jwk == NULL)
		return false;
	memcpy(ret_key->kid, kid, n + 1);
	return true;
}

static size_t
take_keys(const json_t *set, struct key out[KEYS_MAX])
{
	const json_t *list = json_object_get(set, "keys");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < KEYS_MAX; i++)
		if (take_key(json_array_get(list, i), &out[n]))
			n++;
	return n;
}

int
auth_use_jwks(const char *jwks_json, struct error *e)
{
	struct arena *a = arena_new();
	struct key fresh[KEYS_MAX];
	json_t *set = json_parse_strict(a, jwks_json, strlen(jwks_json), false, e);
	size_t n = set == NULL ? 0 : take_keys(set, fresh);

	arena_free(a);
	if (set == NULL)
		return -1;
	if (n == 0)
		return error_set(e, ERR_UNAVAILABLE, "the key set holds no ES256 key");
	for (size_t i = 0; i < key_count; i++)
		cjose_jwk_release(keys[i].jwk);
	memcpy(keys, fresh, n * sizeof(fresh[0]));
	key_count = n;
	return 0;
}

bool
auth_keys_loaded(void)
{
	return key_count > 0;
}

/* ---- the last good copy on disk ---- */

static char *
copy_path(struct arena *a)
{
	const char *dir = config_text("STATE_DIR");

	return dir[0] == '\0' ? NULL : arena_printf(a, "%s/jwks.json", dir);
}

static void
load_copy(void)
{
	struct arena *a = arena_new();
	char *path = copy_path(a), *text = arena_alloc(a, JWKS_BYTES_MAX + 1);
	FILE *f = path == NULL ? NULL : fopen(path, "re");
	struct error e;

	if (f != NULL) {
		text[fread(text, 1, JWKS_BYTES_MAX, f)] = '\0';
		fclose(f);
		if (auth_use_jwks(text, &e) < 0)
			log_warn("the kept copy of the key set is of no use: %s", e.text);
	}
	arena_free(a);
}

/* Written beside and renamed, so that daemons that share the folder never read half a set. */
static void
keep_copy(struct arena *a, const char *text)
{
	char *path = copy_path(a), *beside;
	size_t n = strlen(text);
	bool written;
	int fd;

	if (path == NULL)
		return;
	beside = arena_printf(a, "%s.%ld", path, (long)getpid());
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	written = fd >= 0 && write(fd, text, n) == (ssize_t)n;
	if (fd >= 0 && close(fd) < 0)
		written = false;
	if (!written || rename(beside, path) < 0)
		log_warn("the key set could not be kept in STATE_DIR: %s", strerror(errno));
}

/* ---- fetching ---- */

static int
fetch(struct arena *a, struct error *e)
{
	char *text = http_get(a, fetcher.url, JWKS_BYTES_MAX, FETCH_MS, e);

	if (text == NULL)
		return -1;
	if (fetcher.last_text != NULL && strcmp(fetcher.last_text, text) == 0)
		return 0;
	if (auth_use_jwks(text, e) < 0)
		return -1;
	free(fetcher.last_text);
	fetcher.last_text = xstrdup(text);
	keep_copy(a, text);
	return 0;
}

static int
fetch_once(void)
{
	struct arena *a = arena_new();
	struct error e = { .code = ERR_NONE };
	int result;

	fetcher.fetched_ms = clock_mono_ms();
	result = fetch(a, &e);
	fetcher.failures = result < 0 ? fetcher.failures + 1 : 0;
	if (fetcher.failures == COMPLAIN_AFTER)
		log_warn("the key set cannot be fetched: %s", e.text);
	arena_free(a);
	fiber_queue_wake_all(&fetcher.waiters);
	return result;
}

static void
keep_fetching(void *arg)
{
	int delay_ms = 100;
	enum fiber_wake w = FIBER_DONE;

	(void)arg;
	while (w != FIBER_CANCELLED && !service_stopping()) {
		if (fetch_once() == 0)
			delay_ms = REFRESH_MS;
		else
			delay_ms = delay_ms >= REFRESH_MS ? 100 : delay_ms >= 2500 ? 5000 : delay_ms * 2;
		fetcher.sleeper = fiber_self();
		w = fiber_park("next fetch of the key set", delay_ms);
		fetcher.sleeper = NULL;
	}
}

int
auth_init(struct event_base *base, struct error *e)
{
	curl_loop_init(base);
	http_get_init(base);
	fiber_queue_init(&fetcher.waiters);
	load_copy();
	fetcher.url = config_text("JWKS_URL");
	if (fetcher.url[0] == '\0')
		return 0;
	if (strncmp(fetcher.url, "http://", 7) != 0 && strncmp(fetcher.url, "https://", 8) != 0)
		return error_set(e, ERR_BAD_REQUEST, "JWKS_URL must begin with http:// or https://");
	fiber_start("key set", keep_fetching, NULL);
	return 0;
}

/* ---- finding ---- */

const cjose_jwk_t *
auth_key_known(const char *kid)
{
	for (size_t i = 0; i < key_count; i++)
		if (strcmp(keys[i].kid, kid) == 0)
			return keys[i].jwk;
	return NULL;
}

/* True where a fetch runs or could be started; strangers' kids cannot make us ask more often. */
static bool
ask_again(void)
{
	if (fetcher.url == NULL || fetcher.url[0] == '\0' || fiber_self() == NULL)
		return false;
	if (fetcher.sleeper == NULL)
		return true;
	if (clock_mono_ms() - fetcher.fetched_ms < ASK_AGAIN_MS)
		return false;
	fiber_wake(fetcher.sleeper);
	fetcher.sleeper = NULL;
	return true;
}

const cjose_jwk_t *
auth_key_find(const char *kid)
{
	const cjose_jwk_t *key = auth_key_known(kid);

	if (key == NULL && ask_again()) {
		fiber_queue_wait(&fetcher.waiters, "key set", KID_WAIT_MS);
		key = auth_key_known(kid);
	}
	return key;
}
