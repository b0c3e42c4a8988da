/* Signing keys; see signing_keys.h. Private keys never leave this file but into their own files. */
#include "signing_keys.h"

#include <cjose/cjose.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "auth.h"
#include "auth_keys.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "uuid.h"

#define KEYS_MAX 12
#define FILE_BYTES_MAX 4096
#define SIGNS_AFTER_MS (90 * INT64_C(1000))
#define RETIRED_AFTER_MS (3600 * INT64_C(1000))
#define FINGERPRINT_OF_NONE UINT64_C(1469598103934665603)

struct signing_key {
	char kid[KID_MAX + 1];
	char file[256];
	int64_t made_ms;	/* since 1970 */
	cjose_jwk_t *jwk;
};

static struct {
	char *dir;
	struct signing_key keys[KEYS_MAX];	/* oldest first */
	size_t count;
	char *jwks;
	uint64_t fingerprint;	/* of the folder as last read */
	struct event *watch;
} store;

/* ---- files ---- */

static bool
is_key_file(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && n < sizeof(store.keys[0].file) &&
	    strcmp(name + n - 4, ".jwk") == 0;
}

static char *
path_of(struct arena *a, const char *file)
{
	return arena_printf(a, "%s/%s", store.dir, file);
}

/* Changes whenever a key file comes, goes or is written. */
static uint64_t
read_fingerprint(void)
{
	DIR *dir = opendir(store.dir);
	uint64_t sum = FINGERPRINT_OF_NONE;
	struct dirent *d;
	struct stat st;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL) {
		if (!is_key_file(d->d_name) || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
			continue;
		sum += (uint64_t)st.st_ino * 31 + (uint64_t)st.st_size * 17 +
		    (uint64_t)st.st_mtim.tv_sec * 1000003 + (uint64_t)st.st_mtim.tv_nsec;
	}
	closedir(dir);
	return sum;
}

static char *
read_key_file(struct arena *a, const char *file, int64_t *ret_mtime_ms)
{
	char *text = arena_alloc(a, FILE_BYTES_MAX + 1);
	int fd = open(path_of(a, file), O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || (n = read(fd, text, FILE_BYTES_MAX)) < 0) {
		log_warn("signing key %s cannot be read: %s", file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	close(fd);
	text[n] = '\0';
	*ret_mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	if ((st.st_mode & 07) != 0)
		log_warn("signing key %s is open to everybody on this machine", file);
	return text;
}

/* When a key was made stands in its kid, a UUIDv7; of a foreign kid the file's time counts. */
static int64_t
made_at(const char *kid, int64_t mtime_ms)
{
	uint8_t raw[16];
	int64_t ms = uuid_parse(kid, raw) ? uuid_v7_ms(raw) : -1;

	return ms >= 0 ? ms : mtime_ms;
}

static bool
load_key(struct arena *a, const char *file, struct signing_key *ret_key)
{
	int64_t mtime_ms = 0;
	char *text = read_key_file(a, file, &mtime_ms);
	cjose_err err;
	cjose_jwk_t *jwk = text == NULL ? NULL : cjose_jwk_import(text, strlen(text), &err);
	const char *kid = jwk == NULL ? NULL : cjose_jwk_get_kid(jwk, &err);

	if (kid == NULL || strlen(kid) > KID_MAX || cjose_jwk_get_kty(jwk, &err) != CJOSE_JWK_KTY_EC ||
	    cjose_jwk_EC_get_curve(jwk, &err) != CJOSE_JWK_EC_P_256 || strstr(text, "\"d\"") == NULL) {
		log_warn("signing key %s is no private ES256 key with a kid", file);
		cjose_jwk_release(jwk);
		return false;
	}
	memset(ret_key, 0, sizeof(*ret_key));
	memcpy(ret_key->kid, kid, strlen(kid));
	memcpy(ret_key->file, file, strlen(file));
	ret_key->made_ms = made_at(kid, mtime_ms);
	ret_key->jwk = jwk;
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct signing_key *x = a, *y = b;

	return x->made_ms < y->made_ms ? -1 : x->made_ms > y->made_ms;
}

/* In order; where there are too many, the oldest goes. Returns how many there are then. */
static size_t
keep_newest(struct signing_key keys[KEYS_MAX], size_t n, const struct signing_key *key)
{
	struct signing_key oldest = *key;

	if (n < KEYS_MAX) {
		keys[n++] = *key;
	} else {
		if (compare_keys(&keys[0], key) < 0) {
			oldest = keys[0];
			keys[0] = *key;
		}
		log_warn("signing key %s is left out: there are more than %d", oldest.file, KEYS_MAX);
		cjose_jwk_release(oldest.jwk);
	}
	qsort(keys, n, sizeof(keys[0]), compare_keys);
	return n;
}

static size_t
load_folder(struct arena *a, struct signing_key out[KEYS_MAX])
{
	DIR *dir = opendir(store.dir);
	struct signing_key key;
	struct dirent *d;
	size_t n = 0;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL)
		if (is_key_file(d->d_name) && load_key(a, d->d_name, &key))
			n = keep_newest(out, n, &key);
	closedir(dir);
	return n;
}

/* ---- the published set ---- */

static json_t *
public_part(const struct signing_key *k)
{
	cjose_err err;
	char *text = cjose_jwk_to_json(k->jwk, false, &err);
	json_t *jwk = text == NULL ? NULL : json_loads(text, 0, NULL);

	if (jwk == NULL)
		abort();
	free(text);
	json_object_del(jwk, "d");
	json_object_set_new(jwk, "kid", json_string(k->kid));
	json_object_set_new(jwk, "alg", json_string("ES256"));
	json_object_set_new(jwk, "use", json_string("sig"));
	return jwk;
}

static char *
publish(void)
{
	json_t *list = json_array(), *set;
	char *text;

	for (size_t i = 0; i < store.count; i++)
		json_array_append_new(list, public_part(&store.keys[i]));
	set = json_pack("{s:o}", "keys", list);
	text = json_dumps(set, JSON_COMPACT);
	json_decref(set);
	if (text == NULL)
		abort();
	return text;
}

static void
release_keys(void)
{
	for (size_t i = 0; i < store.count; i++)
		cjose_jwk_release(store.keys[i].jwk);
	store.count = 0;
}

/* An emptied folder changes nothing: what was loaded goes on until somebody puts a key there. */
static int
reload(struct error *e)
{
	struct arena *a = arena_new();
	struct signing_key fresh[KEYS_MAX];
	uint64_t fingerprint = read_fingerprint();
	size_t n = load_folder(a, fresh);

	arena_free(a);
	store.fingerprint = fingerprint;
	if (n == 0)
		return error_set(e, ERR_INTERNAL, "SIGNING_KEYS_DIR holds no signing key");
	release_keys();
	memcpy(store.keys, fresh, n * sizeof(fresh[0]));
	store.count = n;
	free(store.jwks);
	store.jwks = publish();
	return auth_use_jwks(store.jwks, e);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct error e;

	(void)fd;
	(void)what;
	(void)arg;
	if (read_fingerprint() == store.fingerprint)
		return;
	if (reload(&e) < 0)
		log_warn("%s; going on with those loaded before", e.text);
	else
		log_info("signing keys changed: %zu loaded", store.count);
}

/* ---- making and deleting ---- */

/* Written under a hidden name and renamed, so that nobody loads half a key. */
static int
write_key_file(struct arena *a, const char *kid, const char *text, struct error *e)
{
	char *hidden = path_of(a, arena_printf(a, ".%s", kid));
	char *path = path_of(a, arena_printf(a, "%s.jwk", kid));
	int fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	    fsync(fd) == 0;

	if (fd >= 0 && close(fd) < 0)
		written = false;
	if (!written || rename(hidden, path) < 0) {
		error_set(e, ERR_INTERNAL, "cannot write a key to SIGNING_KEYS_DIR: %s",
		    strerror(errno));
		unlink(hidden);
		return -1;
	}
	return 0;
}

static char *
make_key(struct arena *a, struct error *e)
{
	cjose_err err;
	cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
	char *kid = uuid_new(a), *text = NULL;
	int result;

	if (jwk == NULL || !cjose_jwk_set_kid(jwk, kid, strlen(kid), &err) ||
	    (text = cjose_jwk_to_json(jwk, true, &err)) == NULL)
		abort();
	result = write_key_file(a, kid, text, e);
	free(text);
	cjose_jwk_release(jwk);
	return result < 0 ? NULL : kid;
}

int
signing_keys_read(const char *dir, struct error *e)
{
	store.dir = xstrdup(dir);
	if (reload(e) == 0)
		return 0;
	return error_set(e, ERR_BAD_REQUEST, "SIGNING_KEYS_DIR (%s) holds no signing key; keys rotate"
	    " makes one", dir);
}

int
signing_keys_open(struct event_base *base, const char *dir, struct error *e)
{
	struct timeval second = { 1, 0 };
	struct arena *a = arena_new();
	int result;

	if (dir[0] == '\0') {
		arena_free(a);
		return error_set(e, ERR_BAD_REQUEST, "SIGNING_KEYS_DIR must be given");
	}
	store.dir = xstrdup(dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		result = error_set(e, ERR_BAD_REQUEST, "SIGNING_KEYS_DIR cannot be made: %s",
		    strerror(errno));
	else if ((result = reload(e)) < 0 && read_fingerprint() == FINGERPRINT_OF_NONE)
		result = make_key(a, e) == NULL ? -1 : reload(e);
	arena_free(a);
	if (result == 0 && base != NULL) {
		store.watch = event_new(base, -1, EV_PERSIST, on_watch, NULL);
		event_add(store.watch, &second);
	}
	return result;
}

void
signing_keys_close(void)
{
	release_keys();
	free(store.dir);
	free(store.jwks);
	if (store.watch != NULL)
		event_free(store.watch);
	memset(&store, 0, sizeof(store));
}

const char *
jwks_json(void)
{
	return store.jwks;
}

/* A key was replaced when its successor began to sign. */
static void
delete_retired(struct arena *a, int64_t now_ms)
{
	for (size_t i = 0; i + 1 < store.count; i++)
		if (store.keys[i + 1].made_ms + SIGNS_AFTER_MS + RETIRED_AFTER_MS < now_ms)
			unlink(path_of(a, store.keys[i].file));
}

char *
keys_rotate(struct arena *a, struct error *e)
{
	char *kid;

	delete_retired(a, clock_wall_us() / 1000);
	if (reload(e) < 0)
		return NULL;
	if (store.count == KEYS_MAX) {
		error_set(e, ERR_CONFLICT, "there are %d keys, as many as are published; each goes an hour after the"
		    " next one began to sign, or by keys remove", KEYS_MAX);
		return NULL;
	}
	kid = make_key(a, e);
	return kid == NULL || reload(e) < 0 ? NULL : kid;
}

int
keys_remove(const char *kid, struct error *e)
{
	struct arena *a = arena_new();
	int result = -1;

	error_set(e, ERR_NOT_FOUND, "no such key; see the list");
	for (size_t i = 0; i < store.count; i++) {
		if (strcmp(store.keys[i].kid, kid) != 0)
			continue;
		if (store.count == 1)	/* the new one signs at once, there being no other */
			result = make_key(a, e) == NULL ? -1 : 0;
		else
			result = 0;
		if (result == 0 && unlink(path_of(a, store.keys[i].file)) < 0)
			result = error_set(e, ERR_INTERNAL, "cannot delete the key's file: %s",
			    strerror(errno));
		if (result == 0)
			result = reload(e);
		break;
	}
	arena_free(a);
	return result;
}

/* ---- signing ---- */

static const struct signing_key *
current_key(void)
{
	int64_t latest = clock_wall_us() / 1000 - SIGNS_AFTER_MS;
	const struct signing_key *k = &store.keys[0];

	if (store.count == 0)
		abort();	/* signing_keys_open would have failed */
	for (size_t i = 1; i < store.count; i++)
		if (store.keys[i].made_ms <= latest)
			k = &store.keys[i];
	return k;
}

char *
keys_list(struct arena *a)
{
	const struct signing_key *current = current_key();
	char made[CLOCK_TEXT];
	struct buf b;

	buf_init(&b, a, 256);
	for (size_t i = 0; i < store.count; i++) {
		clock_format(store.keys[i].made_ms * 1000, made);
		buf_printf(&b, "%s\t%s\t%s\n", store.keys[i].kid, made,
		    &store.keys[i] == current ? "signing" : "published");
	}
	return b.text;
}

static void
add_claim(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, ",\"%s\":", name);
	buf_add_json(b, value);
}

static char *
claims_json(struct arena *a, const struct access_claims *c)
{
	struct buf b;

	buf_init(&b, a, 512);
	buf_printf(&b, "{\"iss\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"epoch\":%lld",
	    AUTH_ISSUER, AUTH_AUDIENCE, (long long)c->issued_s, (long long)c->expires_s,
	    (long long)c->epoch);
	add_claim(&b, "jti", uuid_new(a));
	add_claim(&b, "sub", c->sub);
	add_claim(&b, "sid", c->sid);
	add_claim(&b, "account_type", c->account_type);
	add_claim(&b, "client", c->client);
	add_claim(&b, "client_id", c->client);	/* RFC 9068 wants one */
	add_claim(&b, "employee_id", c->employee_id);
	add_claim(&b, "department_id", c->department_id);
	buf_add_str(&b, ",\"roles\":[");
	for (size_t i = 0; c->role_keys != NULL && c->role_keys[i] != NULL; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_json(&b, c->role_keys[i]);
	}
	buf_printf(&b, "],\"restricted\":%s%s}", c->restricted ? "true" : "false",
	    c->factor_missing ? ",\"factor_missing\":true" : "");
	return b.text;
}

char *
access_token_sign(struct arena *a, const struct access_claims *claims)
{
	const struct signing_key *k = current_key();
	char *payload = claims_json(a, claims), *token;
	cjose_header_t *header;
	const char *text;
	cjose_jws_t *jws;
	cjose_err err;

	header = cjose_header_new(&err);
	if (header == NULL || !cjose_header_set(header, CJOSE_HDR_ALG, "ES256", &err) ||
	    !cjose_header_set(header, "typ", "at+jwt", &err) ||
	    !cjose_header_set(header, CJOSE_HDR_KID, k->kid, &err) ||
	    (jws = cjose_jws_sign(k->jwk, header, (const uint8_t *)payload, strlen(payload), &err)) == NULL ||
	    !cjose_jws_export(jws, &text, &err))
		abort();
	token = arena_strdup(a, text);
	cjose_jws_release(jws);
	cjose_header_release(header);
	return token;
}
