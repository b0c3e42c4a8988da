/* nxt-profiles: who is on the market, and who has checked it. A table of contents. */
#include "service.h"

#include "profiles.h"

static const struct resource *const resources[] = {
	&user_role_profile_resource,
	&photographer_profile_resource,
	&tutor_profile_resource,
	&makeup_artist_profile_resource,
	&developer_profile_resource,
	&video_editor_profile_resource,
	&graphic_designer_profile_resource,
	&social_media_manager_profile_resource,
	&fitness_trainer_profile_resource,
	&catering_service_profile_resource,
	&ugc_content_creator_profile_resource,
	&company_profile_resource,
	&customer_profile_resource,
	&candidate_profile_resource,
	&portfolio_item_resource,
	&portfolio_image_resource,
	&service_resource,
	&verification_request_resource,
	&verification_document_resource,
	&verification_log_resource,
	&approval_request_resource,
	&approval_log_resource,
	NULL
};

static const struct column request_documents_body[] = {
	{ "document_types", COL_TEXT_ARRAY, COL_REQUIRED, .max = 20,
	    .doc = "What is still wanted." },
	{ "remarks", COL_TEXT, COL_REQUIRED, .max = 2000, .doc = "Told to the owner." },
	{ 0 }
};

static const struct route routes[] = {
	{ "POST", "/v1/verification-requests/{id}/request-documents",
	    STAFF("verification-requests.request-documents"), verification_request_documents,
	    .body = request_documents_body, .summary = "Ask the owner for further documents.",
	    .answer = "verification_requests" },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "verifications_lapse", 300, verifications_lapse, "VERIFIED ends at verified_until." },
	{ 0 }
};

static const struct config_key config_keys[] = {
	{ "profiles.company_needs_verification", "profiles", "{\"type\":\"boolean\"}", "false",
	    "A company must be VERIFIED, besides approved, before it is ACTIVE." },
	{ "profiles.roles_needing_verification", "profiles",
	    "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "[]",
	    "Role keys whose profiles must be VERIFIED, besides approved, before they are"
	    " ACTIVE." },
	{ "profiles.required_documents", "profiles",
	    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\","
	    "\"items\":{\"type\":\"string\"}}}",
	    "{}", "Document types that a verification needs, by role key; \"*\" for all others." },
	{ "profiles.verification_valid_days", "profiles",
	    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":3650}",
	    "0", "How long a verification stands; 0: until name or phone change." },
	{ "profiles.document_retention_days", "profiles",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":3650}",
	    "180", "How long the files of a decided verification are kept." },
	{ 0 }
};

static const char *const republish[] = {
	"user_role_profiles", "company_profiles", "customer_profiles", "candidate_profiles",
	"portfolio_items", "services", NULL
};

static const struct service service = {
	.name = "profiles",
	.port = 8102,
	.resources = resources,
	.routes = routes,
	.subscriptions = profiles_subscriptions,
	.clocks = clocks,
	.config_keys = config_keys,
	.republish = republish,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &service);
}
