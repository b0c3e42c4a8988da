/*
 * The professions by their role keys. profiles has a table of each, marketplace leads for each: a profession is
 * added here, and services/profiles/professions.c does not compile until its table is there.
 */
#ifndef NXT_PROFESSIONS_H
#define NXT_PROFESSIONS_H

#include <stdbool.h>

#define PROFESSION_LIST(X) \
	X(photographer) X(tutor) X(makeup_artist) X(developer) X(video_editor) X(graphic_designer) \
	X(social_media_manager) X(fitness_trainer) X(catering_service) X(ugc_content_creator)

bool profession_is_known(const char *role_key);

#endif
