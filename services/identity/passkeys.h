/*
 * Passkeys: keys at their owners' authenticators that open an account by themselves. The
 * authenticator has verified its user (PIN, finger, face), so that one answer is both factors.
 *
 * The names of requests and answers are those of WebAuthn (its JSON forms of level 3, binary as
 * base64url), so that a page hands them to the browser and back as they are.
 */
#ifndef NXT_PASSKEYS_H
#define NXT_PASSKEYS_H

#include <jansson.h>
#include <stdbool.h>

#include "base64url.h"
#include "webauthn.h"

struct arena;
struct error;
struct request;
struct row;

#define PASSKEYS_MAX 20	/* of one user */

/* What a browser gives of a passkey, as columns of a body; `members` are those of its response. */
#define PASSKEY_COLUMNS(members) \
	{ "id", COL_TEXT, COL_REQUIRED, .max = BASE64URL_LEN(WEBAUTHN_ID_MAX), .doc = "As the browser gave it." }, \
	{ "rawId", COL_TEXT, 0, .max = BASE64URL_LEN(WEBAUTHN_ID_MAX), .doc = "The same." }, \
	{ "type", COL_ENUM, 0, .values = (const char *const[]){ "public-key", NULL } }, \
	{ "response", COL_JSON, COL_REQUIRED | COL_OBJECT, .doc = (members) }, \
	{ "authenticatorAttachment", COL_TEXT, 0, .max = 40, .doc = "Not looked at." }, \
	{ "clientExtensionResults", COL_JSON, 0, .doc = "Not looked at." }

/* ---- passkey_party.c ---- */
/* Takes up the options PASSKEY_…; -1 with the reason where they do not fit each other. */
int passkey_party_init(struct error *e);
const struct webauthn_party *passkey_party(void);
const char *passkey_party_name(void);

/* A fresh question, for CHALLENGE_S; user_id NULL: whoever answers. 32 random bytes, base64url. */
int passkey_challenge_make(struct request *rq, const char *purpose, const char *user_id,
    const char **ret_challenge);
/*
 * ERR_TOKEN_INVALID unless it is open for this purpose, and this user or anybody; *ret_is_asked: put to this
 * user. Using it up is right once, also of several at once.
 */
int passkey_challenge_is_open(struct request *rq, const char *purpose, const char *user_id,
    const char *challenge, bool *ret_is_asked);
int passkey_challenge_use(struct request *rq, const char *purpose, const char *user_id,
    const char *challenge);

/* Whom an open challenge was put to; ERR_TOKEN_INVALID where that is nobody in particular. */
int passkey_challenge_asks(struct request *rq, const char *purpose, const char *challenge,
    const char **ret_user_id);

/* What the user's browser asks authenticators for; `user` names who enrols. New objects. */
json_t *passkey_creation_options(struct request *rq, const struct row *user, const char *challenge,
    json_t *exclude);
json_t *passkey_request_options(const char *challenge, json_t *allow);
/* The user's passkeys as the browser's list of descriptors: [{type, id, transports}]. NULL: failed. */
json_t *passkey_descriptors(struct request *rq, const char *user_id);

/* PostgreSQL's text form of a bytea, and back; NULL where it is none. */
const char *bytea_text(struct arena *a, struct webauthn_bytes bytes);
struct webauthn_bytes bytea_bytes(struct arena *a, const char *text);
/*
 * A member of an object of the body, base64url of 1 to `max` bytes. Else fail_field() at
 * `pointer`/name. An absent one is not an error where it is optional: *ret has length 0.
 */
int passkey_member(struct request *rq, json_t *object, const char *pointer, const char *name,
    bool is_optional, size_t max, struct webauthn_bytes *ret);

/* ---- auth_passkey.c ---- */
/* POST /v1/auth/step-up with a passkey's answer in the place of the password. */
int passkey_step_up(struct request *rq);

#endif
