/* Verifying what browsers and authenticators say; see webauthn.h. */
#include "webauthn.h"

#include <cbor.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "json.h"

/* ---- CBOR: libcbor's decoder, one item at a time, so that no length that is claimed is allocated ---- */

#define DEPTH_MAX 8	/* of what is skipped; x5c in an attestation statement is 3 deep */

enum kind { NOTHING, UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, OTHER };
struct item {
	enum kind kind;
	uint64_t n;			/* value, or how many elements; of NEGATIVE -1 - n is meant */
	struct webauthn_bytes bytes;	/* BYTES, TEXT */
};
struct reader {
	const unsigned char *p;
	size_t left;
};

#define TAKE(name, type, item_kind) \
	static void \
	name(void *arg, type n) \
	{ \
		*(struct item *)arg = (struct item){ .kind = (item_kind), .n = n }; \
	}
TAKE(on_uint8, uint8_t, UNSIGNED)
TAKE(on_uint16, uint16_t, UNSIGNED)
TAKE(on_uint32, uint32_t, UNSIGNED)
TAKE(on_uint64, uint64_t, UNSIGNED)
TAKE(on_negint8, uint8_t, NEGATIVE)
TAKE(on_negint16, uint16_t, NEGATIVE)
TAKE(on_negint32, uint32_t, NEGATIVE)
TAKE(on_negint64, uint64_t, NEGATIVE)
TAKE(on_array, size_t, ARRAY)
TAKE(on_map, size_t, MAP)

static void
on_bytes(void *arg, cbor_data p, size_t len)
{
	*(struct item *)arg = (struct item){ .kind = BYTES, .bytes = { p, len } };
}

static void
on_text(void *arg, cbor_data p, size_t len)
{
	*(struct item *)arg = (struct item){ .kind = TEXT, .bytes = { p, len } };
}

static void
on_boolean(void *arg, bool value)
{
	*(struct item *)arg = (struct item){ .kind = OTHER, .n = value };
}

static void
on_null(void *arg)
{
	*(struct item *)arg = (struct item){ .kind = OTHER };
}

/* What is null here (indefinite lengths, tags, floats) leaves NOTHING, and so is refused. */
static const struct cbor_callbacks on_item = {
	.uint8 = on_uint8, .uint16 = on_uint16, .uint32 = on_uint32, .uint64 = on_uint64,
	.negint8 = on_negint8, .negint16 = on_negint16, .negint32 = on_negint32, .negint64 = on_negint64,
	.byte_string = on_bytes, .string = on_text, .array_start = on_array, .map_start = on_map,
	.boolean = on_boolean, .null = on_null, .undefined = cbor_null_undefined_callback,
	.byte_string_start = cbor_null_byte_string_start_callback,
	.string_start = cbor_null_string_start_callback,
	.indef_array_start = cbor_null_indef_array_start_callback,
	.indef_map_start = cbor_null_indef_map_start_callback,
	.indef_break = cbor_null_indef_break_callback, .tag = cbor_null_tag_callback,
	.float2 = cbor_null_float2_callback, .float4 = cbor_null_float4_callback,
	.float8 = cbor_null_float8_callback,
};

static bool
next(struct reader *r, struct item *ret)
{
	struct item item = { NOTHING };
	struct cbor_decoder_result got = cbor_stream_decode(r->p, r->left, &on_item, &item);

	if (got.status != CBOR_DECODER_FINISHED || item.kind == NOTHING || got.read > r->left)
		return false;
	r->p += got.read;
	r->left -= got.read;
	/* every element is a byte at least */
	if ((item.kind == ARRAY || item.kind == MAP) && item.n > r->left)
		return false;
	*ret = item;
	return true;
}

/* Reads one item with all that is in it. */
static bool
skip(struct reader *r, int depth, struct item *ret)
{
	struct item inner;
	uint64_t n;

	if (depth > DEPTH_MAX || !next(r, ret))
		return false;
	n = ret->kind == MAP ? 2 * ret->n : ret->kind == ARRAY ? ret->n : 0;
	for (uint64_t i = 0; i < n; i++)
		if (!skip(r, depth + 1, &inner))
			return false;
	return true;
}

static bool
is_text(const struct item *item, const char *text)
{
	return item->kind == TEXT && item->bytes.len == strlen(text) &&
	    memcmp(item->bytes.p, text, item->bytes.len) == 0;
}

/* False where it is no number of an int's size. */
static bool
to_int(const struct item *item, int *ret)
{
	if ((item->kind != UNSIGNED && item->kind != NEGATIVE) || item->n > 1000000)
		return false;
	*ret = item->kind == UNSIGNED ? (int)item->n : -1 - (int)item->n;
	return true;
}

/*
 * Fills the items that a map has under the names wanted; absent ones stay NOTHING. Of a map or an
 * array the item tells how many elements it has. False: no map, a name twice, broken.
 */
struct member {
	const char *name;	/* NULL: `label` */
	int label;
	struct item item;
};

static bool
read_map(struct reader *r, struct member *members, size_t n)
{
	struct item map, key, value;
	int label;

	if (!next(r, &map) || map.kind != MAP)
		return false;
	for (uint64_t i = 0; i < map.n; i++) {
		if (!next(r, &key) || key.kind == ARRAY || key.kind == MAP || !skip(r, 1, &value))
			return false;
		for (size_t m = 0; m < n; m++) {
			if (members[m].name != NULL ? !is_text(&key, members[m].name) :
			    !to_int(&key, &label) || label != members[m].label)
				continue;
			if (members[m].item.kind != NOTHING)
				return false;
			members[m].item = value;
		}
	}
	return true;
}

/* ---- keys: COSE, RFC 9053 ---- */

#define COORDINATE 32
#define KTY_OKP 1
#define KTY_EC2 2
#define CRV_P256 1
#define CRV_ED25519 6

/* NULL where the point is not on the curve: OpenSSL looks at that when it takes one in. */
static EVP_PKEY *
p256_key(const unsigned char *x, const unsigned char *y)
{
	unsigned char point[1 + 2 * COORDINATE] = { 4 };	/* uncompressed */
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 5),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_END
	};

	memcpy(point + 1, x, COORDINATE);
	memcpy(point + 1 + COORDINATE, y, COORDINATE);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Points of small order are refused: with such a key everybody's signature is right. */
static EVP_PKEY *
ed25519_key(const unsigned char *x)
{
	if (!crypto_core_ed25519_is_valid_point(x))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, COORDINATE);
}

static bool
is_coordinate(const struct item *item)
{
	return item->kind == BYTES && item->bytes.len == COORDINATE;
}

/* Moves on behind the key. NULL: none that we take; the caller frees it. */
static EVP_PKEY *
read_key(struct reader *r, int *ret_algorithm)
{
	struct member m[] = { { .label = 1 }, { .label = 3 }, { .label = -1 }, { .label = -2 }, { .label = -3 } };
	int kty, alg, crv;

	if (!read_map(r, m, COUNT_OF(m)) || !to_int(&m[0].item, &kty) || !to_int(&m[1].item, &alg) ||
	    !to_int(&m[2].item, &crv) || !is_coordinate(&m[3].item))
		return NULL;
	*ret_algorithm = alg;
	if (alg == WEBAUTHN_ES256 && kty == KTY_EC2 && crv == CRV_P256 && is_coordinate(&m[4].item))
		return p256_key(m[3].item.bytes.p, m[4].item.bytes.p);
	if (alg == WEBAUTHN_EDDSA && kty == KTY_OKP && crv == CRV_ED25519)
		return ed25519_key(m[3].item.bytes.p);
	return NULL;
}

static bool
is_signed(EVP_PKEY *key, int algorithm, struct webauthn_bytes auth_data,
    struct webauthn_bytes client_data, struct webauthn_bytes signature)
{
	unsigned char message[WEBAUTHN_OBJECT_MAX + 32];
	EVP_MD_CTX *ctx;
	bool is_right;

	if (auth_data.len > WEBAUTHN_OBJECT_MAX)
		return false;
	memcpy(message, auth_data.p, auth_data.len);
	sha256_raw(client_data.p, client_data.len, message + auth_data.len);
	ctx = EVP_MD_CTX_new();
	is_right = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL,
	    algorithm == WEBAUTHN_ES256 ? EVP_sha256() : NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, signature.p, signature.len, message, auth_data.len + 32) == 1;
	EVP_MD_CTX_free(ctx);
	return is_right;
}

bool
webauthn_signed(struct webauthn_bytes public_key, struct webauthn_bytes auth_data,
    struct webauthn_bytes client_data, struct webauthn_bytes signature)
{
	struct reader r = { public_key.p, public_key.len };
	int algorithm;
	EVP_PKEY *key = read_key(&r, &algorithm);
	bool is_right = key != NULL && r.left == 0 &&
	    is_signed(key, algorithm, auth_data, client_data, signature);

	EVP_PKEY_free(key);
	return is_right;
}

/* ---- client data ---- */

static bool
is_listed(const char *const *list, const char *text)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

const char *
webauthn_client_data(struct arena *a, const struct webauthn_party *party, const char *type,
    struct webauthn_bytes client_data, const char **ret_challenge)
{
	struct error e;
	json_t *o;
	const char *challenge, *got, *origin;

	if (client_data.len > WEBAUTHN_CLIENT_DATA_MAX ||
	    (o = json_parse_strict(a, (const char *)client_data.p, client_data.len, false, &e)) == NULL)
		return "the client data are no JSON";
	got = json_string_value(json_object_get(o, "type"));
	origin = json_string_value(json_object_get(o, "origin"));
	challenge = json_string_value(json_object_get(o, "challenge"));
	if (got == NULL || strcmp(got, type) != 0)
		return "the client data are of another kind of request";
	if (origin == NULL || !is_listed(party->origins, origin))
		return "the answer was made for another origin";
	if (json_object_get(o, "crossOrigin") != NULL && !json_is_false(json_object_get(o, "crossOrigin")))
		return "the answer was made in a frame of another origin";
	if (challenge == NULL)
		return "the client data hold no challenge";
	*ret_challenge = challenge;
	return NULL;
}

/* ---- authenticator data, section 6.1 ---- */

#define USER_PRESENT 0x01
#define USER_VERIFIED 0x04
#define ATTESTED 0x40
#define EXTENDED 0x80
#define HEAD 37		/* hash of the rpId, flags, counter */
#define AAGUID 16

static const char broken[] = "the authenticator data are malformed";
static const char unknown_key[] = "the key is none of ES256 or EdDSA, or no point of its curve";

/* The attested credential, behind the head. Its key is checked, and kept as it stands. */
static const char *
read_attested(struct reader *r, struct webauthn_credential *ret)
{
	const unsigned char *start;
	EVP_PKEY *key;
	size_t id_len;

	if (r->left < AAGUID + 2)
		return broken;
	id_len = (size_t)r->p[AAGUID] << 8 | r->p[AAGUID + 1];
	if (id_len == 0 || id_len > WEBAUTHN_ID_MAX || r->left < AAGUID + 2 + id_len)
		return broken;
	ret->id = (struct webauthn_bytes){ r->p + AAGUID + 2, id_len };
	r->p += AAGUID + 2 + id_len;
	r->left -= AAGUID + 2 + id_len;
	start = r->p;
	key = read_key(r, &ret->algorithm);
	if (key == NULL)
		return unknown_key;
	EVP_PKEY_free(key);
	ret->public_key = (struct webauthn_bytes){ start, (size_t)(r->p - start) };
	return NULL;
}

/* ret->id.p is NULL where no credential is attested. */
static const char *
read_auth_data(const struct webauthn_party *party, struct webauthn_bytes data,
    struct webauthn_credential *ret)
{
	struct reader r = { data.p, data.len };
	struct item extensions;
	unsigned char hash[32];
	const char *reason;

	memset(ret, 0, sizeof(*ret));
	if (data.len < HEAD || data.len > WEBAUTHN_OBJECT_MAX)
		return broken;
	sha256_raw(party->rp_id, strlen(party->rp_id), hash);
	if (memcmp(data.p, hash, sizeof(hash)) != 0)
		return "the passkey belongs to another site";
	if (!(data.p[32] & USER_PRESENT) || !(data.p[32] & USER_VERIFIED))
		return "the authenticator did not verify its user (PIN, finger, face)";
	ret->sign_count = (uint32_t)data.p[33] << 24 | (uint32_t)data.p[34] << 16 |
	    (uint32_t)data.p[35] << 8 | data.p[36];
	r.p += HEAD;
	r.left -= HEAD;
	if ((data.p[32] & ATTESTED) && (reason = read_attested(&r, ret)) != NULL)
		return reason;
	if ((data.p[32] & EXTENDED) && (!skip(&r, 0, &extensions) || extensions.kind != MAP))
		return broken;
	return r.left == 0 ? NULL : broken;
}

const char *
webauthn_auth_data(const struct webauthn_party *party, struct webauthn_bytes auth_data,
    uint32_t *ret_sign_count)
{
	struct webauthn_credential c;
	const char *reason = read_auth_data(party, auth_data, &c);

	if (reason == NULL)
		*ret_sign_count = c.sign_count;
	return reason;
}

/* ---- attestation, section 6.5 ---- */

/* Section 8.2 without x5c: the new key itself has signed. */
static const char *
check_packed(struct reader statement, const struct webauthn_credential *c,
    struct webauthn_bytes auth_data, struct webauthn_bytes client_data)
{
	struct member m[] = { { .name = "alg" }, { .name = "sig" }, { .name = "x5c" } };
	int algorithm;

	if (!read_map(&statement, m, COUNT_OF(m)) || m[2].item.kind != NOTHING ||
	    !to_int(&m[0].item, &algorithm) || algorithm != c->algorithm || m[1].item.kind != BYTES)
		return "the attestation is of a kind that was not asked for; ask for none";
	return webauthn_signed(c->public_key, auth_data, client_data, m[1].item.bytes) ? NULL :
	    "the attestation is not signed by its key";
}

/* Where the value of a name in a map of texts lies; read_map has found it to be well-formed. */
static struct reader
value_at(struct webauthn_bytes map, const char *name)
{
	struct reader r = { map.p, map.len };
	struct item head, key, value;

	(void)next(&r, &head);
	while (next(&r, &key) && !is_text(&key, name))
		(void)skip(&r, 1, &value);
	return r;
}

const char *
webauthn_attestation(const struct webauthn_party *party, struct webauthn_bytes client_data,
    struct webauthn_bytes object, struct webauthn_credential *ret)
{
	struct member m[] = { { .name = "fmt" }, { .name = "attStmt" }, { .name = "authData" } };
	struct reader r = { object.p, object.len };
	struct webauthn_credential c;
	const char *reason;

	if (object.len > WEBAUTHN_OBJECT_MAX || !read_map(&r, m, COUNT_OF(m)) || r.left != 0 ||
	    m[0].item.kind != TEXT || m[1].item.kind != MAP || m[2].item.kind != BYTES)
		return "the attestation object is malformed";
	reason = read_auth_data(party, m[2].item.bytes, &c);
	if (reason != NULL)
		return reason;
	if (c.id.p == NULL)
		return "the authenticator data hold no new passkey";
	if (is_text(&m[0].item, "packed"))
		reason = check_packed(value_at(object, "attStmt"), &c, m[2].item.bytes, client_data);
	else if (!is_text(&m[0].item, "none") || m[1].item.n != 0)
		reason = "the attestation is of a kind that was not asked for; ask for none";
	if (reason == NULL)
		*ret = c;
	return reason;
}
