/* Granting and taking away roles as the consequence of something else. */
#ifndef NXT_USER_ROLES_H
#define NXT_USER_ROLES_H

struct request;

/* Born APPROVED: the first administrator. `cause` as in role.decided. */
int user_role_grant(struct request *rq, const char *user_id, const char *role_key,
    const char *cause);
/* Employment ended: INTERNAL roles are taken away. */
int user_roles_end_internal(struct request *rq, const char *user_id);
/* The account was erased: every role that it holds or has asked for ends. */
int user_roles_erase(struct request *rq, const char *user_id);

#endif
