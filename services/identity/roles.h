/* Roles and what they may do: every change of either is told by role.permissions_changed. */
#ifndef NXT_ROLES_H
#define NXT_ROLES_H

struct request;
struct row;

/*
 * Publishes the locked role with its whole set of permissions, and the next version. `added` and
 * `removed` (NULL: none) are keys that the running change is about to put or take away.
 */
int role_permissions_publish(struct request *rq, struct row *role, const char *added,
    const char *removed);

#endif
