/*
 * The catalogue of errors: every refusal a daemon can give, once.
 *
 * The list makes the enum, the problem+json answers, `--errors` and the catalogue page.
 */
#ifndef NXT_ERROR_H
#define NXT_ERROR_H

#include <stdbool.h>

/*    symbol                     status  code                    retriable  what to do about it */
#define ERROR_LIST(X) \
	X(ERR_NONE, 200, "none", false, "No error.") \
	X(ERR_BAD_REQUEST, 400, "bad_request", false, "Mend the request as the detail says.") \
	X(ERR_BAD_JSON, 400, "bad_json", false, "Send one valid JSON object in UTF-8, without duplicate keys, at most 32 levels deep.") \
	X(ERR_UNKNOWN_PARAMETER, 400, "unknown_parameter", false, "Remove or correct the query parameter named in the errors.") \
	X(ERR_BAD_CURSOR, 400, "bad_cursor", false, "Start again without a cursor; a cursor belongs to one filter and one order.") \
	X(ERR_TOKEN_INVALID, 400, "token_invalid", false, "The one-time token is wrong, used or expired; ask for a new one.") \
	X(ERR_IDEMPOTENCY_KEY_REQUIRED, 400, "idempotency_key_required", false, "Send an Idempotency-Key header of your own making, a UUID for example.") \
	X(ERR_UNAUTHENTICATED, 401, "unauthenticated", false, "Send Authorization: Bearer with a valid access token.") \
	X(ERR_BAD_TOKEN, 401, "bad_token", false, "The access token is malformed, forged, expired or of an ended session; sign in again.") \
	X(ERR_TOKEN_STALE, 401, "token_stale", false, "Your rights changed since this token was made; refresh it.") \
	X(ERR_BAD_CREDENTIALS, 401, "bad_credentials", false, "E-mail, password or code is wrong, or the account is not active.") \
	X(ERR_REFRESH_INVALID, 401, "token_invalid", false, "The refresh token is unknown or expired; sign in again.") \
	X(ERR_TOKEN_REUSED, 401, "token_reused", false, "This refresh token was used before; the session was ended for safety. Sign in again.") \
	X(ERR_STEP_UP_REQUIRED, 401, "step_up_required", false, "Confirm your password first: POST /v1/auth/step-up.") \
	X(ERR_SECOND_FACTOR_REQUIRED, 401, "second_factor_required", false, "Send `challenge` with a code of your authenticator or a recovery code (POST /v1/auth/totp), or let a passkey answer it (POST /v1/auth/passkey/options with `challenge`, then POST /v1/auth/passkey).") \
	X(ERR_FORBIDDEN, 403, "forbidden", false, "Your roles do not hold the permission this needs.") \
	X(ERR_SECOND_FACTOR_MISSING, 403, "second_factor_missing", false, "Your roles of staff count only with a second factor. Add a passkey (POST /v1/me/passkeys/options, then POST /v1/me/passkeys) or an authenticator (POST /v1/me/totp, then POST /v1/me/totp/confirm), and refresh the token.") \
	X(ERR_OWN_SUBMISSION, 403, "own_submission", false, "Nobody decides what they submitted themselves; ask another person.") \
	X(ERR_ACCOUNT_RESTRICTED, 403, "account_restricted", false, "This account is suspended: it may read its own data, take an export of it and sign out. The mail about the suspension says why; our staff lift it.") \
	X(ERR_NOT_FOUND, 404, "not_found", false, "Nothing is there for you; check the path and the id.") \
	X(ERR_METHOD_NOT_ALLOWED, 405, "method_not_allowed", false, "Use one of the methods in the Allow header.") \
	X(ERR_TIMEOUT, 408, "request_timeout", true, "The request did not arrive in time; send it faster or again.") \
	X(ERR_CONFLICT, 409, "conflict", false, "The state of the resource does not allow this; read it again.") \
	X(ERR_ALREADY_EXISTS, 409, "already_exists", false, "Another row holds this value, which must be unique.") \
	X(ERR_ILLEGAL_TRANSITION, 409, "illegal_transition", false, "The current status does not allow this; `legal` lists what it does allow.") \
	X(ERR_UNDER_REVIEW, 409, "under_review", false, "Withdraw the submission before you edit it.") \
	X(ERR_STALE_CONTENT, 409, "stale_content", false, "The content changed since you read it; read it again and judge that.") \
	X(ERR_IN_USE, 409, "in_use", false, "Other rows still refer to this one.") \
	X(ERR_IDEMPOTENCY_IN_PROGRESS, 409, "idempotency_in_progress", true, "The first request with this Idempotency-Key is still running; repeat in a second.") \
	X(ERR_LENGTH_REQUIRED, 411, "length_required", false, "Send Content-Length or chunked encoding.") \
	X(ERR_STALE_ETAG, 412, "stale_etag", false, "The item changed since you read it; read it again and repeat your change.") \
	X(ERR_TOO_LARGE, 413, "body_too_large", false, "Send a smaller body; the limit is 1 MiB.") \
	X(ERR_TARGET_TOO_LONG, 414, "target_too_long", false, "Send a shorter path and query.") \
	X(ERR_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type", false, "Send Content-Type: application/json.") \
	X(ERR_EXPECTATION_FAILED, 417, "expectation_failed", false, "Only Expect: 100-continue is known.") \
	X(ERR_VALIDATION, 422, "validation_failed", false, "Correct the fields listed in errors.") \
	X(ERR_IDEMPOTENCY_KEY_REUSED, 422, "idempotency_key_reused", false, "This Idempotency-Key was used with another body; make a new key.") \
	X(ERR_IF_MATCH_REQUIRED, 428, "if_match_required", false, "Read the item and send its ETag in If-Match.") \
	X(ERR_TOO_MANY_REQUESTS, 429, "too_many_requests", true, "Wait as long as Retry-After says.") \
	X(ERR_HEADERS_TOO_LARGE, 431, "headers_too_large", false, "Send fewer or shorter headers; the limit is 16 KiB and 100 headers.") \
	X(ERR_INTERNAL, 500, "internal", true, "A fault of ours; it was logged with the request id.") \
	X(ERR_NOT_IMPLEMENTED, 501, "not_implemented", false, "Only Transfer-Encoding: chunked is known.") \
	X(ERR_OVERLOADED, 503, "overloaded", true, "Too much at once; repeat after Retry-After.") \
	X(ERR_UNAVAILABLE, 503, "unavailable", true, "The database is away; repeat after Retry-After.") \
	X(ERR_GATEWAY_TIMEOUT, 504, "gateway_timeout", false, "Said by the gateway alone: the service did not answer in time. Read before you repeat.") \
	X(ERR_VERSION_NOT_SUPPORTED, 505, "http_version_not_supported", false, "Use HTTP/1.1.")

enum error_code {
#define X(symbol, status, code, retriable, doc) symbol,
	ERROR_LIST(X)
#undef X
	ERROR_COUNT
};

struct error_info {
	const char *symbol;
	int status;		/* HTTP status */
	const char *code;	/* the word in problem+json; stable for ever */
	bool retriable;		/* the same request may succeed later */
	const char *doc;
};

const struct error_info *error_info(enum error_code code);
/* The catalogue entry that the server itself uses for a bare HTTP status; ERR_BAD_REQUEST else. */
enum error_code error_for_status(int status);

/* Where there is no request: start-up, relay, tools. */
struct error {
	enum error_code code;
	char text[512];
};

/* Fills e and returns -1, so that a check and its failure are one statement. */
int error_set(struct error *e, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
