/*
 * Reviews: after a real dealing, one per reviewer and reviewed, checked before they are shown.
 * professional = a role profile, company = a company profile.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "marketplace.h"

static const char *const entity_types[] = { "professional", "company", NULL };
static const char *const review_statuses[] = { "PENDING", "PUBLISHED", "HIDDEN", NULL };

static const struct column review_columns[] = {
	COLUMN_ID,
	{ "reviewer_user_id", COL_UUID, COL_OWNER | COL_FILTER },
	{ "entity_type", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .values = entity_types },
	{ "entity_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER },
	{ "rating", COL_INT, COL_REQUIRED | COL_FILTER | COL_SORT, .min = 1, .max = 5 },
	{ "review_text", COL_TEXT, COL_SEARCH | COL_PERSONAL | COL_NO_CONTACT, .max = 4000 },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "deal_type", COL_TEXT, COL_READONLY | COL_PRIVATE,
	    .doc = "What gave the right to review." },
	{ "deal_id", COL_UUID, COL_READONLY | COL_PRIVATE },
	{ "moderated_by_user_id", COL_UUID, COL_READONLY | COL_STAFF_ONLY },
	{ "moderated_at", COL_TIME, COL_READONLY | COL_STAFF_ONLY },
	{ "reply_text", COL_TEXT, COL_READONLY | COL_PERSONAL,
	    .doc = "The reviewed may answer once." },
	{ "replied_at", COL_TIME, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column hide_body[] = { { "reason", COL_TEXT, COL_REQUIRED, .max = 1000 },
    { 0 } };

static row_guard review_create, review_update, review_remove, review_submit, review_publish,
    review_hide;

#define MODERATOR(p) { .who = WHO_STAFF, .permission = (p), .conditions = NOT_OWNER }

static const struct transition review_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN, &EV_REVIEW_SUBMITTED },
	{ "publish", "PENDING", "PUBLISHED", MODERATOR("reviews.publish"), &EV_REVIEW_PUBLISHED,
	    review_publish, .stamp = "moderated_at", .doc = "Show it; it counts." },
	{ "publish", "HIDDEN", "PUBLISHED", MODERATOR("reviews.publish"), &EV_REVIEW_PUBLISHED,
	    review_publish, .stamp = "moderated_at" },
	{ "hide", "PENDING", "HIDDEN", MODERATOR("reviews.hide"), &EV_REVIEW_HIDDEN, review_hide,
	    .stamp = "moderated_at", .body = hide_body,
	    .doc = "Do not show it; it does not count." },
	{ "hide", "PUBLISHED", "HIDDEN", MODERATOR("reviews.hide"), &EV_REVIEW_HIDDEN, review_hide,
	    .stamp = "moderated_at", .body = hide_body },
	{ "resubmit", "PUBLISHED", "PENDING", SYS, &EV_REVIEW_SUBMITTED, review_submit },
	{ 0 }
};

const struct resource review_resource = {
	.table = "reviews",
	.noun = "review",
	.module_key = "reviews",
	.columns = review_columns,
	.transitions = review_transitions,
	.flags = RES_REVIEWED,
	.visible = "t.status = 'PUBLISHED'",
	.read = ANYONE_OR("reviews.read"),
	.create = SIGNED_IN,
	.update = OWNER,
	.remove = OWNER,
	.on_create = review_create,
	.on_update = review_update,
	.on_remove = review_remove,
	.created = &EV_REVIEW_SUBMITTED,
	.changed = &EV_REVIEW_CHANGED,
	.doc = "What somebody says of a professional or company after a dealing with them.",
};

/* ---- the reviewed ---- */

static int
find_subject(struct request *rq, const struct row *review, const char **ret_user_id)
{
	bool company = row_is(review, "entity_type", "company");
	struct db_result *r = db_query(rq, company ?
	    "SELECT user_id FROM company_refs WHERE id = $1" :
	    "SELECT user_id FROM role_profile_refs WHERE id = $1",
	    DB(row_text(review, "entity_id")));

	if (r == NULL)
		return -1;
	*ret_user_id = db_rows(r) > 0 ? db_text(r, 0, 0) : NULL;
	return 0;
}

static int
name_subject(struct request *rq, struct row *review, bool tell)
{
	const char *subject;
	struct event_out *ev = row_event(rq, review);

	if (find_subject(rq, review, &subject) < 0)
		return -1;
	event_set_text(ev, "subject_user_id", subject);
	if (tell)
		event_recipient(ev, subject);
	return 0;
}

/* ---- writing ---- */

/* An accepted request for the customer's lead; an interview or an offer for the candidate. */
static int
find_deal(struct request *rq, struct row *review)
{
	bool company = row_is(review, "entity_type", "company");
	struct db_result *r = db_query(rq, company ?
	    "SELECT a.id FROM job_applications a JOIN jobs j ON j.id = a.job_id"
	    " WHERE a.applicant_user_id = $1"
	    " AND j.company_profile_id = $2 AND a.status IN ('INTERVIEW', 'OFFERED')"
	    " ORDER BY a.id DESC LIMIT 1" :
	    "SELECT q.id FROM lead_requests q JOIN leads l ON l.id = q.lead_id"
	    " WHERE l.created_by_user_id = $1"
	    " AND q.user_role_profile_id = $2 AND q.status = 'ACCEPTED' ORDER BY q.id DESC LIMIT 1",
	    DB(rq->caller.user_id, row_text(review, "entity_id")));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail(rq, ERR_CONFLICT, "a review needs a dealing: %s", company ?
		    "an interview or an offer" : "an accepted request for a lead of yours");
	row_set(review, "deal_type", company ? "job_application" : "lead_request");
	row_set(review, "deal_id", db_text(r, 0, 0));
	return 0;
}

static int
review_create(struct request *rq, struct row *review)
{
	const char *subject;

	if (find_subject(rq, review, &subject) < 0)
		return -1;
	if (caller_is(rq, subject))
		return fail(rq, ERR_CONFLICT, "nobody reviews themselves");
	if (find_deal(rq, review) < 0)
		return -1;
	return name_subject(rq, review, false);
}

/* An edit is checked again; what is hidden stays as it was judged. */
static int
review_update(struct request *rq, struct row *review)
{
	if (row_is(review, "status", "HIDDEN"))
		return fail(rq, ERR_CONFLICT, "a hidden review is not edited; withdraw it");
	if (!row_changed(review, "rating") && !row_changed(review, "review_text"))
		return 0;
	return row_follow(rq, review, "resubmit");
}

static int
review_submit(struct request *rq, struct row *review)
{
	event_set_int(row_event(rq, review), "old_rating", strtoll(row_old(review, "rating"), NULL,
	    10));
	return name_subject(rq, review, false);
}

static int
review_remove(struct request *rq, struct row *review)
{
	return name_subject(rq, review, false);
}

/* ---- moderating ---- */

/* Neither the author (NOT_OWNER) nor the reviewed. */
static int
moderator_must_be_apart(struct request *rq, const struct row *review)
{
	const char *subject;

	if (find_subject(rq, review, &subject) < 0)
		return -1;
	if (caller_is(rq, subject))
		return fail(rq, ERR_OWN_SUBMISSION, "nobody decides about a review of themselves");
	return 0;
}

static int
review_publish(struct request *rq, struct row *review)
{
	bool hidden = row_is(review, "status", "HIDDEN");

	if (moderator_must_be_apart(rq, review) < 0)
		return -1;
	if (hidden && caller_is(rq, row_text(review, "moderated_by_user_id")))
		return fail(rq, ERR_OWN_SUBMISSION,
		    "who hid a review may not be the one to show it again");
	row_set(review, "moderated_by_user_id", rq->caller.user_id);
	event_recipient(row_event(rq, review), row_text(review, "reviewer_user_id"));
	return name_subject(rq, review, true);
}

static int
review_hide(struct request *rq, struct row *review)
{
	struct event_out *ev = row_event(rq, review);

	if (moderator_must_be_apart(rq, review) < 0)
		return -1;
	row_set(review, "moderated_by_user_id", rq->caller.user_id);
	event_set_text(ev, "reason", body_text(rq, "reason"));
	if (row_is(review, "status", "PUBLISHED"))
		event_set_int(ev, "old_rating", row_int(review, "rating"));
	event_recipient(ev, row_text(review, "reviewer_user_id"));
	return name_subject(rq, review, false);
}

/* POST …/{id}/reply: by the reviewed, once, under what is published. */
int
review_reply(struct request *rq)
{
	struct row *review = row_load(rq, &review_resource, rq->id, true);
	const char *subject;

	if (review == NULL || find_subject(rq, review, &subject) < 0)
		return -1;
	if (!row_is(review, "status", "PUBLISHED"))
		return fail(rq, ERR_NOT_FOUND, "there is no such review");
	if (!caller_is(rq, subject))
		return fail(rq, ERR_FORBIDDEN, "only the reviewed may answer");
	if (row_is_set(review, "reply_text"))
		return fail(rq, ERR_CONFLICT, "it was answered already");
	row_set(review, "reply_text", body_text(rq, "reply_text"));
	row_set_now(rq, review, "replied_at");
	event_recipient(row_event(rq, review), row_text(review, "reviewer_user_id"));
	if (name_subject(rq, review, false) < 0 || row_update(rq, review) < 0)
		return -1;
	return reply_row(rq, 200, review);
}
