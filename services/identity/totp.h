/*
 * Time-based one-time passwords (RFC 6238 over RFC 4226): HMAC-SHA1, 6 digits, steps of 30 s; what
 * every authenticator app takes without being told. Knows no request and no table.
 */
#ifndef NXT_TOTP_H
#define NXT_TOTP_H

#include <stddef.h>
#include <stdint.h>

struct arena;

#define TOTP_SECRET_BYTES 20	/* 160 bits, as RFC 4226 section 4 recommends */
#define TOTP_DIGITS 6
#define TOTP_PERIOD_S 30
#define TOTP_DRIFT_STEPS 1	/* how far the clock of a phone may be off, either way */

/* The code of a step (or counter), `digits` of them (at most 9) and a NUL. */
void totp_code(const void *secret, size_t len, int64_t step, int digits, char *ret_code);
/*
 * The step within TOTP_DRIFT_STEPS of now whose code this is, 0 where it is none's. Only steps
 * after `last_step` count: a code is taken once. Takes as long for every code.
 */
int64_t totp_match(const void *secret, size_t len, const char *code, int64_t now_s,
    int64_t last_step);
/* RFC 4648 base32 in capitals, without padding. */
const char *base32_text(struct arena *a, const void *bytes, size_t len);
/* The otpauth: URI that an app reads from a QR code. */
const char *totp_uri(struct arena *a, const char *issuer, const char *account, const char *base32);

#endif
