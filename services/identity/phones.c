/* Numbers of accounts; see phones.h. */
#include "phones.h"

#include <string.h>

#include "db.h"
#include "identity.h"
#include "request.h"

/*
 * Who holds the number, as it was committed; *ret_id NULL: nobody. Nothing is locked: a row that holds a number
 * for good is not ours to change, and two people who want each other's would wait for each other.
 */
static int
find_holder(struct request *rq, const char *phone, const char **ret_id, bool *ret_for_good)
{
	struct db_result *r = db_query(rq, "SELECT id, status <> 'PENDING' FROM users WHERE phone = $1", DB(phone));

	if (r == NULL)
		return -1;
	*ret_id = db_rows(r) > 0 ? db_text(r, 0, 0) : NULL;
	*ret_for_good = db_rows(r) > 0 && db_bool(r, 0, 1);
	return 0;
}

int
phone_claim(struct request *rq, const char *phone, const char *user_id, bool *ret_taken)
{
	struct row *holder;
	const char *holder_id;
	bool for_good;

	*ret_taken = false;
	if (phone == NULL)
		return 0;
	if (db_lock(rq, arena_printf(rq->arena, "phone:%s", phone)) < 0)
		return -1;
	if (find_holder(rq, phone, &holder_id, &for_good) < 0)
		return -1;
	if (holder_id == NULL || text_is(user_id, holder_id))
		return 0;
	if (for_good) {
		*ret_taken = true;
		return 0;
	}
	holder = row_load_by_if_there(rq, &users_resource, "phone", phone, true);
	if (holder == NULL)
		return rq->problem.code == ERR_NONE ? 0 : -1;
	*ret_taken = strcmp(row_text(holder, "status"), "PENDING") != 0;
	if (*ret_taken)
		return 0;
	row_set(holder, "phone", NULL);
	return row_update(rq, holder);
}
