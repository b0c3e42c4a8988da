/*
 * Any text to the search for contact details and the masking of Aadhaar numbers. Held: a find has
 * a name; masking keeps UTF-8 and has nothing left to mask a second time.
 */
#include "fuzz.h"

#include "contact_scan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	const char *text = arena_strndup(a, (const char *)data, len), *what = NULL, *masked;

	if (utf8_is_valid(text, len)) {
		if (contact_scan(text, &what))
			hold(what != NULL && what[0] != '\0');
		masked = aadhaar_mask(a, text);
		hold(utf8_is_valid(masked, strlen(masked)));
		hold(strcmp(aadhaar_mask(a, masked), masked) == 0);
	}
	arena_free(a);
	return 0;
}
