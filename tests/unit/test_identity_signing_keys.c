/* Keys are made, published before they sign, retired after their tokens; what they sign verifies. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "auth.h"
#include "clock.h"
#include "error.h"
#include "json.h"
#include "request.h"
#include "signing_keys.h"

static char dir[] = "/tmp/nxt-test-keys-XXXXXX";
static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	umask(077);
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			unlink(arena_printf(a, "%s/%s", dir, entry->d_name));
	closedir(d);
	rmdir(dir);
	signing_keys_close();
	arena_free(a);
	return 0;
}

static size_t
published(void)
{
	struct error e;
	json_t *set = json_parse_strict(a, jwks_json(), strlen(jwks_json()), false, &e);

	assert_non_null(set);
	assert_null(strstr(jwks_json(), "\"d\""));
	return json_array_size(json_object_get(set, "keys"));
}

static char *
token_for(const char *sub)
{
	static const char *const roles[] = { "company", NULL };
	int64_t now_s = clock_wall_us() / 1000000;
	struct access_claims claims = {
		.sub = sub, .sid = "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6072", .account_type = "COMPANY",
		.client = "UI", .role_keys = roles, .epoch = 2, .issued_s = now_s, .expires_s = now_s + 300,
	};

	return access_token_sign(a, &claims);
}

static bool
verifies(const char *token)
{
	struct request *rq = request_new(NULL);
	bool fine = auth_caller(rq, arena_printf(a, "Bearer %s", token)) == 0;

	if (fine) {
		assert_string_equal(rq->caller.user_id, "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
		assert_string_equal(rq->caller.role_keys[0], "company");
		assert_null(rq->caller.employee_id);
	}
	request_free(rq);
	return fine;
}

static char *
fresh_token(void)
{
	return token_for("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
}

static void
looking_makes_nothing(void **state)
{
	char *missing = arena_printf(a, "%s/none", dir);
	struct error e;
	struct stat st;

	(void)state;
	assert_int_equal(signing_keys_read(missing, &e), -1);
	assert_non_null(strstr(e.text, "keys rotate"));
	assert_int_equal(stat(missing, &st), -1);
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	signing_keys_close();
	assert_int_equal(signing_keys_read(dir, &e), 0);
	assert_int_equal(published(), 1);
}

static void
first_key(void **state)
{
	struct error e;
	struct stat st;
	char *kid;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	assert_int_equal(published(), 1);
	assert_true(verifies(fresh_token()));
	kid = arena_strndup(a, keys_list(a), 36);
	assert_int_equal(stat(arena_printf(a, "%s/%s.jwk", dir, kid), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	assert_memory_equal(keys_list(a), kid, 36);	/* the same key, not another */
}

static void
rotation(void **state)
{
	struct error e;
	char *before, *list, *kid;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	before = fresh_token();
	kid = keys_rotate(a, &e);
	assert_non_null(kid);
	assert_int_equal(published(), 2);
	list = keys_list(a);
	assert_non_null(strstr(list, "signing\n"));
	assert_true(strstr(list, "signing") < strstr(list, "published"));	/* the old one still signs */
	assert_true(verifies(before));
	assert_true(verifies(fresh_token()));
}

/* A real key once more, under a kid of so long ago; returns that. */
static const char *
copy_key(const char *of, int64_t age_s)
{
	static int n;
	int64_t ms = (int64_t)time(NULL) * 1000 - age_s * 1000;
	char *kid = arena_printf(a, "%08llx-%04llx-7000-8000-%012d", (unsigned long long)(ms >> 16),
	    (unsigned long long)(ms & 0xffff), n++);
	char *text = arena_alloc(a, 4096), *at;
	FILE *f = fopen(arena_printf(a, "%s/%s.jwk", dir, of), "r");

	assert_true(fread(text, 1, 4095, f) > 0);
	fclose(f);
	at = strstr(text, of);
	assert_non_null(at);
	memcpy(at, kid, 36);
	f = fopen(arena_printf(a, "%s/%s.jwk", dir, kid), "w");
	fputs(text, f);
	fclose(f);
	return kid;
}

/* A key made long ago. */
static void
plant(int64_t age_s)
{
	struct error e;
	const char *made = keys_rotate(a, &e);

	copy_key(made, age_s);
	unlink(arena_printf(a, "%s/%s.jwk", dir, made));
}

static void
retirement(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	plant(86400 * 3);
	plant(86400 * 2);
	plant(1000);
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	assert_int_equal(published(), 4);	/* three planted and the first of today */
	assert_non_null(keys_rotate(a, &e));
	/* replaced days ago: gone; replaced by the key of 1000 s ago: still verifies */
	assert_int_equal(published(), 4);
	assert_true(verifies(fresh_token()));
}

/* The one that was just made is always among those that are published. */
static void
as_many_as_are_published(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	for (size_t n = 2; n <= 12; n++) {
		const char *kid = keys_rotate(a, &e);
		assert_non_null(kid);
		assert_non_null(strstr(jwks_json(), kid));
		assert_int_equal(published(), n);
	}
	assert_null(keys_rotate(a, &e));
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_non_null(strstr(e.text, "12 keys"));
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	assert_int_equal(published(), 12);	/* nothing was made beside them */
}

/* In a folder that holds more, as one may that somebody filled by hand. */
static void
newest_first(void **state)
{
	const char *kids[20], *first;
	struct error e;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	first = arena_strndup(a, keys_list(a), 36);
	for (int i = 0; i < 20; i++)
		kids[i] = copy_key(first, 3000 - i);
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	assert_int_equal(published(), 12);
	assert_non_null(strstr(keys_list(a), first));
	assert_memory_equal(keys_list(a), kids[9], 36);	/* eleven of them beside it */
	assert_null(keys_rotate(a, &e));
}

static void
removal(void **state)
{
	struct error e;
	char *token, *kid;

	(void)state;
	assert_int_equal(signing_keys_open(NULL, dir, &e), 0);
	token = fresh_token();
	kid = arena_strndup(a, keys_list(a), 36);
	assert_int_equal(keys_remove("no-such-key", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(keys_remove(kid, &e), 0);
	assert_int_equal(published(), 1);
	assert_null(strstr(keys_list(a), kid));
	assert_false(verifies(token));
	assert_true(verifies(fresh_token()));
}

static void
bad_files(void **state)
{
	struct error e;
	FILE *f;

	(void)state;
	f = fopen(arena_printf(a, "%s/bad.jwk", dir), "w");
	fputs("{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}", f);
	fclose(f);
	assert_int_equal(signing_keys_open(NULL, dir, &e), -1);	/* it does not make one over it */
	signing_keys_close();
	assert_int_equal(signing_keys_open(NULL, "", &e), -1);
	assert_int_equal(signing_keys_open(NULL, "/proc/nowhere/keys", &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(looking_makes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(first_key, setup, teardown),
		cmocka_unit_test_setup_teardown(rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(retirement, setup, teardown),
		cmocka_unit_test_setup_teardown(as_many_as_are_published, setup, teardown),
		cmocka_unit_test_setup_teardown(newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(removal, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
