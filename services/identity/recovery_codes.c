/* Recovery codes; see recovery_codes.h. */
#include "recovery_codes.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "db.h"
#include "request.h"
#include "secrets.h"
#include "totp.h"
#include "uuid.h"

#define CODE_BYTES 15	/* 24 characters of base32 */
#define GROUP 4

/* As people copy it: case, spaces and dashes make no difference. */
static const char *
code_hash(struct request *rq, const char *code)
{
	char *bare = arena_alloc(rq->arena, strlen(code) + 1), *out = bare;

	for (; *code != '\0'; code++)
		if (isalnum((unsigned char)*code))
			*out++ = (char)tolower((unsigned char)*code);
	*out = '\0';
	return secret_hash(rq->arena, arena_printf(rq->arena, "recovery:%s", bare));
}

/* "abcd-efgh-ijkl-mnop-qrst-uvwx" */
static const char *
code_new(struct request *rq)
{
	unsigned char bytes[CODE_BYTES];
	const char *base32;
	char *code, *out;

	randombytes_buf(bytes, sizeof(bytes));
	base32 = base32_text(rq->arena, bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	code = out = arena_alloc(rq->arena, 2 * strlen(base32));
	for (size_t i = 0; base32[i] != '\0'; i++) {
		if (i > 0 && i % GROUP == 0)
			*out++ = '-';
		*out++ = (char)tolower((unsigned char)base32[i]);
	}
	*out = '\0';
	return code;
}

int
recovery_codes_renew(struct request *rq, const char *user_id, json_t **ret_codes)
{
	json_t *codes;

	if (recovery_codes_remove(rq, user_id) < 0)
		return -1;
	codes = json_array();
	for (int i = 0; i < RECOVERY_CODES; i++) {
		const char *code = code_new(rq);
		db_queue(rq, "INSERT INTO user_recovery_codes (id, user_id, code_hash)"
		    " VALUES ($1, $2, $3)", DB(uuid_new(rq->arena), user_id, code_hash(rq, code)));
		json_array_append_new(codes, json_string(code));
	}
	*ret_codes = codes;
	return 0;
}

int
recovery_codes_remove(struct request *rq, const char *user_id)
{
	return db_exec(rq, "DELETE FROM user_recovery_codes WHERE user_id = $1", DB(user_id));
}

int
recovery_code_use(struct request *rq, const char *user_id, const char *code, bool *ret_is_right)
{
	struct db_result *r = db_query(rq, "UPDATE user_recovery_codes SET used_at = now()"
	    " WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
	    DB(user_id, code_hash(rq, code)));

	if (r == NULL)
		return -1;
	*ret_is_right = db_affected(r) == 1;
	return 0;
}

int
recovery_codes_left(struct request *rq, const char *user_id, int64_t *ret_left)
{
	struct db_result *r = db_query(rq, "SELECT count(*) FROM user_recovery_codes"
	    " WHERE user_id = $1 AND used_at IS NULL", DB(user_id));

	if (r == NULL)
		return -1;
	*ret_left = db_int(r, 0, 0);
	return 0;
}
