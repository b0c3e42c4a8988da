/*
 * Access tokens. R and any text: never accepted, for nobody else has the key. Else header and
 * claims with 0xff between, under a right signature. Held: what is accepted says ES256 and our
 * kid, ids are UUIDs and the times right; a refusal gives its reason.
 */
#include "fuzz.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "auth_token.h"
#include "base64url.h"
#include "uuid.h"

#define NOW_S 1800000000LL

static EVP_PKEY *key;

static char *
coordinate(struct arena *a, const char *name)
{
	unsigned char raw[32];
	BIGNUM *n = NULL;

	hold(EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_bn2binpad(n, raw, 32) == 32);
	BN_free(n);
	return base64url_text(a, raw, 32);
}

static void
make_key(struct arena *a)
{
	struct error e;

	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	hold(key != NULL);
	hold(auth_use_jwks(arena_printf(a, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\","
	    "\"use\":\"sig\",\"alg\":\"ES256\",\"x\":\"%s\",\"y\":\"%s\"}]}",
	    coordinate(a, OSSL_PKEY_PARAM_EC_PUB_X), coordinate(a, OSSL_PKEY_PARAM_EC_PUB_Y)), &e) == 0);
}

/* The bytes as they stand, whatever they are; a JWT library would sign only what it makes itself. */
static char *
sign(struct arena *a, const char *input)
{
	unsigned char der[128], raw[64];
	const unsigned char *p = der;
	size_t len = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig;

	hold(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
	hold(EVP_DigestSign(ctx, der, &len, (const unsigned char *)input, strlen(input)) == 1);
	EVP_MD_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	hold(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32);
	hold(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32);
	ECDSA_SIG_free(sig);
	return arena_printf(a, "%s.%s", input, base64url_text(a, raw, 64));
}

static void
hold_accepted(const struct auth_token *t, const char *header)
{
	const struct access_claims *c = &t->claims;

	hold(strstr(header, "ES256") != NULL && strcmp(t->kid, "k1") == 0);
	hold(uuid_is_valid(c->sub) && uuid_is_valid(c->sid) && c->epoch >= 0);
	hold(c->employee_id == NULL || uuid_is_valid(c->employee_id));
	hold(c->expires_s > c->issued_s && c->expires_s - c->issued_s <= AUTH_MAX_LIFETIME_S);
	hold(c->expires_s + AUTH_LEEWAY_S > NOW_S && c->issued_s <= NOW_S + AUTH_LEEWAY_S);
	for (const char *const *r = c->role_keys; *r != NULL; r++)
		hold((*r)[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	const char *reason, *text, *header = NULL;
	struct auth_token token;
	size_t header_len;

	if (key == NULL)
		make_key(a);
	if (len > 0 && data[0] == 'R') {
		text = arena_strndup(a, (const char *)data + 1, len - 1);
	} else {
		header = take_until(a, &data, &len, 0xff, &header_len);
		text = sign(a, arena_printf(a, "%s.%s", base64url_text(a, header, header_len),
		    base64url_text(a, data, len)));
	}
	reason = auth_token_read(a, text, strlen(text), NOW_S, &token);
	if (reason == NULL) {
		hold(header != NULL);
		hold_accepted(&token, header);
	} else {
		hold(reason[0] != '\0');
	}
	arena_free(a);
	return 0;
}
