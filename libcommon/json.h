/* JSON from strangers: strict, bounded, with one clear reason for each refusal. */
#ifndef NXT_JSON_H
#define NXT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX 20000	/* a value costs up to 250 bytes of memory, whatever its text */

/*
 * Parses one JSON object (any value where any is set): valid UTF-8, no U+0000, no lone surrogate, no
 * duplicate key, at most 32 levels, no number beyond a double or (as integer) beyond 64 bits. The
 * result belongs to the arena. NULL: e holds ERR_BAD_JSON with the reason and position.
 */
json_t *json_parse_strict(struct arena *a, const char *text, size_t len, bool any, struct error *e);
/* RFC 8785: canonical form, for content hashes. Arena text. */
char *json_canonical(struct arena *a, const json_t *value);
/*
 * A name as one token of a JSON Pointer (RFC 6901 §3): ~ is written ~0 and / is written ~1. Arena
 * text, or the name itself where it holds neither.
 */
const char *json_pointer_token(struct arena *a, const char *name);
/* Compact text in the arena. */
char *json_text(struct arena *a, const json_t *value);
/*
 * Merge-patch (RFC 7396): what the patch makes of the target (NULL: there is none). Objects merge
 * member by member, null removes a member, all else replaces. The result belongs to the arena and
 * is changed in neither of the two, which it may share values with. It is no deeper than the deeper
 * of the two, so that the recursion is bounded as they are; its size is for the caller to check.
 */
json_t *json_merge_patch(struct arena *a, const json_t *target, json_t *patch);
/* An integer to JSON Schema and to JavaScript: 4 and, as far as a double counts in ones, 4.0. */
bool json_is_whole(const json_t *value);
/* The value with every 4.0 in it as 4, for which json_is_integer() holds. Takes the reference and gives one back. */
json_t *json_with_integers(json_t *value);
bool utf8_is_valid(const char *s, size_t len);	/* also refuses NUL */
size_t utf8_length(const char *s);		/* code points */
bool utf8_any(const char *s, bool (*is)(int32_t c));	/* is one of the code points of the valid text such a one? */
/* SHA-256 as 64 hex digits. */
void sha256_hex(const void *data, size_t len, char out[65]);
void sha256_raw(const void *data, size_t len, unsigned char out[32]);

#endif
