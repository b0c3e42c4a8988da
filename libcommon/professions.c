/* See professions.h. */
#include "professions.h"

#include <stddef.h>
#include <string.h>

static const char *const professions[] = { "photographer", "tutor", "makeup_artist", "developer", "video_editor",
	"graphic_designer", "social_media_manager", "fitness_trainer", "catering_service", "ugc_content_creator", NULL };

bool
profession_is_known(const char *role_key)
{
	for (const char *const *key = professions; *key != NULL; key++)
		if (strcmp(*key, role_key) == 0)
			return true;
	return false;
}
