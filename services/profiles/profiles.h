/* What the files of this service share: its resources, and rules that several aggregates follow. */
#ifndef NXT_PROFILES_H
#define NXT_PROFILES_H

#include "event.h"
#include "request.h"
#include "resource.h"

extern const struct resource user_role_profile_resource;
extern const struct resource photographer_profile_resource;
extern const struct resource tutor_profile_resource;
extern const struct resource makeup_artist_profile_resource;
extern const struct resource developer_profile_resource;
extern const struct resource video_editor_profile_resource;
extern const struct resource graphic_designer_profile_resource;
extern const struct resource social_media_manager_profile_resource;
extern const struct resource fitness_trainer_profile_resource;
extern const struct resource catering_service_profile_resource;
extern const struct resource ugc_content_creator_profile_resource;
extern const struct resource company_profile_resource;
extern const struct resource customer_profile_resource;
extern const struct resource candidate_profile_resource;
extern const struct resource portfolio_item_resource;
extern const struct resource portfolio_image_resource;
extern const struct resource service_resource;
extern const struct resource verification_request_resource;
extern const struct resource verification_document_resource;
extern const struct resource verification_log_resource;
extern const struct resource approval_request_resource;
extern const struct resource approval_log_resource;

extern const struct subscription profiles_subscriptions[];

/* Who decides what others ask for: never what is their own. */
#define REVIEWER(p) { .who = WHO_STAFF, .permission = (p), \
	.conditions = NEEDS_APPROVER | NOT_OWNER }
/* A profile goes off the market by staff, or with its owner's account. */
#define STAFF_NOT_OWNER_OR_SYS(p) { .who = WHO_STAFF | WHO_SYS, .permission = (p), .conditions = NOT_OWNER }
/* Conditions over a row `t` that belongs to a profile. */
#define OF_PROFILE_OWNER \
	"EXISTS (SELECT FROM user_role_profiles p WHERE p.id = t.user_role_profile_id" \
	" AND p.user_id = :me)"
#define OF_PROFILE_VISIBLE \
	"EXISTS (SELECT FROM user_role_profiles p WHERE p.id = t.user_role_profile_id" \
	" AND p.status = 'ACTIVE' AND p.approval_status = 'APPROVED' AND p.is_profile_public)"

extern const char *const review_statuses[];	/* PENDING, APPROVED, REJECTED */
extern const char *const verification_statuses[];
extern const char *const profile_statuses[];

/* ---- user_role_profiles.c: what a row that belongs to a profile must know of it ---- */
struct profile_facts {
	const char *user_id, *role_key, *status;
};
/* -1: there is no such profile (ERR_NOT_FOUND), or the database failed. */
int profile_facts(struct request *rq, const char *profile_id, struct profile_facts *ret_facts);
/* Refuses the field user_role_profile_id where it is not the caller's own profile. */
int profile_must_be_own(struct request *rq, const struct row *row, struct profile_facts *ret_facts);
extern const struct resource *const professions[];	/* NULL-terminated */

/* ---- reviewed.c: the three machines that companies and professionals share ---- */
row_guard reviewed_submit, reviewed_activate, reviewed_suspend, reviewed_reinstate,
    reviewed_verification, reviewed_edit, reviewed_remove;
/* gstin, state_code: right check digit, one state. */
int party_check_gst(struct request *rq, struct row *row);
/* PENDING → APPROVED or REJECTED with the remarks, then ACTIVE where nothing else lacks. */
int reviewed_decide(struct request *rq, struct row *row, bool approved, const char *remarks);
/* To PENDING, VERIFIED or REJECTED by the shortest legal way; then ACTIVE likewise. */
int reviewed_verify(struct request *rq, struct row *row, const char *to);
/* By the clock: what was VERIFIED for a time is PENDING again. */
int verifications_lapse(struct request *rq);
/* Follows the user's status, as last told: suspends what is ACTIVE, brings it back. */
int parties_follow_user(struct request *rq, const char *user_id);

/* ---- approvals.c ---- */
struct approval_opening {
	const char *entity_type, *entity_id;	/* job, lead, profile, company */
	const char *approval_type;
	const char *content_hash;		/* 64 hex digits: what is to be judged */
	const char *label;			/* title or name, for the queue */
	const char *submitted_by;
	const char *source_event_id;		/* or NULL */
	int64_t content_version;		/* 0: not counted */
};
/* A PENDING request for the entity; one that was still PENDING is overtaken and withdrawn. */
int approval_open(struct request *rq, const struct approval_opening *o);
/* Withdraws what is PENDING for the entity without a reviewer's word; nothing pending is fine. */
int approval_withdraw_pending(struct request *rq, const char *entity_type, const char *entity_id,
    const char *approval_type);

/* ---- verification.c ---- */
route_handler verification_request_documents;

/* ---- erase.c ---- */
event_reaction user_erase;

#endif
