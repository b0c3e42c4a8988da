/* The ten professions by their role keys: profiles has a table of each, marketplace leads for each. */
#ifndef NXT_PROFESSIONS_H
#define NXT_PROFESSIONS_H

#include <stdbool.h>

bool profession_is_known(const char *role_key);

#endif
