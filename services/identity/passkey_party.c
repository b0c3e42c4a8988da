/*
 * The relying party: who we are to browsers, what we ask them, and which question is still open.
 * See passkeys.h. Who may ask, and what an answer opens, is me_passkeys.c's and auth_passkey.c's.
 */
#include <sodium.h>
#include <string.h>

#include "base64url.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "identity.h"
#include "json.h"
#include "passkeys.h"
#include "request.h"
#include "secrets.h"
#include "uuid.h"

#define ORIGINS_MAX 16

/* ---- who we are: made once from the options ---- */

static struct arena *party_arena;	/* lives as long as the process */
static const char *origins[ORIGINS_MAX + 1];
static struct webauthn_party party = { .origins = origins };

const struct webauthn_party *
passkey_party(void)
{
	return &party;
}

const char *
passkey_party_name(void)
{
	return config_text("PASSKEY_RP_NAME");
}

/* "http://127.0.0.1:8080/app" is "http://localhost:8080": a browser has passkeys for names alone. */
static const char *
origin_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *rest = host == NULL ? "" : host + 3;
	size_t scheme = host == NULL ? 0 : (size_t)(rest - url), len = strcspn(rest, "/?#");

	if (strncmp(rest, "127.0.0.1", 9) == 0 && (rest[9] == ':' || len == 9))
		return arena_printf(party_arena, "%.*slocalhost%.*s", (int)scheme, url, (int)(len - 9), rest + 9);
	return arena_printf(party_arena, "%.*s", (int)(scheme + len), url);
}

/* The name in an origin, without scheme and port. */
static const char *
host_of(const char *origin)
{
	const char *host = strstr(origin, "://");

	return host == NULL ? "" : arena_strndup(party_arena, host + 3, strcspn(host + 3, ":/"));
}

/* An origin may use the rpId of its own host or of a domain above it; an app is known by its signer. */
static bool
is_of_party(const char *origin)
{
	const char *host = host_of(origin);
	size_t n = strlen(host), id = strlen(party.rp_id);
	bool is_safe = strncmp(origin, "https://", 8) == 0 || strcmp(host, "localhost") == 0;

	if (strncmp(origin, "android:apk-key-hash:", 21) == 0)
		return true;
	return is_safe && strcmp(origin_of(origin), origin) == 0 && n >= id &&
	    strcmp(host + n - id, party.rp_id) == 0 && (n == id || host[n - id - 1] == '.');
}

int
passkey_party_init(struct error *e)
{
	const char *id = config_text("PASSKEY_RP_ID"), *list = config_text("PASSKEY_ORIGINS");
	bool is_given = id[0] != '\0' || list[0] != '\0';
	size_t count = 0;

	party_arena = arena_new();
	if (list[0] == '\0')
		list = origin_of(config_text("PUBLIC_URL"));
	party.rp_id = id[0] != '\0' ? id : host_of(origin_of(config_text("PUBLIC_URL")));
	for (size_t n; *list != '\0'; list += n) {
		n = strspn(list, ", ");
		list += n;
		n = strcspn(list, ", ");
		if (n > 0 && count == ORIGINS_MAX)
			return error_set(e, ERR_INTERNAL, "PASSKEY_ORIGINS lists more than %d", ORIGINS_MAX);
		if (n > 0)
			origins[count++] = arena_strndup(party_arena, list, n);
	}
	/* a PUBLIC_URL without https or a name gets no passkeys from a browser, and all else from us */
	for (size_t i = 0; is_given && i < count; i++)
		if (!is_of_party(origins[i]))
			return error_set(e, ERR_INTERNAL, "PASSKEY_ORIGINS: %s is no https origin of PASSKEY_RP_ID (%s)",
			    origins[i], party.rp_id);
	return 0;
}

/* ---- challenges: the table holds hashes, so that looking one up tells nothing by its time ---- */

int
passkey_challenge_make(struct request *rq, const char *purpose, const char *user_id,
    const char **ret_challenge)
{
	const char *challenge = secret_new(rq->arena);
	char expires[CLOCK_TEXT];

	clock_format(rq->now_us + config_int("CHALLENGE_S") * 1000000, expires);
	*ret_challenge = challenge;
	return db_exec(rq, "INSERT INTO auth_challenges (id, user_id, purpose, challenge, expires_at)"
	    " VALUES ($1, $2, $3, decode($4, 'hex'), $5)", DB(uuid_new(rq->arena), user_id, purpose,
	    secret_hash(rq->arena, challenge), expires));
}

/* One put to nobody in particular is answered by whoever signs in; one put to a user by them alone. */
#define OPEN_CHALLENGE " FROM auth_challenges WHERE challenge = decode($1, 'hex') AND purpose = $2" \
	" AND (user_id = $3 OR (user_id IS NULL AND $2 = 'SIGN_IN')) AND expires_at > now()"

static int
open_or_fail(struct request *rq, bool is_open)
{
	return is_open ? 0 :
	    fail(rq, ERR_TOKEN_INVALID, "this challenge is wrong, used or expired; ask for another");
}

int
passkey_challenge_is_open(struct request *rq, const char *purpose, const char *user_id,
    const char *challenge, bool *ret_is_asked)
{
	struct db_result *r = db_query(rq, "SELECT user_id IS NOT NULL" OPEN_CHALLENGE,
	    DB(secret_hash(rq->arena, challenge), purpose, user_id));

	if (r == NULL || open_or_fail(rq, db_rows(r) == 1) < 0)
		return -1;
	*ret_is_asked = db_bool(r, 0, 0);
	return 0;
}

int
passkey_challenge_asks(struct request *rq, const char *purpose, const char *challenge,
    const char **ret_user_id)
{
	struct db_result *r = db_query(rq, "SELECT user_id FROM auth_challenges WHERE challenge = decode($1, 'hex')"
	    " AND purpose = $2 AND user_id IS NOT NULL AND expires_at > now()",
	    DB(secret_hash(rq->arena, challenge), purpose));

	if (r == NULL || open_or_fail(rq, db_rows(r) == 1) < 0)
		return -1;
	*ret_user_id = db_text(r, 0, 0);
	return 0;
}

int
passkey_challenge_use(struct request *rq, const char *purpose, const char *user_id,
    const char *challenge)
{
	struct db_result *r = db_query(rq, "DELETE" OPEN_CHALLENGE,
	    DB(secret_hash(rq->arena, challenge), purpose, user_id));

	return r == NULL ? -1 : open_or_fail(rq, db_affected(r) == 1);
}

/* ---- bytes ---- */

const char *
bytea_text(struct arena *a, struct webauthn_bytes bytes)
{
	char *text = arena_alloc(a, 2 + 2 * bytes.len + 1);

	memcpy(text, "\\x", 2);
	sodium_bin2hex(text + 2, 2 * bytes.len + 1, bytes.p, bytes.len);
	return text;
}

struct webauthn_bytes
bytea_bytes(struct arena *a, const char *text)
{
	size_t max = strlen(text) / 2, len = 0;
	unsigned char *p = arena_alloc(a, max + 1);

	if (strncmp(text, "\\x", 2) != 0 ||
	    sodium_hex2bin(p, max, text + 2, strlen(text + 2), NULL, &len, NULL) != 0)
		return (struct webauthn_bytes){ 0 };
	return (struct webauthn_bytes){ p, len };
}

int
passkey_member(struct request *rq, json_t *object, const char *pointer, const char *name,
    bool is_optional, size_t max, struct webauthn_bytes *ret)
{
	json_t *value = json_object_get(object, name);
	const char *field = arena_printf(rq->arena, "%s/%s", pointer, name);

	*ret = (struct webauthn_bytes){ 0 };
	if (value == NULL || json_is_null(value))
		return is_optional ? 0 : fail_field(rq, field, "required", "a value is needed");
	if (!json_is_string(value))
		return fail_field(rq, field, "wrong_type", "a string");
	if (json_string_length(value) <= BASE64URL_LEN(max))
		ret->p = base64url_bytes(rq->arena, json_string_value(value), json_string_length(value), &ret->len);
	if (ret->p == NULL || ret->len == 0)
		return fail_field(rq, field, "bad_base64url", "base64url without padding, of 1 to %zu bytes", max);
	return 0;
}

/* ---- what browsers are asked ---- */

json_t *
passkey_descriptors(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq, "SELECT credential_id, to_json(transports) FROM user_passkeys"
	    " WHERE user_id = $1 ORDER BY id", DB(user_id));
	json_t *list;

	if (r == NULL)
		return NULL;
	list = json_array();
	for (int i = 0; i < db_rows(r); i++) {
		struct webauthn_bytes id = bytea_bytes(rq->arena, db_text(r, i, 0));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "type", "public-key",
		    "id", base64url_text(rq->arena, id.p, id.len),
		    "transports", json_loads(db_text(r, i, 1), 0, NULL)));
	}
	return list;
}

/* The user's handle is the id itself, as its 16 bytes: it tells an authenticator nothing of the person. */
json_t *
passkey_creation_options(struct request *rq, const struct row *user, const char *challenge,
    json_t *exclude)
{
	const char *email = row_text(user, "email"), *name = row_text(user, "display_name");
	uint8_t handle[16];

	uuid_parse(row_id(user), handle);
	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:s, s:[{s:s, s:i}, {s:s, s:i}], s:i, s:o,"
	    " s:{s:s, s:b, s:s}, s:s}",
	    "rp", "id", party.rp_id, "name", passkey_party_name(),
	    "user", "id", base64url_text(rq->arena, handle, sizeof(handle)), "name", email,
	    "displayName", name != NULL ? name : email,
	    "challenge", challenge,
	    "pubKeyCredParams", "type", "public-key", "alg", WEBAUTHN_ES256,
	    "type", "public-key", "alg", WEBAUTHN_EDDSA,
	    "timeout", (int)config_int("CHALLENGE_S") * 1000,
	    "excludeCredentials", exclude,
	    "authenticatorSelection", "residentKey", "preferred", "requireResidentKey", 0,
	    "userVerification", "required",
	    "attestation", "none");
}

json_t *
passkey_request_options(const char *challenge, json_t *allow)
{
	return json_pack("{s:s, s:i, s:s, s:o, s:s}", "challenge", challenge,
	    "timeout", (int)config_int("CHALLENGE_S") * 1000, "rpId", party.rp_id,
	    "allowCredentials", allow, "userVerification", "required");
}
