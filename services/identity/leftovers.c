/* The clock that throws away what has served: tokens, counters and challenges long past. */
#include "db.h"
#include "identity.h"
#include "request.h"

int
leftovers_remove(struct request *rq)
{
	static const char *const statements[] = {
		"DELETE FROM one_time_tokens WHERE expires_at < now() - interval '7 days'",
		"DELETE FROM link_requests WHERE created_at < now() - interval '1 day'",
		"DELETE FROM auth_throttles WHERE last_failure_at < now() - interval '2 days'",
		"DELETE FROM user_totps WHERE confirmed_at IS NULL AND created_at < now() - interval '1 day'",
		"DELETE FROM user_devices WHERE last_seen_at < now() - interval '400 days'",
		"DELETE FROM auth_challenges WHERE expires_at < now() - interval '1 hour'",
		/* an ended session stays in the list for a while; its tokens go with it */
		"DELETE FROM user_sessions WHERE coalesce(revoked_at, expires_at) < now() - interval '90 days'",
	};

	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB0) < 0)
			return -1;
	return 0;
}
