/* The published vectors of WebAuthn level 3, section 16, and each check failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "arena.h"
#include "webauthn.h"

/* 16.2: ES256, no attestation. Its flags lack UV, which nothing signs here. */
#define CREATE_CLIENT \
	"7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d5074" \
	"34557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f7269" \
	"67696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c" \
	"73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e64" \
	"65642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c20737563" \
	"6820617320746869733a20426b5165446a646354427258426941774a544c453551227d"
#define OBJECT \
	"a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461" \
	"c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f39" \
	"1db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97" \
	"ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf" \
	"879717c12cc68ed73290af2e2664796b9220"
#define GET_DATA \
	"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000"
#define GET_CLIENT \
	"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158" \
	"756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e" \
	"223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d"
#define GET_SIGNATURE \
	"3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f" \
	"0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87"
/* 16.3: ES256, signed by the new key itself. */
#define SELF_CLIENT \
	"7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374" \
	"334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f7269" \
	"67696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c" \
	"73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e64" \
	"65642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c20737563" \
	"6820617320746869733a205539685458764b453255526b4d6e625f307859485667227d"
#define SELF_OBJECT \
	"a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab92500" \
	"5dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a" \
	"26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7" \
	"f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87d" \
	"b3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc6515" \
	"59fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd" \
	"44119c325d5896e183fee484f2"
/* 16.11: Ed25519, what of it is no certificate. */
#define ED_KEY \
	"a401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832"
#define ED_DATA \
	"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000"
#define ED_CLIENT \
	"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a" \
	"4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e" \
	"223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d"
#define ED_SIGNATURE \
	"f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d" \
	"6fecb097d6607525713223a0dc0d453993dae00b"

#define FLAGS_AT 62	/* in OBJECT; the authenticator data begin at 30 */
#define VERIFIED 0x5d	/* user present, verified, backed up; a credential is attested */

static struct arena *a;
static const char *const origins[] = { "https://example.org", "https://www.example.org", NULL };
static const struct webauthn_party party = { "example.org", origins };

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return sodium_init() < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* Bytes that may be written to, with room for one more. */
static struct webauthn_bytes
bytes(const char *hex)
{
	size_t len = 0, max = strlen(hex) / 2;
	unsigned char *p = arena_alloc(a, max + 1);

	assert_int_equal(sodium_hex2bin(p, max, hex, strlen(hex), NULL, &len, NULL), 0);
	return (struct webauthn_bytes){ p, len };
}

static void
put(struct webauthn_bytes b, size_t at, unsigned char value)
{
	((unsigned char *)b.p)[at] = value;
}

static struct webauthn_bytes
good_object(void)
{
	struct webauthn_bytes object = bytes(OBJECT);

	put(object, FLAGS_AT, VERIFIED);
	return object;
}

/* The good object with another member before all others: a name and what it is, as they stand. */
static struct webauthn_bytes
object_with(struct webauthn_bytes member)
{
	struct webauthn_bytes object = good_object();
	unsigned char *p = arena_alloc(a, object.len + member.len);

	p[0] = 0xa4;
	memcpy(p + 1, member.p, member.len);
	memcpy(p + 1 + member.len, object.p + 1, object.len - 1);
	return (struct webauthn_bytes){ p, object.len + member.len };
}

static void
says(const char *reason, const char *words)
{
	assert_non_null(reason);
	if (strstr(reason, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

/* ---- as published ---- */

static void
es256_vectors(void **state)
{
	struct webauthn_bytes key, client = bytes(CREATE_CLIENT);
	struct webauthn_credential c;
	const char *challenge;
	uint32_t count;

	(void)state;
	assert_null(webauthn_client_data(a, &party, "webauthn.create", client, &challenge));
	assert_string_equal(challenge, "AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA");
	says(webauthn_attestation(&party, client, bytes(OBJECT), &c), "did not verify");
	assert_null(webauthn_attestation(&party, client, good_object(), &c));
	assert_int_equal(c.algorithm, WEBAUTHN_ES256);
	assert_int_equal(c.sign_count, 0);
	assert_int_equal(c.id.len, 32);
	assert_memory_equal(c.id.p, bytes("f91f391db4c9b2fd").p, 8);
	key = c.public_key;
	assert_true(webauthn_signed(key, bytes(GET_DATA), bytes(GET_CLIENT), bytes(GET_SIGNATURE)));
	says(webauthn_auth_data(&party, bytes(GET_DATA), &count), "did not verify");
}

static void
self_attestation_vector(void **state)
{
	struct webauthn_bytes client = bytes(SELF_CLIENT), object = bytes(SELF_OBJECT);
	struct webauthn_credential c;

	(void)state;
	assert_null(webauthn_attestation(&party, client, object, &c));
	assert_memory_equal(c.id.p, bytes("455ef34e2043a87d").p, 8);
	says(webauthn_attestation(&party, bytes(CREATE_CLIENT), object, &c), "not signed by its key");
	put(object, 25, 0x27);	/* its alg is EdDSA, the key's is not */
	says(webauthn_attestation(&party, client, object, &c), "not asked for");
	/* with a certificate, an empty one even, it is of another kind */
	object = bytes(SELF_OBJECT "6378356380");
	memmove((unsigned char *)object.p + 107, object.p + 102, object.len - 107);
	memcpy((unsigned char *)object.p + 102, bytes("6378356380").p, 5);
	put(object, 20, 0xa3);
	says(webauthn_attestation(&party, client, object, &c), "not asked for");
}

static void
ed25519_vectors(void **state)
{
	(void)state;
	assert_true(webauthn_signed(bytes(ED_KEY), bytes(ED_DATA), bytes(ED_CLIENT), bytes(ED_SIGNATURE)));
	assert_false(webauthn_signed(bytes(ED_KEY), bytes(ED_DATA), bytes(GET_CLIENT), bytes(ED_SIGNATURE)));
}

/* ---- each check failing once ---- */

static void
any_other_bit_is_not_signed(void **state)
{
	struct webauthn_bytes b[] = { bytes(ED_KEY), bytes(ED_DATA), bytes(ED_CLIENT), bytes(ED_SIGNATURE) };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(b); i++)
		for (size_t at = 0; at < b[i].len; at++) {
			unsigned char old = b[i].p[at];
			put(b[i], at, old ^ 1);
			assert_false(webauthn_signed(b[0], b[1], b[2], b[3]));
			put(b[i], at, old);
		}
	assert_true(webauthn_signed(b[0], b[1], b[2], b[3]));
	b[0].len++;
	assert_false(webauthn_signed(b[0], b[1], b[2], b[3]));
	b[0].len--;
	b[3].len--;
	assert_false(webauthn_signed(b[0], b[1], b[2], b[3]));
}

static void
client_data_are_judged(void **state)
{
	static const struct {
		const char *json, *words;
	} wrong[] = {
		{ "", "no JSON" }, { "[]", "no JSON" }, { "{\"type\":\"webauthn.get\"", "no JSON" },
		{ "{\"type\":\"webauthn.get\",\"type\":\"webauthn.get\"}", "no JSON" },
		{ "{\"type\":\"webauthn.create\",\"challenge\":\"x\",\"origin\":\"https://example.org\"}", "another kind" },
		{ "{\"challenge\":\"x\",\"origin\":\"https://example.org\"}", "another kind" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"http://example.org\"}", "another origin" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"https://example.org.evil.example\"}", "another origin" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":5}", "another origin" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\"}", "another origin" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"https://example.org\",\"crossOrigin\":true}", "frame" },
		{ "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"https://example.org\",\"crossOrigin\":\"no\"}", "frame" },
		{ "{\"type\":\"webauthn.get\",\"origin\":\"https://example.org\"}", "no challenge" },
	};
	static const char right[] = "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"https://www.example.org\",\"new\":{}}";
	const char *challenge = "untouched";
	char *long_one = arena_alloc(a, WEBAUTHN_CLIENT_DATA_MAX + 2);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		says(webauthn_client_data(a, &party, "webauthn.get", (struct webauthn_bytes){
		    (const unsigned char *)wrong[i].json, strlen(wrong[i].json) }, &challenge), wrong[i].words);
	assert_string_equal(challenge, "untouched");
	memset(long_one, ' ', WEBAUTHN_CLIENT_DATA_MAX + 1);
	memcpy(long_one, right, sizeof(right) - 1);
	says(webauthn_client_data(a, &party, "webauthn.get", (struct webauthn_bytes){
	    (unsigned char *)long_one, WEBAUTHN_CLIENT_DATA_MAX + 1 }, &challenge), "no JSON");
	assert_null(webauthn_client_data(a, &party, "webauthn.get", (struct webauthn_bytes){
	    (const unsigned char *)right, sizeof(right) - 1 }, &challenge));
	assert_string_equal(challenge, "x");
}

static void
authenticator_data_are_judged(void **state)
{
	struct webauthn_bytes data = bytes(GET_DATA);
	uint32_t count = 0;

	(void)state;
	put(data, 32, 0x05);
	put(data, 33, 0xfe);
	put(data, 36, 7);
	assert_null(webauthn_auth_data(&party, data, &count));
	assert_int_equal(count, 0xfe000007U);
	put(data, 32, 0x04);
	says(webauthn_auth_data(&party, data, &count), "did not verify");
	put(data, 32, 0x01);
	says(webauthn_auth_data(&party, data, &count), "did not verify");
	put(data, 32, 0x85);
	says(webauthn_auth_data(&party, data, &count), "malformed");
	put(data, 32, 0x45);
	says(webauthn_auth_data(&party, data, &count), "malformed");
	put(data, 32, 0x05);
	data.len++;
	says(webauthn_auth_data(&party, data, &count), "malformed");
	put(data, 32, 0x85);	/* the byte is the extensions: an empty map */
	put(data, 37, 0xa0);
	assert_null(webauthn_auth_data(&party, data, &count));
	put(data, 37, 0x80);	/* an array */
	says(webauthn_auth_data(&party, data, &count), "malformed");
	put(data, 0, 0);
	says(webauthn_auth_data(&party, data, &count), "another site");
	for (size_t len = 0; len < 37; len++) {
		/* a block of its own, so that AddressSanitizer sees who reads on */
		unsigned char *p = memcpy(xmalloc(len + 1), bytes(GET_DATA).p, len);
		says(webauthn_auth_data(&party, (struct webauthn_bytes){ p, len }, &count), "malformed");
		free(p);
	}
}

static void
attestations_are_judged(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
		const char *words;
	} wrong[] = {
		{ 0, 0xa2, "malformed" }, { 0, 0xa4, "malformed" }, { 0, 0x83, "malformed" },
		{ 0, 0xbf, "malformed" },	/* indefinite length */
		{ 0, 0xc0, "malformed" },	/* tag */
		{ 5, 0x44, "malformed" },	/* fmt as bytes */
		{ 9, 'd', "not asked for" },	/* nond */
		{ 18, 0x80, "malformed" },	/* attStmt an array */
		{ 28, 0x78, "malformed" },	/* authData as text */
		{ 30, 0, "another site" },
		{ FLAGS_AT, 0x5c, "did not verify" }, { FLAGS_AT, 0x59, "did not verify" },
		{ FLAGS_AT, 0x1d, "malformed" },	/* what follows is attested by no flag */
		{ FLAGS_AT, 0xdd, "malformed" },	/* extensions that are not there */
		{ 83, 0x04, "malformed" },	/* an id of 1056 bytes */
		{ 84, 0x00, "malformed" }, { 84, 0xff, "malformed" },
		{ 117, 0xa4, "none of ES256" }, { 117, 0xa6, "none of ES256" }, { 117, 0xb7, "none of ES256" },
		{ 119, 0x01, "none of ES256" }, { 120, 0x01, "none of ES256" },	/* kty; kty twice */
		{ 121, 0x27, "none of ES256" }, { 121, 0x38, "none of ES256" },	/* alg */
		{ 123, 0x02, "none of ES256" }, { 124, 0x23, "none of ES256" },	/* crv; no x */
		{ 125, 0x59, "none of ES256" }, { 158, 0x62, "no point" }, { 193, 0x21, "no point" },
	};
	struct webauthn_credential c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct webauthn_bytes object = good_object();
		const char *reason;
		put(object, wrong[i].at, wrong[i].value);
		reason = webauthn_attestation(&party, bytes(CREATE_CLIENT), object, &c);
		if (reason == NULL)
			fail_msg("byte %zu as %02x is taken", wrong[i].at, wrong[i].value);
		says(reason, wrong[i].words);
	}
}

static void
nothing_may_be_missing_or_more(void **state)
{
	struct webauthn_bytes object = good_object();
	struct webauthn_credential c;

	(void)state;
	/* authenticator data of a sign-in */
	says(webauthn_attestation(&party, bytes(CREATE_CLIENT), bytes("a363666d74646e6f6e656761747453746d74a0"
	    "6861757468446174615825bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000"),
	    &c), "no new passkey");
	for (size_t len = 0; len < object.len; len++)
		assert_non_null(webauthn_attestation(&party, bytes(CREATE_CLIENT),
		    (struct webauthn_bytes){ object.p, len }, &c));
	object.len++;
	says(webauthn_attestation(&party, bytes(CREATE_CLIENT), object, &c), "malformed");
}

/* The order that CTAP 2 writes is not asked for; a name twice is refused. */
static void
members_come_in_any_order_once(void **state)
{
	struct webauthn_bytes object = good_object(), turned = good_object();
	struct webauthn_credential c;

	(void)state;
	memcpy((unsigned char *)turned.p + 1, object.p + 10, 9);	/* attStmt, then fmt */
	memcpy((unsigned char *)turned.p + 10, object.p + 1, 9);
	assert_null(webauthn_attestation(&party, bytes(CREATE_CLIENT), turned, &c));
	assert_null(webauthn_attestation(&party, bytes(CREATE_CLIENT), object_with(bytes("63657073820102")), &c));
	says(webauthn_attestation(&party, bytes(CREATE_CLIENT), object_with(bytes("63666d74646e6f6e65")), &c),
	    "malformed");
}

/* Sizes that are only claimed, and depth: refused before anything is taken for them. */
static void
claims_cost_nothing(void **state)
{
	static const char *const heads[] = { "bb7fffffffffffffff", "bbffffffffffffffff", "ba7fffffff",
		"9b7fffffffffffffff", "5b7fffffffffffffff", "7bffffffffffffffff" };
	struct webauthn_bytes client = bytes(CREATE_CLIENT);
	struct webauthn_credential c;
	unsigned char deep[4000];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		says(webauthn_attestation(&party, bytes("7b7d"), bytes(heads[i]), &c), "malformed");
		says(webauthn_attestation(&party, bytes("7b7d"), bytes(arena_printf(a, "a163666d74%s00", heads[i])),
		    &c), "malformed");
	}
	memset(deep, 0x81, sizeof(deep));
	memcpy(deep, "\xa1\x63" "fmt", 5);
	says(webauthn_attestation(&party, bytes("7b7d"), (struct webauthn_bytes){ deep, sizeof(deep) }, &c),
	    "malformed");
	/* as a member that nobody looks at */
	assert_null(webauthn_attestation(&party, client, object_with(bytes("636570738181818181818100")), &c));
	says(webauthn_attestation(&party, client, object_with(bytes("63657073818181818181818100")), &c), "malformed");
	says(webauthn_attestation(&party, client, object_with(bytes("63657073bb8000000000000000")), &c), "malformed");
}

/* A map of one more member of so many bytes. */
static struct webauthn_bytes
object_longer_by(size_t len)
{
	unsigned char *p = arena_alloc(a, 7 + len);

	memcpy(p, "\x63" "eps\x59", 5);
	p[5] = (unsigned char)(len >> 8);
	p[6] = (unsigned char)len;
	return object_with((struct webauthn_bytes){ p, 7 + len });
}

static void
sizes_have_limits(void **state)
{
	struct webauthn_bytes client = bytes(CREATE_CLIENT), object = good_object(), id;
	size_t room = WEBAUTHN_OBJECT_MAX - object.len - 7;
	struct webauthn_credential c;
	unsigned char *p;

	(void)state;
	assert_null(webauthn_attestation(&party, client, object_longer_by(room), &c));
	says(webauthn_attestation(&party, client, object_longer_by(room + 1), &c), "malformed");
	for (size_t len = WEBAUTHN_ID_MAX; len <= WEBAUTHN_ID_MAX + 1; len++) {
		/* the same with a longer id: authData of two bytes' length, from 31 on */
		p = arena_alloc(a, object.len + 1 + len - 32);
		memcpy(p, object.p, 28);
		p[28] = 0x59;
		p[29] = (unsigned char)((164 + len - 32) >> 8);
		p[30] = (unsigned char)(164 + len - 32);
		memcpy(p + 31, object.p + 30, 53);
		p[84] = (unsigned char)(len >> 8);
		p[85] = (unsigned char)len;
		memcpy(p + 86 + len, object.p + 117, 77);
		id = (struct webauthn_bytes){ p, object.len + 1 + len - 32 };
		if (len <= WEBAUTHN_ID_MAX)
			assert_null(webauthn_attestation(&party, client, id, &c));
		else
			says(webauthn_attestation(&party, client, id, &c), "malformed");
	}
}

/* With a point of small order every signature of some form would be right. */
static void
small_orders_are_no_keys(void **state)
{
	struct webauthn_bytes key = bytes(ED_KEY);

	(void)state;
	memset((unsigned char *)key.p + 10, 0, 32);
	assert_false(webauthn_signed(key, bytes(ED_DATA), bytes(ED_CLIENT), bytes(ED_SIGNATURE)));
	put(key, 10, 1);	/* the neutral element, whose signature is R = sB: here s = 0, R = neutral */
	struct webauthn_bytes forged = bytes(ED_SIGNATURE);
	memset((unsigned char *)forged.p, 0, 64);
	put(forged, 0, 1);
	assert_false(webauthn_signed(key, bytes(ED_DATA), bytes(ED_CLIENT), forged));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(es256_vectors),
		cmocka_unit_test(self_attestation_vector),
		cmocka_unit_test(ed25519_vectors),
		cmocka_unit_test(any_other_bit_is_not_signed),
		cmocka_unit_test(client_data_are_judged),
		cmocka_unit_test(authenticator_data_are_judged),
		cmocka_unit_test(attestations_are_judged),
		cmocka_unit_test(nothing_may_be_missing_or_more),
		cmocka_unit_test(members_come_in_any_order_once),
		cmocka_unit_test(claims_cost_nothing),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(small_orders_are_no_keys),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
