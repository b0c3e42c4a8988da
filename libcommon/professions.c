/* See professions.h. */
#include "professions.h"

#include <stddef.h>
#include <string.h>

#define KEY(key) #key,
static const char *const role_keys[] = { PROFESSION_LIST(KEY) NULL };

bool
profession_is_known(const char *role_key)
{
	for (const char *const *key = role_keys; *key != NULL; key++)
		if (strcmp(*key, role_key) == 0)
			return true;
	return false;
}
