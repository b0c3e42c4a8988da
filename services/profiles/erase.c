/*
 * user.erased: what is about the person goes, ids and what others rely on stay.
 *
 * A row is blanked by a plain statement before it is loaded and published, so that neither its event
 * nor the log's list of changes tells the old values once more. What is on the market leaves it.
 */
#include <string.h>

#include "db.h"
#include "profiles.h"
#include "row.h"

/* What belongs to no event: blanked where it lies. A document's row stays, as the proof of a review. */
static const char *const statements[] = {
	"UPDATE user_refs SET display_name = NULL WHERE id = $1",
	/* labels are titles and names */
	"UPDATE approval_requests SET entity_label = NULL WHERE submitted_by_user_id = $1",
	"UPDATE entity_refs SET label = NULL WHERE user_id = $1",
	("DELETE FROM portfolio_images WHERE portfolio_item_id IN (SELECT i.id FROM portfolio_items i"
	" JOIN user_role_profiles p ON p.id = i.user_role_profile_id WHERE p.user_id = $1)"),
};

#define OF_PROFILE " WHERE user_role_profile_id IN (SELECT id FROM user_role_profiles WHERE user_id = $1)"

/* What follows from a profile, before the profile itself. */
static const struct belonging {
	const struct resource *res;
	const char *blank;	/* gives the ids */
	bool goes;		/* the row itself, too: nobody refers to it */
} belongings[] = {
	{ &verification_document_resource,
	    "UPDATE verification_documents SET file_url = '', file_name = NULL, remarks = NULL"
	    " WHERE verification_request_id IN (SELECT id FROM verification_requests" OF_PROFILE ") RETURNING id",
	    false },
	{ &portfolio_item_resource,
	    "UPDATE portfolio_items SET title = 'Erased', description = NULL, tags = '{}'" OF_PROFILE
	    " RETURNING id", true },
	{ &service_resource,
	    "UPDATE services SET name = 'Erased', description = NULL, is_active = false" OF_PROFILE
	    " RETURNING id", false },
};

static const struct resource *const parties[] = { &user_role_profile_resource, &company_profile_resource,
	&customer_profile_resource, &candidate_profile_resource };

static int
end_belonging(struct request *rq, const struct belonging *b, const char *id)
{
	struct row *row = row_load(rq, b->res, id, true);

	if (row == NULL)
		return -1;
	if (b->goes)
		row_open_event(rq, row, b->res->removed, "DELETE");
	/* the event names the owner and what else it always says */
	if (b->res->on_remove != NULL && b->res->on_remove(rq, row) < 0)
		return -1;
	return b->goes ? row_remove(rq, row) : row_touch(rq, row);
}

/* Every personal column that may be empty, so that a new one is blanked the day it is declared. */
static const char *
blank_statement(struct request *rq, const struct resource *res)
{
	struct buf sql;
	const char *comma = "";

	buf_init(&sql, rq->arena, 256);
	buf_printf(&sql, "UPDATE %s SET ", res->table);
	for (const struct column *c = res->columns; c->name != NULL; c++) {
		if (!(c->flags & COL_PERSONAL) || (c->flags & COL_REQUIRED))
			continue;
		buf_printf(&sql, "%s%s = NULL", comma, c->name);
		comma = ", ";
	}
	if (resource_column(res, "is_profile_public") != NULL)
		buf_add_str(&sql, ", is_profile_public = false");
	buf_add_str(&sql, " WHERE user_id = $1 RETURNING id");
	return sql.text;
}

/* Nobody judges what is blank. */
static int
end_review(struct request *rq, struct row *row)
{
	const struct resource *res = row_resource(row);

	if (resource_column(res, "approval_status") == NULL || !row_is_set(row, "approval_status") ||
	    strcmp(row_text(row, "approval_status"), "PENDING") != 0)
		return 0;
	if (approval_withdraw_pending(rq, res->noun, row_id(row), "CONTENT") < 0)
		return -1;
	return row_transition(rq, row, "reject");
}

static int
end_party(struct request *rq, const struct resource *res, const char *id)
{
	struct row *row = row_load(rq, res, id, true);

	if (row == NULL || end_review(rq, row) < 0)
		return -1;
	if (strcmp(row_text(row, "status"), "ACTIVE") != 0)
		return row_touch(rq, row);
	if (resource_column(res, "suspended_cause") != NULL)
		row_set(row, "suspended_cause", "ERASED");
	return row_transition(rq, row, "suspend");
}

int
user_erase(struct request *rq, const struct event_in *ev)
{
	const char *id = ev->aggregate_id;

	rq->trigger = ev;
	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB(id)) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(belongings); i++) {
		struct db_result *r = db_query(rq, belongings[i].blank, DB(id));
		for (int n = 0; r != NULL && n < db_rows(r); n++)
			if (end_belonging(rq, &belongings[i], db_text(r, n, 0)) < 0)
				return -1;
		if (r == NULL)
			return -1;
	}
	for (size_t i = 0; i < COUNT_OF(parties); i++) {
		struct db_result *r = db_query(rq, blank_statement(rq, parties[i]), DB(id));
		for (int n = 0; r != NULL && n < db_rows(r); n++)
			if (end_party(rq, parties[i], db_text(r, n, 0)) < 0)
				return -1;
		if (r == NULL)
			return -1;
	}
	return 0;
}
