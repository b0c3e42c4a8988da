/* Access tokens: every known way to forge one is refused, and what changes during its life bites. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */
#include <cjose/cjose.h>
#include <sodium.h>

#include "access.h"
#include "auth.h"
#include "base64url.h"
#include "clock.h"
#include "error.h"
#include "metrics.h"
#include "request.h"

#define SUB "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071"
#define SID "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6072"
#define EMPLOYEE "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6073"

static struct arena *a;
static cjose_jwk_t *key, *stranger;
static char *jwk_text;

/* `header` and `payload` as they stand, signed with `with`; ES256 whatever the header says. */
static char *
sign(const cjose_jwk_t *with, const char *header, const char *payload)
{
	cjose_err err;
	cjose_header_t *h = cjose_header_new(&err);
	cjose_jws_t *jws;
	const char *text;
	char *input = arena_printf(a, "%s.%s", base64url_text(a, header, strlen(header)),
	    base64url_text(a, payload, strlen(payload)));

	/* cjose signs header and payload of its own making; where ours is the same it is a real token */
	cjose_header_set(h, "alg", "ES256", &err);
	cjose_header_set(h, "typ", "at+jwt", &err);
	cjose_header_set(h, "kid", "k1", &err);
	jws = cjose_jws_sign(with, h, (const uint8_t *)payload, strlen(payload), &err);
	assert_non_null(jws);
	assert_true(cjose_jws_export(jws, &text, &err));
	if (header[0] == '\0')
		input = arena_strdup(a, text);
	else
		input = arena_printf(a, "%s.%s", input, strrchr(text, '.') + 1);
	cjose_jws_release(jws);
	cjose_header_release(h);
	return input;
}

#define CLAIMS_FORMAT "{\"iss\":\"nxtgauge\",\"aud\":\"nxtgauge-api\",\"sub\":\"" SUB "\",\"sid\":\"" SID "\"," \
	"\"account_type\":\"COMPANY\",\"client\":\"UI\",\"roles\":[\"company\",\"reviewer\"],\"epoch\":3," \
	"\"employee_id\":\"" EMPLOYEE "\",\"restricted\":false,\"iat\":%lld,\"exp\":%lld}"

static long long
now_s(void)
{
	return clock_wall_us() / 1000000;
}

static char *
good_claims(void)
{
	return arena_printf(a, CLAIMS_FORMAT, now_s(), now_s() + 300);
}

/* The good claims with one part replaced. */
static char *
changed(const char *from, const char *to)
{
	char *claims = good_claims(), *at = strstr(claims, from);

	assert_non_null(at);
	return arena_printf(a, "%.*s%s%s", (int)(at - claims), claims, to, at + strlen(from));
}

static char *
good_token(void)
{
	return sign(key, "", good_claims());
}

static struct request *rq;

static int
ask(const char *header)
{
	if (rq != NULL)
		request_free(rq);
	rq = request_new(NULL);
	return auth_caller(rq, header);
}

static int
present(const char *token)
{
	return ask(arena_printf(a, "Bearer %s", token));
}

static void
refused(const char *what, const char *token)
{
	if (present(token) == 0)
		print_error("accepted: %s\n", what);
	assert_null(rq->caller.user_id);
	assert_int_equal(rq->problem.code, ERR_BAD_TOKEN);
}

static int
setup(void **state)
{
	cjose_err err;
	struct error e;
	char *text;

	(void)state;
	a = arena_new();
	key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
	stranger = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
	cjose_jwk_set_kid(key, "k1", 2, &err);
	text = cjose_jwk_to_json(key, false, &err);
	jwk_text = arena_strdup(a, text);
	free(text);
	return auth_use_jwks(arena_printf(a, "{\"keys\":[%s]}", jwk_text), &e);
}

static int
teardown(void **state)
{
	(void)state;
	if (rq != NULL)
		request_free(rq);
	cjose_jwk_release(key);
	cjose_jwk_release(stranger);
	arena_free(a);
	return 0;
}

static void
no_header(void **state)
{
	(void)state;
	assert_int_equal(ask(NULL), 0);
	assert_null(rq->caller.user_id);
}

static void
good(void **state)
{
	char *token = good_token();
	int64_t verified = metric_get(M_AUTH_VERIFIED), hits = metric_get(M_AUTH_CACHE_HITS);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(present(token), 0);
		assert_string_equal(rq->caller.user_id, SUB);
		assert_string_equal(rq->caller.session_id, SID);
		assert_string_equal(rq->caller.account_type, "COMPANY");
		assert_string_equal(rq->caller.client, "UI");
		assert_string_equal(rq->caller.employee_id, EMPLOYEE);
		assert_null(rq->caller.department_id);
		assert_string_equal(rq->caller.role_keys[0], "company");
		assert_string_equal(rq->caller.role_keys[1], "reviewer");
		assert_null(rq->caller.role_keys[2]);
		assert_int_equal(rq->caller.epoch, 3);
		assert_false(rq->caller.restricted);
	}
	assert_int_equal(metric_get(M_AUTH_VERIFIED) - verified, 1);
	assert_int_equal(metric_get(M_AUTH_CACHE_HITS) - hits, 2);
	assert_int_equal(ask(arena_printf(a, "bearer   %s", token)), 0);
	assert_int_equal(present(sign(key, "", changed("\"nxtgauge-api\"", "[\"x\",\"nxtgauge-api\"]"))), 0);
}

static void
malformed(void **state)
{
	char *token = good_token(), *big = arena_alloc(a, 9001);

	(void)state;
	memset(big, 'a', 9000);
	assert_int_equal(ask("Basic YTpi"), -1);
	assert_int_equal(ask(token), -1);
	assert_int_equal(ask("Bearer"), -1);
	assert_int_equal(ask("Bearer "), -1);
	refused("one part", "abc");
	refused("two parts", "abc.def");
	refused("four parts", arena_printf(a, "%s.x", token));
	refused("five parts", "a.b.c.d.e");
	refused("empty parts", "..");
	refused("padding", arena_printf(a, "%s=", token));
	refused("trailing space inside", arena_printf(a, "%s x", token));
	refused("too long", big);
	refused("cut", arena_strndup(a, token, strlen(token) - 1));
	refused("longer signature", arena_printf(a, "%sAA", token));
	refused("payload no JSON", sign(key, "", "hello"));
	refused("payload no object", sign(key, "", "[]"));
	refused("payload with a claim twice", sign(key, "", changed("\"epoch\":3", "\"epoch\":3,\"epoch\":4")));
	refused("sub twice", sign(key, "", changed("\"iss\":", "\"sub\":\"" SID "\",\"iss\":")));
}

static void
changed_anywhere(void **state)
{
	char *token = good_token();

	(void)state;
	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];
		if (was == '.')
			continue;
		token[i] = was == 'A' ? 'B' : 'A';
		refused("one character changed", token);
		token[i] = was;
	}
	assert_int_equal(present(token), 0);
	/* the last character holds four bits that say nothing */
	for (int i = 0; i < 20; i++) {
		token = good_token();
		token[strlen(token) - 1]++;
		refused("another spelling of the signature", token);
	}
}

static void
forged_headers(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"NONE\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES384\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"es256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"unknown\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"../../etc/passwd\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"b64\":false}",
		"{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"[]", "null", "x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		refused(headers[i], sign(key, headers[i], good_claims()));
}

static void
forged_signatures(void **state)
{
	unsigned char zeros[64] = { 0 }, mac[crypto_auth_hmacsha256_BYTES], hs256[64] = { 0 };
	crypto_auth_hmacsha256_state s;
	const char *header = "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}";
	const char *es256 = "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}";
	char *input = arena_printf(a, "%s.%s", base64url_text(a, header, strlen(header)),
	    base64url_text(a, good_claims(), strlen(good_claims())));
	char *honest = arena_printf(a, "%s.%s", base64url_text(a, es256, strlen(es256)),
	    base64url_text(a, good_claims(), strlen(good_claims())));

	(void)state;
	refused("a stranger's key", sign(stranger, "", good_claims()));
	/* the public key as the secret of HS256: CVE-2015-9235 */
	crypto_auth_hmacsha256_init(&s, (const unsigned char *)jwk_text, strlen(jwk_text));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)input, strlen(input));
	crypto_auth_hmacsha256_final(&s, mac);
	refused("HS256 with the public key", arena_printf(a, "%s.%s", input, base64url_text(a, mac, sizeof(mac))));
	memcpy(hs256, mac, sizeof(mac));
	refused("the same, padded", arena_printf(a, "%s.%s", input, base64url_text(a, hs256, sizeof(hs256))));
	/* r = s = 0: CVE-2022-21449 */
	refused("a signature of zeros", arena_printf(a, "%s.%s", honest, base64url_text(a, zeros, sizeof(zeros))));
	refused("no signature", arena_printf(a, "%s.", honest));
}

static void
embedded_keys(void **state)
{
	cjose_err err;
	char *text = cjose_jwk_to_json(stranger, false, &err);
	char *header = arena_printf(a, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"jwk\":%s}", text);

	(void)state;
	free(text);
	refused("a key of its own", sign(stranger, header, good_claims()));
}

static void
wrong_claims(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"iss\":\"nxtgauge\"", "\"iss\":\"other\"" }, { "\"iss\":\"nxtgauge\",", "" },
		{ "\"nxtgauge-api\"", "\"other\"" }, { "\"nxtgauge-api\"", "[\"other\"]" },
		{ "\"nxtgauge-api\"", "[]" }, { "\"nxtgauge-api\"", "null" },
		{ "\"" SUB "\"", "\"admin\"" }, { "\"" SUB "\"", "null" }, { "\"" SUB "\"", "7" },
		{ "\"" SID "\"", "\"\"" }, { "\"COMPANY\"", "\"ADMIN\"" }, { "\"UI\"", "\"ROOT\"" },
		{ "[\"company\",\"reviewer\"]", "\"administrator\"" }, { "\"reviewer\"", "7" },
		{ "\"reviewer\"", "\"\"" }, { "\"epoch\":3", "\"epoch\":\"3\"" },
		{ "\"epoch\":3", "\"epoch\":-1" }, { "\"epoch\":3", "\"epoch\":1e3" },
		{ "\"" EMPLOYEE "\"", "\"x\"" }, { "false", "\"false\"" },
		{ "\"iat\":", "\"nbf\":99999999999,\"iat\":" }, { "\"iat\":", "\"nbf\":\"x\",\"iat\":" },
	};
	long long now = now_s();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(changes); i++)
		refused(changes[i].to, sign(key, "", changed(changes[i].from, changes[i].to)));
	refused("expired", sign(key, "", arena_printf(a, CLAIMS_FORMAT, now - 300, now - 6)));
	refused("too long a life", sign(key, "", arena_printf(a, CLAIMS_FORMAT, now, now + 901)));
	refused("for ever", sign(key, "", arena_printf(a, CLAIMS_FORMAT, now, LLONG_MAX)));
	refused("issued tomorrow", sign(key, "", arena_printf(a, CLAIMS_FORMAT, now + 86400, now + 86700)));
	refused("ends before it begins", sign(key, "", arena_printf(a, CLAIMS_FORMAT, now, now - 1)));
	refused("before 1970", sign(key, "", arena_printf(a, CLAIMS_FORMAT, LLONG_MIN, now + 60)));
	assert_int_equal(present(sign(key, "", arena_printf(a, CLAIMS_FORMAT, now - 60, now - 2))), 0);
	assert_int_equal(present(sign(key, "", arena_printf(a, CLAIMS_FORMAT, now + 3, now + 60))), 0);
}

static void
life_of_a_token(void **state)
{
	char *token = good_token(), *restricted = sign(key, "", changed("false", "true"));

	(void)state;
	assert_int_equal(present(token), 0);
	access_put_user(SUB, 3, false);
	assert_int_equal(present(token), 0);
	access_put_user(SUB, 4, false);
	assert_int_equal(present(token), -1);
	assert_int_equal(rq->problem.code, ERR_TOKEN_STALE);
	access_put_user(SUB, 3, true);
	refused("suspended", token);
	assert_int_equal(present(restricted), 0);
	assert_true(rq->caller.restricted);
	access_put_user(SUB, 3, false);
	assert_int_equal(present(token), 0);
	access_end_session(SID);
	refused("session ended", token);
	refused("session ended", restricted);
	access_forget_changes();
	assert_int_equal(present(token), 0);
}

static void
keys_come_and_go(void **state)
{
	char *token = good_token();
	struct error e;
	cjose_err err;
	char *other;

	(void)state;
	assert_int_equal(present(token), 0);
	assert_int_equal(auth_use_jwks("{\"keys\":[]}", &e), -1);
	assert_int_equal(auth_use_jwks("{}", &e), -1);
	assert_int_equal(auth_use_jwks("x", &e), -1);
	assert_int_equal(auth_use_jwks("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k1\",\"k\":\"AAAA\"}]}", &e), -1);
	assert_int_equal(present(token), 0);	/* the last good set stays */
	cjose_jwk_set_kid(stranger, "k2", 2, &err);
	other = cjose_jwk_to_json(stranger, false, &err);
	assert_int_equal(auth_use_jwks(arena_printf(a, "{\"keys\":[%s]}", other), &e), 0);
	refused("key no longer published", token);
	assert_int_equal(auth_use_jwks(arena_printf(a, "{\"keys\":[%s,%s]}", other, jwk_text), &e), 0);
	assert_int_equal(present(token), 0);
	access_remove_key("k1");
	refused("key removed", token);
	refused("key removed", good_token());
	free(other);
}

static void
more_tokens_than_the_cache_holds(void **state)
{
	char *first = good_token();
	struct request *holder;

	(void)state;
	assert_int_equal(present(first), 0);
	holder = rq;
	rq = NULL;
	for (int i = 0; i < 21000; i++) {
		struct arena *outer = a;
		a = arena_new();
		assert_int_equal(present(sign(key, "", good_claims())), 0);
		arena_free(a);
		a = outer;
	}
	assert_string_equal(holder->caller.user_id, SUB);	/* still there for who holds it */
	assert_string_equal(holder->caller.role_keys[1], "reviewer");
	request_free(holder);
	auth_forget_expired();
	assert_int_equal(present(first), 0);
}

static void
permissions(void **state)
{
	const char *const *keys;

	(void)state;
	access_forget_roles();
	access_put_role("company", "jobs.create jobs.close", false, false, true);
	access_put_role("reviewer", "jobs.close  approval-requests.approve", true, false, true);
	access_put_role("administrator", "users.suspend", true, true, true);
	assert_int_equal(present(good_token()), 0);
	assert_false(caller_has_permission(rq, "jobs.create"));	/* no actor yet: nobody asks */
	rq->actor = ACTOR_EMPLOYEE;
	assert_true(caller_has_permission(rq, "jobs.create"));
	assert_true(caller_has_permission(rq, "jobs.close"));
	assert_true(caller_has_permission(rq, "approval-requests.approve"));
	assert_false(caller_has_permission(rq, "jobs.creat"));
	assert_false(caller_has_permission(rq, "obs.create"));
	assert_false(caller_has_permission(rq, "users.suspend"));
	assert_false(caller_has_permission(rq, ""));
	assert_false(caller_has_permission(rq, NULL));
	assert_true(caller_can_approve(rq));
	assert_false(caller_can_manage_settings(rq));
	assert_true(caller_has_role(rq, "company"));
	assert_false(caller_has_role(rq, "administrator"));
	assert_int_equal(access_permissions_of(rq->arena, rq->caller.role_keys, &keys), 3);
	access_forget_roles();
	assert_string_equal(keys[0], "approval-requests.approve");	/* it outlives the roles */
	assert_string_equal(keys[1], "jobs.close");
	assert_string_equal(keys[2], "jobs.create");
	access_put_role("reviewer", "approval-requests.approve", true, false, false);
	assert_false(caller_has_permission(rq, "approval-requests.approve"));
	assert_false(caller_can_approve(rq));
	assert_false(caller_has_role(rq, "reviewer"));
	assert_true(caller_has_role(rq, "company"));
	rq->actor = ACTOR_SYSTEM;
	assert_false(caller_has_role(rq, "company"));
	rq->actor = ACTOR_USER;
	rq->caller.restricted = true;
	assert_false(caller_has_role(rq, "company"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_header),
		cmocka_unit_test(good),
		cmocka_unit_test(malformed),
		cmocka_unit_test(changed_anywhere),
		cmocka_unit_test(forged_headers),
		cmocka_unit_test(forged_signatures),
		cmocka_unit_test(embedded_keys),
		cmocka_unit_test(wrong_claims),
		cmocka_unit_test(life_of_a_token),
		cmocka_unit_test(permissions),
		cmocka_unit_test(more_tokens_than_the_cache_holds),
		cmocka_unit_test(keys_come_and_go),	/* last: it removes the key */
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
