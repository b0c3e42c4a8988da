/*
 * Verifying one access token; see auth_token.h.
 *
 * The header is read here before cjose sees the token, because cjose takes the algorithm from it:
 * what it may say is fixed beforehand (RFC 8725).
 */
#include "auth_token.h"

#include <cjose/cjose.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "auth_keys.h"
#include "base64url.h"
#include "error.h"
#include "json.h"
#include "uuid.h"

#define SIGNATURE_BYTES 64	/* r and s */
#define ROLE_KEY_MAX 64

/* The three parts of the compact form. */
struct parts {
	const char *header, *payload, *signature;
	size_t header_len, payload_len, signature_len;
};

static bool
split(const char *text, size_t len, struct parts *ret)
{
	const char *end = text + len, *first, *second;

	for (const char *p = text; p < end; p++)
		if (*p != '.' && *p != '-' && *p != '_' && !(*p >= '0' && *p <= '9') &&
		    !(*p >= 'A' && *p <= 'Z') && !(*p >= 'a' && *p <= 'z'))
			return false;
	first = memchr(text, '.', len);
	second = first == NULL ? NULL : memchr(first + 1, '.', (size_t)(end - first - 1));
	if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return false;
	*ret = (struct parts){
		.header = text, .header_len = (size_t)(first - text),
		.payload = first + 1, .payload_len = (size_t)(second - first - 1),
		.signature = second + 1, .signature_len = (size_t)(end - second - 1),
	};
	return ret->header_len > 0 && ret->payload_len > 0;
}

/* cjose is lenient about stray bits at the end; one signature has one spelling here. */
static bool
signature_is_well_formed(struct arena *a, const struct parts *p)
{
	size_t n;

	return base64url_bytes(a, p->signature, p->signature_len, &n) != NULL && n == SIGNATURE_BYTES;
}

/* base64url without padding holding one strict JSON object. */
static json_t *
read_object(struct arena *a, const char *text, size_t len)
{
	struct error e;
	size_t n;
	const unsigned char *raw = base64url_bytes(a, text, len, &n);

	return raw == NULL ? NULL : json_parse_strict(a, (const char *)raw, n, false, &e);
}

static const char *
text_member(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) ? json_string_value(v) : NULL;
}

/* RFC 9068 §2.1: at+jwt, with or without "application/", in any case. */
static bool
is_access_token_type(const char *typ)
{
	if (typ != NULL && strncasecmp(typ, "application/", 12) == 0)
		typ += 12;
	return typ != NULL && strcasecmp(typ, "at+jwt") == 0;
}

static const char *
check_header(const json_t *header, const char **ret_kid)
{
	const char *alg = text_member(header, "alg"), *kid = text_member(header, "kid");

	if (alg == NULL || strcmp(alg, "ES256") != 0)
		return "the access token is not signed with ES256";
	if (!is_access_token_type(text_member(header, "typ")))
		return "the token is no access token";
	if (json_object_get(header, "crit") != NULL || json_object_get(header, "b64") != NULL)
		return "the access token's header asks for what is not known here";
	if (kid == NULL || kid[0] == '\0' || strlen(kid) > KID_MAX)
		return "the access token names no key";
	*ret_kid = kid;
	return NULL;
}

static bool
signature_holds(const char *text, size_t len, const char *kid)
{
	const cjose_jwk_t *key = auth_key_find(kid);
	cjose_jws_t *jws;
	cjose_err err;
	bool holds;

	if (key == NULL || (jws = cjose_jws_import(text, len, &err)) == NULL)
		return false;
	holds = cjose_jws_verify(jws, key, &err);
	cjose_jws_release(jws);
	return holds;
}

/* ---- claims ---- */

static bool
audience_is_ours(const json_t *aud)
{
	if (json_is_string(aud))
		return strcmp(json_string_value(aud), AUTH_AUDIENCE) == 0;
	for (size_t i = 0; i < json_array_size(aud); i++) {
		const char *one = json_string_value(json_array_get(aud, i));
		if (one != NULL && strcmp(one, AUTH_AUDIENCE) == 0)
			return true;
	}
	return false;
}

static const char *
check_times(const json_t *claims, long long now_s, struct access_claims *ret)
{
	const json_t *exp = json_object_get(claims, "exp"), *iat = json_object_get(claims, "iat");
	const json_t *nbf = json_object_get(claims, "nbf");

	if (!json_is_integer(exp) || !json_is_integer(iat) || (nbf != NULL && !json_is_integer(nbf)))
		return "the access token's times are missing";
	ret->expires_s = json_integer_value(exp);
	ret->issued_s = json_integer_value(iat);
	if (ret->issued_s < 0 || ret->expires_s <= ret->issued_s ||
	    ret->expires_s > ret->issued_s + AUTH_MAX_LIFETIME_S)
		return "the access token is made for too long a time";
	if (ret->issued_s > now_s + AUTH_LEEWAY_S ||
	    (nbf != NULL && json_integer_value(nbf) > now_s + AUTH_LEEWAY_S))
		return "the access token is not valid yet";
	if (ret->expires_s + AUTH_LEEWAY_S <= now_s)
		return "the access token has expired";
	return NULL;
}

/* A UUID in lower case; NULL where the claim is absent or null. false: it is something else. */
static bool
take_uuid(struct arena *a, const json_t *claims, const char *name, bool required,
    const char **ret)
{
	const json_t *v = json_object_get(claims, name);
	uint8_t raw[16];
	char *text;

	*ret = NULL;
	if (v == NULL || json_is_null(v))
		return !required;
	if (!json_is_string(v) || !uuid_parse(json_string_value(v), raw))
		return false;
	text = arena_alloc(a, UUID_TEXT);
	uuid_format(raw, text);
	*ret = text;
	return true;
}

/* One of the words, which outlive every token; NULL where it is none of them. */
static const char *
take_word(const json_t *claims, const char *name, const char *const words[2])
{
	const char *given = text_member(claims, name);

	for (int i = 0; given != NULL && i < 2; i++)
		if (strcmp(given, words[i]) == 0)
			return words[i];
	return NULL;
}

static bool
take_roles(struct arena *a, const json_t *claims, const char *const **ret)
{
	const json_t *list = json_object_get(claims, "roles");
	size_t n = json_array_size(list);
	const char **keys;

	if (!json_is_array(list) || n > AUTH_ROLES_MAX)
		return false;
	keys = arena_alloc(a, (n + 1) * sizeof(*keys));
	for (size_t i = 0; i < n; i++) {
		keys[i] = json_string_value(json_array_get(list, i));
		if (keys[i] == NULL || keys[i][0] == '\0' || strlen(keys[i]) > ROLE_KEY_MAX)
			return false;
	}
	*ret = keys;
	return true;
}

/* A claim that may be absent, which is false. */
static bool
take_bool(const json_t *claims, const char *name, bool *ret)
{
	const json_t *v = json_object_get(claims, name);

	*ret = json_is_true(v);
	return v == NULL || json_is_boolean(v);
}

static const char *
read_claims(struct arena *a, const json_t *claims, long long now_s, struct access_claims *ret)
{
	static const char *const account_types[] = { "INDIVIDUAL", "COMPANY" };
	static const char *const clients[] = { "UI", "API" };
	const char *issuer = text_member(claims, "iss"), *reason;
	const json_t *epoch = json_object_get(claims, "epoch");

	if (issuer == NULL || strcmp(issuer, AUTH_ISSUER) != 0 ||
	    !audience_is_ours(json_object_get(claims, "aud")))
		return "the access token is not meant for this service";
	if ((reason = check_times(claims, now_s, ret)) != NULL)
		return reason;
	ret->account_type = take_word(claims, "account_type", account_types);
	ret->client = take_word(claims, "client", clients);
	ret->epoch = json_integer_value(epoch);
	if (!take_uuid(a, claims, "sub", true, &ret->sub) ||
	    !take_uuid(a, claims, "sid", true, &ret->sid) ||
	    !take_uuid(a, claims, "employee_id", false, &ret->employee_id) ||
	    !take_uuid(a, claims, "department_id", false, &ret->department_id) ||
	    !take_roles(a, claims, &ret->role_keys) || ret->account_type == NULL ||
	    ret->client == NULL || !json_is_integer(epoch) || ret->epoch < 0 ||
	    !take_bool(claims, "restricted", &ret->restricted) ||
	    !take_bool(claims, "factor_missing", &ret->factor_missing))
		return "the access token lacks what it must say";
	return NULL;
}

const char *
auth_token_read(struct arena *a, const char *text, size_t len, long long now_s,
    struct auth_token *ret_token)
{
	struct auth_token token = { .kid = NULL };
	struct parts parts;
	json_t *header, *claims;
	const char *reason;

	if (len > TOKEN_BYTES_MAX || !split(text, len, &parts) || !signature_is_well_formed(a, &parts))
		return "the access token is malformed";
	if ((header = read_object(a, parts.header, parts.header_len)) == NULL)
		return "the access token is malformed";
	if ((reason = check_header(header, &token.kid)) != NULL)
		return reason;
	if (!signature_holds(text, len, token.kid))
		return "the access token's signature does not hold";
	if ((claims = read_object(a, parts.payload, parts.payload_len)) == NULL)
		return "the access token is malformed";
	if ((reason = read_claims(a, claims, now_s, &token.claims)) != NULL)
		return reason;
	*ret_token = token;
	return NULL;
}
