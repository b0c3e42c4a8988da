/*
 * Verification: who a professional is, proven by documents.
 *
 * A request is decided once; a new try is a new row. Every step is a row in verification_logs.
 * Documents are private: their file reference is for the owner and staff, their content is opened
 * through an audited view.
 */
#include <string.h>

#include "clock.h"
#include "config.h"
#include "contact_scan.h"
#include "db.h"
#include "profiles.h"

static const char *const verification_types[] = { "IDENTITY", "BUSINESS", "DOCUMENT", NULL };
static const char *const mime_types[] = { "application/pdf", "image/jpeg", "image/png",
    "image/webp",
	"image/heic", NULL };
static const char *const log_actions[] = { "SUBMITTED", "APPROVED", "REJECTED",
    "DOCUMENT_REQUESTED", NULL };

static const struct column request_columns[] = {
	COLUMN_ID,
	{ "user_role_profile_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "user_role_profiles" },
	{ "verification_type", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .values = verification_types },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "submitted_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT | COL_REQUIRED },
	{ "reviewed_at", COL_TIME, COL_READONLY | COL_FILTER | COL_SORT },
	{ "reviewed_by_user_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "remarks", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column document_columns[] = {
	COLUMN_ID,
	{ "verification_request_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "verification_requests" },
	{ "document_type", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .max = 100 },
	{ "file_url", COL_URL, COL_REQUIRED | COL_CREATE_ONLY | COL_NO_EVENT, .max = 2000,
	    .doc = "Reference into the object store." },
	{ "file_name", COL_TEXT, COL_CREATE_ONLY | COL_PERSONAL, .max = 255,
	    .doc = "Aadhaar numbers in it are masked." },
	{ "mime_type", COL_ENUM, COL_CREATE_ONLY, .values = mime_types },
	{ "status", COL_ENUM, COL_READONLY | COL_FILTER, .values = review_statuses },
	{ "uploaded_at", COL_TIME, COL_READONLY | COL_SORT | COL_REQUIRED },
	{ "reviewed_at", COL_TIME, COL_READONLY },
	{ "reviewed_by_user_id", COL_UUID, COL_READONLY },
	{ "remarks", COL_TEXT, COL_READONLY },
	{ "replaces_document_id", COL_UUID, COL_CREATE_ONLY,
	    .doc = "The rejected copy this one stands for." },
	{ "retain_until", COL_TIME, COL_READONLY,
	    .doc = "Set by the decision; the file goes then." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column log_columns[] = {
	COLUMN_ID,
	{ "verification_request_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "action", COL_ENUM, COL_READONLY | COL_FILTER, .values = log_actions },
	{ "old_status", COL_TEXT, COL_READONLY },
	{ "new_status", COL_TEXT, COL_READONLY },
	{ "acted_by_user_id", COL_UUID, COL_READONLY | COL_FILTER },
	{ "remarks", COL_TEXT, COL_READONLY },
	COLUMN_CREATED,
	{ 0 }
};

static const struct column approve_body[] = { { "remarks", COL_TEXT, 0, .max = 2000 }, { 0 } };
static const struct column reject_body[] = {
	{ "remarks", COL_TEXT, COL_REQUIRED, .max = 2000, .doc = "Told to the owner." }, { 0 }
};

static row_guard request_create, request_approve, request_reject, request_erase, document_create, document_approve,
    document_reject;

static const struct transition request_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN, &EV_VERIFICATION_SUBMITTED },
	{ "approve", "PENDING", "APPROVED", REVIEWER("verification-requests.approve"),
	    &EV_VERIFICATION_DECIDED, request_approve, .stamp = "reviewed_at", .body = approve_body,
	    .doc = "Verified: every mandatory document is approved." },
	{ "reject", "PENDING", "REJECTED", REVIEWER("verification-requests.reject"),
	    &EV_VERIFICATION_DECIDED,
	    request_reject, .stamp = "reviewed_at", .body = reject_body, .doc = "Not verified." },
	{ "erase", "PENDING", "REJECTED", SYS, &EV_VERIFICATION_DECIDED, request_erase, .stamp = "reviewed_at",
	    .doc = "The person erased the account." },
	{ 0 }
};

static const struct transition document_transitions[] = {
	{ NULL, NULL, "PENDING", SIGNED_IN },
	{ "approve", "PENDING", "APPROVED", REVIEWER("verification-documents.approve"),
	    &EV_VERIFICATION_DOCUMENT_REVIEWED, document_approve, .stamp = "reviewed_at",
	    .body = approve_body, .doc = "The document proves what it should." },
	{ "reject", "PENDING", "REJECTED", REVIEWER("verification-documents.reject"),
	    &EV_VERIFICATION_DOCUMENT_REVIEWED, document_reject, .stamp = "reviewed_at",
	    .body = reject_body, .doc = "Another copy is needed." },
	{ 0 }
};

#define OF_REQUEST_OWNER \
	"EXISTS (SELECT FROM verification_requests r JOIN user_role_profiles p" \
	" ON p.id = r.user_role_profile_id WHERE r.id = t.verification_request_id" \
	" AND p.user_id = :me)"

const struct resource verification_request_resource = {
	.table = "verification_requests",
	.noun = "verification",
	.module_key = "verification",
	.label = "verification_type",
	.columns = request_columns,
	.transitions = request_transitions,
	.owner = OF_PROFILE_OWNER,
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("verification-requests.read"),
	.create = SIGNED_IN,
	.on_create = request_create,
	.created = &EV_VERIFICATION_SUBMITTED,
	.child = { "user_role_profiles", "verification-requests", "user_role_profile_id" },
	.doc = "A professional asks to be verified; documents follow, then the decision.",
};

const struct resource verification_document_resource = {
	.table = "verification_documents",
	.noun = "verification_document",
	.module_key = "verification",
	.label = "document_type",
	.columns = document_columns,
	.transitions = document_transitions,
	.owner = OF_REQUEST_OWNER,
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("verification-documents.read"),
	.create = SIGNED_IN,
	.on_create = document_create,
	.changed = &EV_VERIFICATION_DOCUMENT_CHANGED,
	.child = { "verification_requests", "documents", "verification_request_id" },
	.doc = "One document of a request; never edited, replaced by a new row.",
};

const struct resource verification_log_resource = {
	.table = "verification_logs",
	.noun = "verification_log",
	.module_key = "verification",
	.columns = log_columns,
	.flags = RES_NO_VERSION,
	.owner = OF_REQUEST_OWNER,
	.subject = SUBJECT_OWNER,
	.read = OWNER_OR("verification-logs.read"),
	.child = { "verification_requests", "logs", "verification_request_id" },
	.doc = "Every step of a verification request; never changed.",
};

/* ---- the log ---- */

static int
log_step(struct request *rq, const char *request_id, const char *action, const char *old_status,
    const char *new_status, const char *remarks)
{
	struct row *log = row_new(rq, &verification_log_resource);

	row_set(log, "verification_request_id", request_id);
	row_set(log, "action", action);
	row_set(log, "old_status", old_status);
	row_set(log, "new_status", new_status);
	row_set(log, "acted_by_user_id", rq->caller.user_id);
	row_set(log, "remarks", remarks);
	return row_insert(rq, log);
}

/* ---- requests ---- */

static void
name_profile(struct event_out *ev, const struct profile_facts *facts)
{
	event_set_text(ev, "user_id", facts->user_id);
	event_set_text(ev, "role_key", facts->role_key);
}

/* on_create: inserted here, since its log refers to it. */
static int
request_create(struct request *rq, struct row *row)
{
	struct profile_facts facts;
	struct db_result *r;

	if (profile_must_be_own(rq, row, &facts) < 0)
		return -1;
	r = db_query(rq, "SELECT FROM verification_requests WHERE user_role_profile_id = $1"
	    " AND verification_type = $2 AND status = 'PENDING'",
	    DB(row_text(row, "user_role_profile_id"), row_text(row, "verification_type")));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		return fail(rq, ERR_ALREADY_EXISTS, "such a request is waiting already");
	row_set_now(rq, row, "submitted_at");
	name_profile(row_event(rq, row), &facts);
	event_recipient(row_event(rq, row), facts.user_id);
	if (row_insert(rq, row) < 0)
		return -1;
	return log_step(rq, row_id(row), "SUBMITTED", NULL, "PENDING", NULL);
}

/* Documents of the request that no later copy replaces. */
#define CURRENT_DOCUMENTS \
	"FROM verification_documents d WHERE d.verification_request_id = $1" \
	" AND NOT EXISTS (SELECT FROM verification_documents n WHERE n.replaces_document_id = d.id)"

static bool
has_approved(const struct db_result *r, const char *document_type)
{
	for (int i = 0; i < db_rows(r); i++)
		if (strcmp(db_text(r, i, 0), document_type) == 0 &&
		    strcmp(db_text(r, i, 1), "APPROVED") == 0)
			return true;
	return false;
}

/* {"photographer": ["ID_PROOF"], "*": […]}: what each role must hand in. */
static int
mandatory_must_be_approved(struct request *rq, const struct db_result *r, const char *role_key)
{
	json_t *rules = json_loads(setting_json("profiles.required_documents"), 0, NULL), *wanted,
	    *v;
	int result = 0;
	size_t i;

	wanted = json_object_get(rules, role_key);
	if (wanted == NULL)
		wanted = json_object_get(rules, "*");
	json_array_foreach(wanted, i, v)
		if (json_is_string(v) && !has_approved(r, json_string_value(v)))
			result = fail(rq, ERR_CONFLICT, "no approved %s was handed in",
			    json_string_value(v));
	json_decref(rules);
	return result;
}

static int
documents_must_suffice(struct request *rq, const struct row *row, const char *role_key)
{
	struct db_result *r = db_query(rq, "SELECT d.document_type, d.status " CURRENT_DOCUMENTS,
	    DB(row_id(row)));
	bool any = false;

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		if (strcmp(db_text(r, i, 1), "PENDING") == 0)
			return fail(rq, ERR_CONFLICT, "a document of type %s is not reviewed yet",
			    db_text(r, i, 0));
		any = any || strcmp(db_text(r, i, 1), "APPROVED") == 0;
	}
	if (!any)
		return fail(rq, ERR_CONFLICT, "no document was approved");
	return mandatory_must_be_approved(rq, r, role_key);
}

/* The decision starts the clock after which the files are not kept. */
static int
start_retention(struct request *rq, const char *request_id, struct event_out *ev)
{
	struct db_result *r = db_query(rq,
	    "SELECT d.id, d.document_type FROM verification_documents d"
	    " WHERE d.verification_request_id = $1 ORDER BY d.id", DB(request_id));
	char until[CLOCK_TEXT];

	if (r == NULL)
		return -1;
	clock_format(rq->now_us + setting_int("profiles.document_retention_days") * 86400 * 1000000,
	    until);
	for (int i = 0; i < db_rows(r); i++) {
		struct row *document = row_load(rq, &verification_document_resource,
		    db_text(r, i, 0), true);
		event_add_text(ev, "document_types", db_text(r, i, 1));
		if (document == NULL)
			return -1;
		row_set(document, "retain_until", until);
		if (row_update(rq, document) < 0)
			return -1;
	}
	return 0;
}

static int
decide(struct request *rq, struct row *row, const struct profile_facts *facts, const char *decision)
{
	struct event_out *ev = row_event(rq, row);
	const char *remarks = aadhaar_mask(rq->arena, body_text(rq, "remarks"));

	row_set(row, "reviewed_by_user_id", rq->caller.user_id);
	row_set(row, "remarks", remarks);
	name_profile(ev, facts);
	event_set_text(ev, "decision", decision);
	event_recipient(ev, facts->user_id);
	if (start_retention(rq, row_id(row), ev) < 0)
		return -1;
	return log_step(rq, row_id(row), decision, "PENDING", decision, remarks);
}

static int
request_approve(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0 ||
	    documents_must_suffice(rq, row, facts.role_key) < 0)
		return -1;
	return decide(rq, row, &facts, "APPROVED");
}

static int
request_reject(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	return decide(rq, row, &facts, "REJECTED");
}

static int
request_erase(struct request *rq, struct row *row)
{
	struct event_out *ev = row_event(rq, row);
	struct profile_facts facts;

	if (profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	name_profile(ev, &facts);
	event_set_text(ev, "decision", "REJECTED");
	return log_step(rq, row_id(row), "REJECTED", "PENDING", "REJECTED", NULL);
}

/* POST …/{id}/request-documents: the status stays; log and owner are told what is wanted. */
int
verification_request_documents(struct request *rq)
{
	struct row *row = row_load(rq, &verification_request_resource, rq->id, true);
	struct profile_facts facts;
	struct event_out *ev;
	json_t *v;
	size_t i;

	if (row == NULL || profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	if (caller_is(rq, facts.user_id))
		return fail(rq, ERR_OWN_SUBMISSION, "nobody decides what is their own");
	if (strcmp(row_text(row, "status"), "PENDING") != 0)
		return fail(rq, ERR_CONFLICT, "this request is decided");
	row_set(row, "remarks", aadhaar_mask(rq->arena, body_text(rq, "remarks")));
	ev = row_event_as(rq, row, &EV_VERIFICATION_DOCUMENT_REQUESTED);
	name_profile(ev, &facts);
	event_set_text(ev, "reviewer_user_id", rq->caller.user_id);
	event_recipient(ev, facts.user_id);
	json_array_foreach(body_json(rq, "document_types"), i, v)
		event_add_text(ev, "document_types", json_string_value(v));
	if (row_touch(rq, row) < 0 ||
	    log_step(rq, row_id(row), "DOCUMENT_REQUESTED", "PENDING", "PENDING",
	    row_text(row, "remarks")) < 0)
		return -1;
	return reply_row(rq, 200, row);
}

/* ---- documents ---- */

struct document_facts {
	const char *profile_id;
	struct profile_facts profile;
};

static int
request_facts(struct request *rq, const char *request_id, struct document_facts *ret_facts)
{
	struct db_result *r = db_one_or_fail(rq, ERR_NOT_FOUND, "there is no such verification",
	    "SELECT p.id, p.user_id, p.role_key, p.status FROM verification_requests r"
	    " JOIN user_role_profiles p ON p.id = r.user_role_profile_id WHERE r.id = $1",
	    DB(request_id));

	if (r == NULL)
		return -1;
	ret_facts->profile_id = db_text(r, 0, 0);
	ret_facts->profile.user_id = db_text(r, 0, 1);
	ret_facts->profile.role_key = db_text(r, 0, 2);
	ret_facts->profile.status = db_text(r, 0, 3);
	return 0;
}

/* Only while the request is open, and only to one's own. */
static int
request_must_be_open(struct request *rq, const struct row *row)
{
	struct db_result *r = db_query(rq, "SELECT r.status FROM verification_requests r"
	    " JOIN user_role_profiles p ON p.id = r.user_role_profile_id"
	    " WHERE r.id = $1 AND p.user_id = $2 FOR NO KEY UPDATE OF r",
	    DB(row_text(row, "verification_request_id"), rq->caller.user_id));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "verification_request_id", "unknown_reference",
		    "no request of yours has this id");
	if (strcmp(db_text(r, 0, 0), "PENDING") != 0)
		return fail(rq, ERR_CONFLICT, "the request is decided; make a new one");
	return 0;
}

/* A new copy takes the place of a rejected one of the same kind. */
static int
replaced_must_fit(struct request *rq, const struct row *row)
{
	struct db_result *r;

	if (!row_is_set(row, "replaces_document_id"))
		return 0;
	r = db_query(rq, "SELECT FROM verification_documents WHERE id = $1"
	    " AND verification_request_id = $2"
	    " AND document_type = $3 AND status = 'REJECTED'",
	    DB(row_text(row, "replaces_document_id"),
	    row_text(row, "verification_request_id"), row_text(row, "document_type")));
	if (r == NULL)
		return -1;
	return db_rows(r) > 0 ? 0 : fail_field(rq, "replaces_document_id", "unknown_reference",
	    "no rejected document of this request and type");
}

/* Where a file lies cannot be masked: whoever reads it has to find it there. */
static int
place_must_tell_nothing(struct request *rq, const struct row *row)
{
	const char *place = row_text(row, "file_url");

	return strcmp(place, aadhaar_mask(rq->arena, place)) == 0 ? 0 : fail_field(rq, "file_url", "personal_number",
	    "holds an Aadhaar number; store the file under another name");
}

static int
document_create(struct request *rq, struct row *row)
{
	struct document_facts facts;

	if (request_must_be_open(rq, row) < 0 || replaced_must_fit(rq, row) < 0 || place_must_tell_nothing(rq, row) < 0 ||
	    request_facts(rq, row_text(row, "verification_request_id"), &facts) < 0)
		return -1;
	event_set_text(row_event(rq, row), "user_role_profile_id", facts.profile_id);
	event_set_text(row_event(rq, row), "user_id", facts.profile.user_id);
	row_set(row, "file_name", aadhaar_mask(rq->arena, row_text(row, "file_name")));
	row_set(row, "document_type", aadhaar_mask(rq->arena, row_text(row, "document_type")));
	row_set_now(rq, row, "uploaded_at");
	return 0;
}

static int
review_document(struct request *rq, struct row *row, const char *decision)
{
	struct event_out *ev = row_event(rq, row);
	struct document_facts facts;
	struct db_result *r;

	if (request_facts(rq, row_text(row, "verification_request_id"), &facts) < 0)
		return -1;
	r = db_query(rq, "SELECT FROM verification_requests WHERE id = $1 AND status = 'PENDING'",
	    DB(row_text(row, "verification_request_id")));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail(rq, ERR_CONFLICT, "the request it belongs to is decided");
	row_set(row, "reviewed_by_user_id", rq->caller.user_id);
	row_set(row, "remarks", aadhaar_mask(rq->arena, body_text(rq, "remarks")));
	event_set_text(ev, "user_role_profile_id", facts.profile_id);
	name_profile(ev, &facts.profile);
	event_set_text(ev, "decision", decision);
	event_entity(ev, "verification_document", row_id(row));
	event_recipient(ev, facts.profile.user_id);
	return 0;
}

static int
document_approve(struct request *rq, struct row *row)
{
	return review_document(rq, row, "APPROVED");
}

static int
document_reject(struct request *rq, struct row *row)
{
	return review_document(rq, row, "REJECTED");
}
