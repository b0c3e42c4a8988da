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

#define OF_PROFILE " WHERE user_role_profile_id IN (SELECT id FROM user_role_profiles WHERE user_id = $1)"

/* ---- how a row ends, which is blank by now ---- */

typedef int ending(struct request *rq, struct row *row);

/* The event names the owner and what else it always says. */
static int
name_in_event(struct request *rq, struct row *row)
{
	const struct resource *res = row_resource(row);

	return res->on_remove != NULL ? res->on_remove(rq, row) : 0;
}

static int
keep_blank(struct request *rq, struct row *row)
{
	return name_in_event(rq, row) < 0 ? -1 : row_touch(rq, row);
}

/* Nobody refers to it. */
static int
remove_blank(struct request *rq, struct row *row)
{
	row_event_of_removal(rq, row);
	return name_in_event(rq, row) < 0 ? -1 : row_remove(rq, row);
}

/* Nobody judges what is blank. */
static int
end_review(struct request *rq, struct row *row)
{
	const struct resource *res = row_resource(row);

	if (resource_column(res, "approval_status") == NULL || !row_is(row, "approval_status", "PENDING"))
		return 0;
	if (approval_withdraw_pending(rq, res->noun, row_id(row), "CONTENT") < 0)
		return -1;
	return row_transition(rq, row, "reject");
}

/* The wish to be verified: nobody is left whose it is. The profile's own status follows the event. */
static int
end_verification(struct request *rq, struct row *row)
{
	return row_transition(rq, row, "erase");
}

static int
end_party(struct request *rq, struct row *row)
{
	if (end_review(rq, row) < 0)
		return -1;
	if (!row_is(row, "status", "ACTIVE"))
		return row_touch(rq, row);
	if (resource_column(row_resource(row), "suspended_cause") != NULL)
		row_set(row, "suspended_cause", "ERASED");
	return row_transition(rq, row, "suspend");
}

static int
end_one(struct request *rq, struct row *row, const void *arg)
{
	ending *const *end = arg;

	return (*end)(rq, row);
}

/* `blank` gives the ids of the person's rows. */
static int
end_all(struct request *rq, const struct resource *res, const char *blank, const char *user_id, ending *end)
{
	return rows_each(rq, res, blank, user_id, end_one, &end);
}

/* ---- what there is ---- */

/* What belongs to no event: blanked where it lies. A document's row stays, as the proof of a review. */
static const char *const statements[] = {
	"UPDATE user_refs SET display_name = NULL WHERE id = $1",
	/* labels are titles and names; remarks are what reviewers wrote about the person */
	"UPDATE approval_requests SET entity_label = NULL, remarks = NULL WHERE submitted_by_user_id = $1",
	("UPDATE verification_requests SET remarks = NULL" OF_PROFILE),
	"SELECT erase_remarks($1)",	/* of the logs, which nobody else can change */
	"UPDATE entity_refs SET label = NULL WHERE user_id = $1",
	("DELETE FROM portfolio_images WHERE portfolio_item_id IN (SELECT i.id FROM portfolio_items i"
	" JOIN user_role_profiles p ON p.id = i.user_role_profile_id WHERE p.user_id = $1)"),
};

/* What follows from a profile, before the profile itself. */
static const struct belonging {
	const struct resource *res;
	const char *blank;	/* gives the ids */
	ending *end;
} belongings[] = {
	{ &verification_request_resource,
	    "SELECT id FROM verification_requests" OF_PROFILE " AND status = 'PENDING' ORDER BY id", end_verification },
	{ &verification_document_resource,
	    "UPDATE verification_documents SET file_url = '', file_name = NULL, remarks = NULL"
	    " WHERE verification_request_id IN (SELECT id FROM verification_requests" OF_PROFILE ") RETURNING id",
	    keep_blank },
	{ &portfolio_item_resource,
	    "UPDATE portfolio_items SET title = 'Erased', description = NULL, tags = '{}'" OF_PROFILE
	    " RETURNING id", remove_blank },
	{ &service_resource,
	    "UPDATE services SET name = 'Erased', description = NULL, is_active = false" OF_PROFILE
	    " RETURNING id", keep_blank },
};

/*
 * `also` goes beside the personal columns. A company is one person's here: its words are theirs, its name often is,
 * and a GSTIN holds its holder's PAN. Invoices have their own copy.
 */
static const struct {
	const struct resource *res;
	const char *also;
} parties[] = {
	{ &user_role_profile_resource,
	    ", gstin = NULL, state_code = NULL, rejection_reason = NULL, is_profile_public = false" },
	{ &company_profile_resource, ", company_name = 'Erased', bio = NULL, location = NULL, gstin = NULL,"
	    " state_code = NULL, rejection_reason = NULL" },
	{ &customer_profile_resource, ", state_code = NULL" },
	{ &candidate_profile_resource, ", state_code = NULL, experience_years = NULL, preferred_roles = '{}'" },
};

/* Every personal column that may be empty, so that a new one is blanked the day it is declared. */
static const char *
blank_statement(struct request *rq, const struct resource *res, const char *also)
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
	buf_printf(&sql, "%s WHERE user_id = $1 RETURNING id", also);
	return sql.text;
}

/* All that somebody said of their profession; nobody refers to such a row. */
static const char *
blank_profession(struct request *rq, const struct resource *res)
{
	struct buf sql;

	buf_init(&sql, rq->arena, 256);
	buf_printf(&sql, "UPDATE %s SET version = version + 1", res->table);
	for (const struct column *c = res->columns; c->name != NULL; c++) {
		if ((c->flags & (COL_KEY | COL_READONLY)) || c->ref != NULL)
			continue;
		buf_printf(&sql, ", %s = %s", c->name, c->type == COL_TEXT_ARRAY ? "'{}'" :
		    c->type == COL_BOOL ? "false" : "NULL");
	}
	buf_add_str(&sql, OF_PROFILE " RETURNING id");
	return sql.text;
}

int
user_erase(struct request *rq, const struct event_in *ev)
{
	const char *id = ev->aggregate_id;

	rq->trigger = ev;
	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (db_exec(rq, statements[i], DB(id)) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(belongings); i++)
		if (end_all(rq, belongings[i].res, belongings[i].blank, id, belongings[i].end) < 0)
			return -1;
	for (const struct resource *const *res = professions; *res != NULL; res++)
		if (end_all(rq, *res, blank_profession(rq, *res), id, remove_blank) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(parties); i++)
		if (end_all(rq, parties[i].res, blank_statement(rq, parties[i].res, parties[i].also), id, end_party) < 0)
			return -1;
	return 0;
}
