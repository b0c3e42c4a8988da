/* The keys that verify access tokens: identity's JWKS, fetched, kept and found by kid. */
#ifndef NXT_AUTH_KEYS_H
#define NXT_AUTH_KEYS_H

#include <cjose/cjose.h>

#define KID_MAX 64

/* The key, or NULL. On a fiber an unknown kid may wait up to 2 s for the key set to be fetched again. */
const cjose_jwk_t *auth_key_find(const char *kid);
/* As auth_key_find, but only looks. */
const cjose_jwk_t *auth_key_known(const char *kid);

#endif
