/*
 * Any bytes to the JSON parser. Held: what is taken is valid UTF-8 and comes back the same from its
 * compact and from its canonical text (but see there); an object is taken wherever any value is; a refusal has words.
 */
#include "fuzz.h"

static void
hold_values(struct arena *a, json_t *v)
{
	char *text = json_text(a, v), *canonical = json_canonical(a, v);
	struct error e;
	json_t *again = json_parse_strict(a, text, strlen(text), true, &e);

	hold(again != NULL && strcmp(json_text(a, again), text) == 0);
	again = json_parse_strict(a, canonical, strlen(canonical), true, &e);
	/* the canonical form writes any double below 10^21 as digits, which may be too many to read */
	if (again == NULL)
		hold(strstr(e.text, "integer beyond 64 bits") != NULL);
	else
		hold(strcmp(json_canonical(a, again), canonical) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct error any_e, object_e;
	char *text = arena_strndup(a, (const char *)data, len);
	json_t *any = json_parse_strict(a, text, len, true, &any_e);
	json_t *object = json_parse_strict(a, text, len, false, &object_e);

	if (any == NULL)
		hold_refusal(&any_e, ERR_BAD_JSON);
	if (object == NULL)
		hold_refusal(&object_e, ERR_BAD_JSON);
	hold((object != NULL) == (any != NULL && json_is_object(any)));
	if (any != NULL) {
		hold(utf8_is_valid(text, len));
		hold_values(a, any);
	}
	arena_free(a);
	return 0;
}
