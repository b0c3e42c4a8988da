/*
 * What a relying party must verify of WebAuthn level 2 (W3C, sections 7.1 and 7.2): the bytes that a
 * browser and an authenticator made. Knows no request, no table and no account: whether a challenge
 * is open, whose a credential is and what its counter was is the caller's to judge.
 *
 * Taken: ES256 and EdDSA (Ed25519), user verification required, the attestation format `none`, and
 * `packed` without a certificate, which a browser may leave in place although none was asked for.
 * CBOR has definite lengths only, as CTAP 2 demands; a canonical order is not asked for.
 */
#ifndef NXT_WEBAUTHN_H
#define NXT_WEBAUTHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define WEBAUTHN_ID_MAX 1023		/* bytes of a credential id, section 7.1 step 25 of level 3 */
#define WEBAUTHN_CLIENT_DATA_MAX 4096
#define WEBAUTHN_OBJECT_MAX 8192	/* attestation object, authenticator data */
#define WEBAUTHN_SIGNATURE_MAX 256
#define WEBAUTHN_ES256 (-7)		/* COSE algorithms */
#define WEBAUTHN_EDDSA (-8)

struct webauthn_bytes {
	const unsigned char *p;
	size_t len;
};

/* Who we are to browsers. */
struct webauthn_party {
	const char *rp_id;		/* a domain */
	const char *const *origins;	/* NULL-terminated; an answer comes from one of them */
};

struct webauthn_credential {
	struct webauthn_bytes id, public_key;	/* the key as COSE; both point into what was read */
	uint32_t sign_count;			/* 0: the authenticator may not count */
	int algorithm;
};

/*
 * Each of these returns NULL where all is right, else the reason, for people to read.
 */

/* clientDataJSON: type ("webauthn.create", "webauthn.get"), origin, not in a frame of another origin. */
const char *webauthn_client_data(struct arena *a, const struct webauthn_party *party,
    const char *type, struct webauthn_bytes client_data, const char **ret_challenge);
/* What an authenticator signs at a sign-in, but for the signature: our rpId, present, verified. */
const char *webauthn_auth_data(const struct webauthn_party *party, struct webauthn_bytes auth_data,
    uint32_t *ret_sign_count);
/* A new credential. */
const char *webauthn_attestation(const struct webauthn_party *party,
    struct webauthn_bytes client_data, struct webauthn_bytes object, struct webauthn_credential *ret);

/* Did the holder of this COSE key sign these? */
bool webauthn_signed(struct webauthn_bytes public_key, struct webauthn_bytes auth_data,
    struct webauthn_bytes client_data, struct webauthn_bytes signature);

#endif
