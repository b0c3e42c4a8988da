/*
 * The ten professions: what a photographer, a tutor … says beyond the common profile. Each is a
 * table entry; a row belongs to one profile, and only to one of its own role key.
 */
#include <string.h>

#include "professions.h"
#include "profiles.h"

#define PROFILE_ID { "user_role_profile_id", COL_UUID, \
	COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .ref = "user_role_profiles" }
#define TAGS(name)	{ name, COL_TEXT_ARRAY, COL_FILTER | COL_REQUIRED | COL_NO_CONTACT, \
	.initial = "[]", .max = 50 }
#define YES_NO(name)	{ name, COL_BOOL, COL_FILTER | COL_REQUIRED, .initial = "f" }
#define PRICE(name)	{ name, COL_MONEY, COL_FILTER | COL_SORT, .doc = "In paise." }
#define COUNT(name, most) { name, COL_INT, COL_FILTER | COL_SORT, .max = most }
#define ROW_END		COLUMN_CREATED, COLUMN_UPDATED, COLUMN_VERSION, { 0 }

static const char *const availabilities[] = { "FULL_TIME", "PART_TIME", "FREELANCE", NULL };

static const struct column photographer_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("specialties"),
	TAGS("camera_brands"),
	YES_NO("studio_available"),
	YES_NO("outdoor_shoots"),
	COUNT("travel_radius_km", 20000),
	PRICE("starting_price_inr"),
	ROW_END
};
static const struct column tutor_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("subjects"),
	TAGS("board_types"),
	{ "qualification", COL_TEXT, COL_SEARCH | COL_NO_CONTACT, .max = 500 },
	YES_NO("teaches_online"),
	YES_NO("teaches_offline"),
	COUNT("experience_years", 80),
	PRICE("hourly_rate_inr"),
	ROW_END
};
static const struct column makeup_artist_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("specializations"),
	TAGS("kit_brands"),
	YES_NO("home_service"),
	YES_NO("studio_available"),
	PRICE("starting_price_inr"),
	ROW_END
};
static const struct column developer_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("tech_stack"),
	COUNT("experience_years", 80),
	{ "availability", COL_ENUM, COL_FILTER, .values = availabilities },
	PRICE("hourly_rate_inr"),
	YES_NO("remote_ok"),
	ROW_END
};
static const struct column video_editor_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("software_skills"),
	TAGS("style_tags"),
	COUNT("turnaround_days", 3650),
	PRICE("starting_price_inr"),
	ROW_END
};
static const struct column graphic_designer_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("design_tools"),
	TAGS("style_tags"),
	YES_NO("brand_experience"),
	PRICE("starting_price_inr"),
	ROW_END
};
static const struct column social_media_manager_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("platforms"),
	TAGS("industries"),
	TAGS("content_types"),
	{ "avg_follower_growth_pct", COL_INT, COL_FILTER | COL_SORT, .min = -100, .max = 1000000 },
	PRICE("starting_price_inr"),
	ROW_END
};
static const struct column fitness_trainer_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("disciplines"),
	TAGS("certifications"),
	YES_NO("online_sessions"),
	YES_NO("home_visits"),
	YES_NO("gym_based"),
	PRICE("per_session_rate_inr"),
	ROW_END
};
static const struct column catering_service_columns[] = {
	COLUMN_ID, PROFILE_ID,
	{ "business_name", COL_TEXT, COL_SEARCH | COL_PERSONAL | COL_NO_CONTACT, .max = 200 },
	TAGS("cuisine_types"),
	TAGS("event_types"),
	COUNT("min_guests", 1000000),
	COUNT("max_guests", 1000000),
	YES_NO("has_setup_team"),
	YES_NO("has_serving_staff"),
	PRICE("price_per_head_inr"),
	ROW_END
};
static const struct column ugc_content_creator_columns[] = {
	COLUMN_ID, PROFILE_ID,
	TAGS("niche_tags"),
	TAGS("content_formats"),
	TAGS("platforms"),
	COUNT("turnaround_days", 3650),
	PRICE("starting_price_inr"),
	ROW_END
};

/* "photographer" for photographer_profile. */
static bool
is_of_profession(const struct resource *res, const char *role_key)
{
	size_t n = strlen(role_key);

	return strncmp(res->noun, role_key, n) == 0 && strcmp(res->noun + n, "_profile") == 0;
}

static int
guests_must_fit(struct request *rq, const struct row *row)
{
	if (row_resource(row) != &catering_service_profile_resource ||
	    !row_is_set(row, "min_guests") ||
	    !row_is_set(row, "max_guests") || row_int(row, "max_guests") >= row_int(row,
	    "min_guests"))
		return 0;
	return fail_field(rq, "max_guests", "out_of_range", "not below min_guests");
}

static int
profession_create(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_must_be_own(rq, row, &facts) < 0 || guests_must_fit(rq, row) < 0)
		return -1;
	if (!is_of_profession(row_resource(row), facts.role_key))
		return fail_field(rq, "user_role_profile_id", "wrong_profession",
		    "this profile is of a %s", facts.role_key);
	event_set_text(row_event(rq, row), "user_id", facts.user_id);
	event_recipient(row_event(rq, row), facts.user_id);
	return 0;
}

/* Also before removal: the event names the owner. */
static int
profession_change(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (guests_must_fit(rq, row) < 0 ||
	    profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	event_set_text(row_event(rq, row), "user_id", facts.user_id);
	return 0;
}

/* A table whose profession is not in PROFESSION_LIST does not compile. */
#define LISTED(key) IS_LISTED_##key,
enum { PROFESSION_LIST(LISTED) };

#define PROFESSION(key, path, happened, words) \
	_Static_assert(IS_LISTED_##key >= 0, "in PROFESSION_LIST"); \
	const struct resource key##_profile_resource = { \
		.table = #key "_profiles", \
		.noun = #key "_profile", \
		.module_key = "profiles", \
		.columns = key##_columns, \
		.owner = OF_PROFILE_OWNER, \
		.visible = OF_PROFILE_VISIBLE, \
		.subject = SUBJECT_OWNER, \
		.read = ANYONE_OR(path ".read"), \
		.create = SIGNED_IN, \
		.update = OWNER_OR(path ".update"), \
		.remove = OWNER, \
		.on_create = profession_create, \
		.on_update = profession_change, \
		.on_remove = profession_change, \
		.changed = &happened, \
		.child = { "user_role_profiles", path, "user_role_profile_id" }, \
		.doc = words, \
	};

PROFESSION(photographer, "photographer-profiles", EV_PHOTOGRAPHER_PROFILE_CHANGED,
    "What a photographer says beyond the common profile.")
PROFESSION(tutor, "tutor-profiles", EV_TUTOR_PROFILE_CHANGED,
    "What a tutor says beyond the common profile.")
PROFESSION(makeup_artist, "makeup-artist-profiles", EV_MAKEUP_ARTIST_PROFILE_CHANGED,
    "What a makeup artist says beyond the common profile.")
PROFESSION(developer, "developer-profiles", EV_DEVELOPER_PROFILE_CHANGED,
    "What a developer says beyond the common profile.")
PROFESSION(video_editor, "video-editor-profiles", EV_VIDEO_EDITOR_PROFILE_CHANGED,
    "What a video editor says beyond the common profile.")
PROFESSION(graphic_designer, "graphic-designer-profiles", EV_GRAPHIC_DESIGNER_PROFILE_CHANGED,
    "What a graphic designer says beyond the common profile.")
PROFESSION(social_media_manager, "social-media-manager-profiles",
    EV_SOCIAL_MEDIA_MANAGER_PROFILE_CHANGED,
    "What a social media manager says beyond the common profile.")
PROFESSION(fitness_trainer, "fitness-trainer-profiles", EV_FITNESS_TRAINER_PROFILE_CHANGED,
    "What a fitness trainer says beyond the common profile.")
PROFESSION(catering_service, "catering-service-profiles", EV_CATERING_SERVICE_PROFILE_CHANGED,
    "What a catering service says beyond the common profile.")
PROFESSION(ugc_content_creator, "ugc-content-creator-profiles",
    EV_UGC_CONTENT_CREATOR_PROFILE_CHANGED,
    "What a UGC content creator says beyond the common profile.")

#define RESOURCE_OF(key) &key##_profile_resource,
const struct resource *const professions[] = { PROFESSION_LIST(RESOURCE_OF) NULL };
