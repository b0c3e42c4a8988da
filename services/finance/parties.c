/* Who sells and who buys, as it is frozen on an invoice (M6, M10). */
#include "finance.h"

#include <jansson.h>
#include <string.h>

#include "config.h"
#include "db.h"

/* A user may be a company, a customer, a candidate and a professional at once. */
#define PARTIES \
	"SELECT 1 AS rank, company_name AS name, nullif(gstin, '') AS gstin," \
	" nullif(state_code, '') AS state_code, location FROM company_refs WHERE user_id = $1" \
	" UNION ALL SELECT 2, display_name, nullif(gstin, ''), nullif(state_code, ''), location" \
	" FROM role_profile_refs WHERE user_id = $1" \
	" UNION ALL SELECT 3, display_name, NULL, nullif(state_code, ''), location" \
	" FROM customer_refs WHERE user_id = $1" \
	" UNION ALL SELECT 4, display_name, NULL, nullif(state_code, ''), location" \
	" FROM candidate_refs WHERE user_id = $1" \
	" UNION ALL SELECT 5, display_name, NULL, NULL, NULL FROM user_refs WHERE id = $1"

int
party_of_user(struct request *rq, const char *user_id, struct party *ret_party)
{
	struct db_result *r = db_query(rq,
	    "SELECT name, gstin, coalesce(left(gstin, 2), state_code), location FROM (" PARTIES ") p"
	    " ORDER BY gstin IS NULL, state_code IS NULL, rank LIMIT 1", DB(user_id));
	bool any = r != NULL && db_rows(r) == 1;

	if (r == NULL)
		return -1;
	ret_party->user_id = user_id;
	ret_party->name = any ? db_text(r, 0, 0) : NULL;
	ret_party->gstin = any ? db_text(r, 0, 1) : NULL;
	ret_party->state_code = any ? db_text(r, 0, 2) : NULL;
	ret_party->address = any ? db_text(r, 0, 3) : NULL;
	return 0;
}

static const char *
text_of(struct request *rq, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL || text[0] == '\0' ? NULL : arena_strdup(rq->arena, text);
}

void
party_ourselves(struct request *rq, struct party *ret_party)
{
	json_t *us = json_loads(setting_json("finance.supplier"), 0, NULL);

	*ret_party = (struct party){ .name = text_of(rq, us, "name"),
		.gstin = text_of(rq, us, "gstin"), .state_code = text_of(rq, us, "state_code"),
		.address = text_of(rq, us, "address") };
	json_decref(us);
	if (ret_party->gstin != NULL)
		ret_party->state_code = arena_strndup(rq->arena, ret_party->gstin, 2);
	if (ret_party->name == NULL)
		ret_party->name = "Nxtgauge";
}
