/* One access token, taken apart and verified: everything about it that can be known for good. */
#ifndef NXT_AUTH_TOKEN_H
#define NXT_AUTH_TOKEN_H

#include <stddef.h>

#include "auth.h"

struct arena;

#define TOKEN_BYTES_MAX 8192

/* What a verified token says; lives in the arena it was read into. */
struct auth_token {
	struct access_claims claims;
	const char *kid;
};

/*
 * Checks form, header (ES256, at+jwt, known kid, nothing critical), signature and every claim
 * against the time now_s. NULL where all is well, else a short reason for the caller's eyes.
 */
const char *auth_token_read(struct arena *a, const char *text, size_t len, long long now_s,
    struct auth_token *ret_token);

#endif
