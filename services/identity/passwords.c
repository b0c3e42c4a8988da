/* Passwords; see passwords.h. */
#include "passwords.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "arena.h"
#include "json.h"
#include "request.h"
#include "resource.h"
#include "work.h"

#define BYTES_MAX (PASSWORD_TYPED_MAX * 4)

/* One per line, lower case; searched as a whole, which takes some ten microseconds. */
static const char common_passwords[] = "\n"
#include "common_passwords.inc"
;

static struct {
	unsigned long long passes;
	size_t memory_bytes;
} cost = { 2, 19456 * 1024 };

void
passwords_init(unsigned passes, unsigned memory_kib)
{
	cost.passes = passes;
	cost.memory_bytes = (size_t)memory_kib * 1024;
}

static void
wipe_and_free(void *text)
{
	sodium_memzero(text, strlen(text));
	free(text);
}

static utf8proc_int32_t
plain_space(utf8proc_int32_t c, void *arg)
{
	(void)arg;
	return utf8proc_category(c) == UTF8PROC_CATEGORY_ZS ? ' ' : c;
}

/* In memory that is wiped with the request; as it came where it is no UTF-8. */
static const char *
normalise(struct request *rq, const char *password)
{
	utf8proc_uint8_t *nfc = NULL;

	if (utf8proc_map_custom((const utf8proc_uint8_t *)password, 0, &nfc,
	    UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE, plain_space, NULL) < 0)
		return password;
	arena_own(rq->arena, nfc, wipe_and_free);
	return (const char *)nfc;
}

/* ---- what is refused ---- */

static bool
is_common(struct arena *a, const char *password)
{
	char *line = arena_printf(a, "\n%s\n", password);

	for (char *p = line + 1; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return strchr(password, '\n') == NULL && strstr(common_passwords, line) != NULL;
}

static bool
is_own_address(const char *password, const char *email)
{
	size_t local = email == NULL ? 0 : strcspn(email, "@");

	if (email == NULL)
		return false;
	return strcasecmp(password, email) == 0 ||
	    (strlen(password) == local && strncasecmp(password, email, local) == 0);
}

int
password_check(struct request *rq, const char *field, const char *password, const char *email)
{
	const char *p;
	size_t n;

	if (strlen(password) > BYTES_MAX)
		return fail_field(rq, field, "too_long", "at most %d characters", PASSWORD_LENGTH_MAX);
	p = normalise(rq, password);
	n = utf8_length(p);
	if (n > PASSWORD_LENGTH_MAX)
		return fail_field(rq, field, "too_long", "at most %d characters", PASSWORD_LENGTH_MAX);
	if (n < PASSWORD_LENGTH_MIN)
		return fail_field(rq, field, "too_short", "at least %d characters", PASSWORD_LENGTH_MIN);
	if (is_common(rq->arena, p))
		return fail_field(rq, field, "too_common",
		    "this is one of the most common passwords; choose another");
	if (is_own_address(p, email))
		return fail_field(rq, field, "too_common", "a password must not be the e-mail address");
	return 0;
}

/* ---- hashing, on the pool's threads: these see only their job ---- */

struct hashing {
	const char *password;
	const char *known;	/* to verify against; NULL: make one */
	unsigned long long passes;
	size_t memory_bytes;
	char made[crypto_pwhash_STRBYTES];
	bool matches;
};

/*
 * A hash of cheaper days is found wrong sooner than that of today, which would tell that the account is
 * there: the passes that are missing are made for nothing. A right one is hashed anew anyway.
 */
static void
make_up(const struct hashing *h)
{
	unsigned char out[32], salt[crypto_pwhash_SALTBYTES] = { 0 };
	const char *memory_kib = strstr(h->known, "$m="), *passes_then = strstr(h->known, ",t=");
	unsigned long long today = h->memory_bytes * h->passes, then = 0, passes;

	if (memory_kib != NULL && passes_then != NULL)
		then = strtoull(memory_kib + 3, NULL, 10) * 1024 * strtoull(passes_then + 3, NULL, 10);
	passes = then < today ? (today - then + h->memory_bytes / 2) / h->memory_bytes : 0;
	if (passes > 0 && crypto_pwhash(out, sizeof(out), h->password, strlen(h->password), salt, passes,
	    h->memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
		abort();	/* out of memory */
}

static void
hash_or_verify(void *arg)
{
	struct hashing *h = arg;
	size_t n = strlen(h->password);

	if (h->known != NULL) {
		h->matches = crypto_pwhash_str_verify(h->known, h->password, n) == 0;
		if (!h->matches)
			make_up(h);
	} else if (crypto_pwhash_str_alg(h->made, h->password, n, h->passes, h->memory_bytes,
	    crypto_pwhash_ALG_ARGON2ID13) != 0) {
		abort();	/* out of memory */
	}
}

static int
run(struct request *rq, struct hashing *h)
{
	h->password = normalise(rq, h->password);
	h->passes = cost.passes;
	h->memory_bytes = cost.memory_bytes;
	return work_run(rq, hash_or_verify, h);
}

int
password_hash(struct request *rq, const char *password, const char **ret_hash)
{
	struct hashing h = { .password = password };

	if (run(rq, &h) < 0)
		return -1;
	*ret_hash = arena_strdup(rq->arena, h.made);
	return 0;
}

/* Making a hash costs what checking one costs: that is the dummy for an unknown account. */
int
password_verify(struct request *rq, const char *hash, const char *password, bool *ret_matches)
{
	struct hashing h = { .known = hash };
	bool absurd = strlen(password) > BYTES_MAX;

	h.password = absurd ? "" : password;
	if (run(rq, &h) < 0)
		return -1;
	*ret_matches = hash != NULL && !absurd && h.matches;
	return 0;
}

bool
password_needs_rehash(const char *hash)
{
	return crypto_pwhash_str_needs_rehash(hash, cost.passes, cost.memory_bytes) != 0;
}

bool
password_is_still(const struct row *user, const char *hash)
{
	const char *now = row_text(user, "password_hash");

	return now != NULL && strcmp(now, hash) == 0;
}
