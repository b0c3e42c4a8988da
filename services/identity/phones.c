/* Numbers of accounts; see phones.h. */
#include "phones.h"

#include <string.h>

#include "db.h"
#include "identity.h"
#include "request.h"

int
phone_claim(struct request *rq, const char *phone, const char *user_id, bool *ret_taken)
{
	struct row *holder;

	*ret_taken = false;
	if (phone == NULL)
		return 0;
	if (db_exec(rq, "SELECT pg_advisory_xact_lock(hashtextextended('phone:' || $1, 0))", DB(phone)) < 0)
		return -1;
	holder = row_load_by_if_there(rq, &users_resource, "phone", phone, true);
	if (holder == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	if (user_id != NULL && strcmp(row_id(holder), user_id) == 0)
		return 0;
	*ret_taken = strcmp(row_text(holder, "status"), "PENDING") != 0;
	if (*ret_taken)
		return 0;
	row_set(holder, "phone", NULL);
	return row_update(rq, holder);
}
