/*
 * What a user may do now, and telling everybody when that changes (user.access_changed).
 *
 * The access epoch stands in users; an access token with a lower one is stale.
 */
#ifndef NXT_USER_ACCESS_H
#define NXT_USER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_array;
struct db_result;
struct db_statement;
struct request;
struct row;

/* A user's employment. All NULL: none. */
struct employment {
	const char *employee_id, *department_id;
	const char *status;	/* ACTIVE, INACTIVE, TERMINATED */
};
struct user_access {
	const char *const *role_keys;	/* in force now, sorted, NULL-terminated */
	const char *employee_id, *department_id;	/* of an ACTIVE employee, else NULL */
	bool factor_missing;	/* for a token: the rest of staff is left out, and there is such, for want of a second factor */
	int64_t until_s;	/* for a token: when the first of the roles ends, in seconds since 1970; 0: none has an end */
};

int employment_read(struct request *rq, const char *user_id, struct employment *ret);
/* Roles approved, unexpired and active; INTERNAL ones only while the employee is ACTIVE. */
int user_access_read(struct request *rq, const char *user_id, const struct employment *employment,
    struct user_access *ret);
/*
 * The part of it that an access token may carry: nothing of staff where staff must have a second
 * factor (identity.internal_roles_need_second_factor) and this account has neither authenticator nor passkey.
 */
int user_access_for_token(struct request *rq, const char *user_id, struct user_access *ret);
/* The same of many users (DB_UUID), and what its result says of the n-th of them, copied for rq. */
struct db_statement user_access_for_tokens(struct request *rq, struct db_array *user_ids);
void user_access_take(struct request *rq, const struct db_result *r, unsigned n,
    struct user_access *ret);

/* The next epoch, written with a user.access_changed of its own; for unit_later. */
int user_access_changed(struct request *rq, const char *user_id);
/* In a guard of users: the epoch moves with the running change, which makes the status `status`. */
int user_access_moves(struct request *rq, struct row *user, const char *status);
/* What it is now, told again: every service's access_users is rebuilt from this. */
int user_access_republish(struct request *rq, struct row *user);

#endif
