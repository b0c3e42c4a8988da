/*
 * Recovery codes: ten for each user with a second factor, shown once, each good for one sign-in
 * when the authenticator is lost. The table holds hashes; 120 random bits need no slow one (NIST SP
 * 800-63B and OWASP ASVS 6.5.2 ask for one below 112).
 */
#ifndef NXT_RECOVERY_CODES_H
#define NXT_RECOVERY_CODES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct request;

#define RECOVERY_CODES 10

/* A new set in the place of all old ones; *ret_codes: array of text, to be answered once. */
int recovery_codes_renew(struct request *rq, const char *user_id, json_t **ret_codes);
int recovery_codes_remove(struct request *rq, const char *user_id);
/* Uses one up; also of several who send the same at once, one alone is right. */
int recovery_code_use(struct request *rq, const char *user_id, const char *code,
    bool *ret_is_right);
int recovery_codes_left(struct request *rq, const char *user_id, int64_t *ret_left);

#endif
