/* Who may: access rules against the caller. Deny by default. */
#include "row.h"

#include <string.h>

static bool
conditions_hold(const struct request *rq, unsigned conditions, bool is_owner)
{
	if ((conditions & NEEDS_APPROVER) && !caller_can_approve(rq))
		return false;
	if ((conditions & NEEDS_SETTINGS) && !caller_can_manage_settings(rq))
		return false;
	if ((conditions & NEEDS_COMPANY) && (rq->caller.account_type == NULL ||
	    strcmp(rq->caller.account_type, "COMPANY") != 0))
		return false;
	return !((conditions & NOT_OWNER) && is_owner);
}

static bool
is_let_in(const struct request *rq, const struct access *access, bool is_owner)
{
	if (access->who & WHO_ANYONE)
		return true;
	if (rq->caller.user_id == NULL)
		return false;
	if (access->who & WHO_SIGNED_IN)
		return true;
	if ((access->who & WHO_OWNER) && is_owner)
		return true;
	return (access->who & WHO_STAFF) && caller_has_permission(rq, access->permission);
}

bool
access_allows(const struct request *rq, const struct access *access, bool is_owner)
{
	return is_let_in(rq, access, is_owner) && conditions_hold(rq, access->conditions, is_owner);
}

int
access_check(struct request *rq, const struct access *access, bool is_owner)
{
	if (access_allows(rq, access, is_owner))
		return 0;
	if (rq->caller.user_id == NULL)
		return fail(rq, ERR_UNAUTHENTICATED, "this needs a signed-in caller");
	if ((access->conditions & NOT_OWNER) && is_owner)
		return fail(rq, ERR_OWN_SUBMISSION, "nobody decides what is their own");
	if (access->permission != NULL && (access->who & WHO_STAFF))
		return fail_as_staff(rq, arena_printf(rq->arena, "this needs the permission %s%s", access->permission,
		    access->who & WHO_OWNER ? ", or to be the owner" : ""));
	if (access->conditions & NEEDS_COMPANY)
		return fail(rq, ERR_FORBIDDEN, "only a company account may do this");
	return fail(rq, ERR_FORBIDDEN, "only the owner may do this");
}
