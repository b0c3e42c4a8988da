/* nxt-identity: users, sign-in, roles, employees, dashboards and runtime configuration. */
#include <sodium.h>

#include "identity.h"
#include "link_requests.h"
#include "passkeys.h"
#include "passwords.h"
#include "refresh_tokens.h"
#include "second_factor.h"
#include "secretbox.h"
#include "service.h"
#include "signing_keys.h"

static const struct resource *const resources[] = {
	&users_resource, &user_settings_resource, &user_sessions_resource, &user_passkeys_resource,
	&refresh_tokens_resource,
	&roles_resource, &permissions_resource, &role_permissions_resource, &user_roles_resource,
	&departments_resource, &designations_resource, &employees_resource,
	&dashboard_configs_resource, &dashboard_widgets_resource, &runtime_configs_resource,
	NULL
};

/* Sign-in hashes passwords before its transaction, and no answer of it is ever kept. */
#define SIGN_IN (ROUTE_NO_TX | ROUTE_NO_IDEMPOTENCY | ROUTE_LIMITED)
#define SIGN_IN_TX (ROUTE_TX | ROUTE_NO_IDEMPOTENCY | ROUTE_LIMITED)
#define STRANGER (SIGN_IN | ROUTE_FOR_STRANGERS)
#define STRANGER_TX (SIGN_IN_TX | ROUTE_FOR_STRANGERS)

#define PENDING_ANSWER "{\"status\":\"PENDING\"}"
#define ACTIVE_ANSWER "{\"status\":\"ACTIVE\"}"
#define TOKENS "\"access_token\":\"eyJ…\",\"token_type\":\"Bearer\",\"expires_in\":600," \
	"\"refresh_token\":\"…\",\"session_id\":\"0192…\""
#define SIGN_IN_ANSWER "{" TOKENS ",\"device_token?\":\"…\"}"
#define REFRESH_ANSWER "{" TOKENS "}"
#define RESET_ANSWER "{\"status\":\"ACTIVE\",\"device_token\":\"…\"}"
/* The row, and what this sign-in may do. */
#define ME_ANSWER "users {\"roles\":[\"…\"],\"permissions\":[\"…\"],\"session_id\":\"0192…\",\"employee_id?\":\"0192…\"}"
#define PASSKEY_ITEM "{\"id\":\"0192…\",\"user_id\":\"0192…\",\"name?\":\"…\",\"transports\":[\"…\"],\"sign_count\":0," \
	"\"last_used_at?\":\"2026-…\",\"created_at\":\"2026-…\",\"updated_at\":\"2026-…\",\"version\":1}"
#define PASSKEY_DESCRIPTORS "[{\"type\":\"public-key\",\"id\":\"…\",\"transports\":[\"…\"]}]"
/* PublicKeyCredentialCreationOptionsJSON and …RequestOptionsJSON of WebAuthn. */
#define PASSKEY_CREATION "{\"rp\":{\"id\":\"…\",\"name\":\"…\"},\"user\":{\"id\":\"…\",\"name\":\"…\"," \
	"\"displayName\":\"…\"},\"challenge\":\"…\",\"pubKeyCredParams\":[{\"type\":\"public-key\",\"alg\":-7}]," \
	"\"timeout\":300000,\"excludeCredentials\":" PASSKEY_DESCRIPTORS ",\"authenticatorSelection\":{" \
	"\"residentKey\":\"preferred\",\"requireResidentKey\":false,\"userVerification\":\"required\"}," \
	"\"attestation\":\"none\"}"
#define PASSKEY_REQUEST "{\"challenge\":\"…\",\"timeout\":300000,\"rpId\":\"…\"," \
	"\"allowCredentials\":" PASSKEY_DESCRIPTORS ",\"userVerification\":\"required\"}"
#define RECOVERY_CODES_ANSWER "{\"recovery_codes\":[\"abcd-efgh-ijkl-mnop-qrst-uvwx\"]}"

static const struct route routes[] = {
	{ "POST", "/v1/auth/register", ANYONE, auth_register, STRANGER, register_body,
	    .summary = "Sign up; the mail with the link confirms the address.",
	    .answer = PENDING_ANSWER, .status = 202 },
	{ "POST", "/v1/auth/verify-email", ANYONE, auth_verify_email, STRANGER_TX, verify_email_body,
	    .summary = "Confirm the address with the token of the mail.", .answer = ACTIVE_ANSWER },
	{ "POST", "/v1/auth/verify-email/resend", ANYONE, auth_resend_verification, STRANGER,
	    resend_body, .summary = "Send the confirmation mail again.",
	    .answer = PENDING_ANSWER, .status = 202 },
	{ "POST", "/v1/auth/login", ANYONE, auth_login, STRANGER, login_body,
	    .summary = "Sign in with e-mail and password.", .answer = SIGN_IN_ANSWER },
	{ "POST", "/v1/auth/step-up", SIGNED_IN, auth_step_up, SIGN_IN, step_up_body,
	    .summary = "Prove the password again, a code or a passkey, before a sensitive change.", .status = 204 },
	{ "POST", "/v1/auth/totp", ANYONE, auth_totp, STRANGER, auth_totp_body,
	    .summary = "Answer the challenge of a sign-in with a code or a recovery code; a passkey answers it at /v1/auth/passkey.",
	    .answer = SIGN_IN_ANSWER },
	{ "POST", "/v1/auth/passkey/options", ANYONE, auth_passkey_options, STRANGER_TX, auth_passkey_options_body,
	    .summary = "What a page hands to navigator.credentials.get() to sign in with a passkey, alone or after a password.",
	    .answer = PASSKEY_REQUEST },
	{ "POST", "/v1/auth/passkey", ANYONE, auth_passkey, STRANGER, auth_passkey_body,
	    .summary = "Sign in with a passkey's answer: no password and no code are asked for.",
	    .answer = SIGN_IN_ANSWER },
	{ "POST", "/v1/auth/step-up/options", SIGNED_IN, auth_step_up_options, SIGN_IN_TX,
	    .summary = "The same for step-up, with the caller's own passkeys.", .answer = PASSKEY_REQUEST },
	{ "POST", "/v1/auth/refresh", ANYONE, auth_refresh, STRANGER_TX, refresh_body,
	    .summary = "Replace the refresh token and get a fresh access token.",
	    .answer = REFRESH_ANSWER, .together = refreshes_together },
	{ "POST", "/v1/auth/logout", SIGNED_IN, auth_logout,
	    ROUTE_TX | ROUTE_NO_IDEMPOTENCY | ROUTE_RESTRICTED_TOO, logout_body,
	    .summary = "End this session, the others, or all.", .status = 204 },
	{ "POST", "/v1/auth/password/forgot", ANYONE, auth_password_forgot, STRANGER,
	    password_forgot_body, .summary = "Ask for a link to set a new password.",
	    .answer = "{\"status\":\"ACCEPTED\"}", .status = 202 },
	{ "POST", "/v1/auth/password/reset", ANYONE, auth_password_reset, STRANGER,
	    password_reset_body, .summary = "Set a new password with the token of the mail.",
	    .answer = RESET_ANSWER },
	{ "POST", "/v1/auth/password/change", SIGNED_IN, auth_password_change, SIGN_IN,
	    password_change_body, .summary = "Change the password; every session ends.",
	    .status = 204 },
	{ "GET", "/v1/me", SIGNED_IN, me_read, ROUTE_RESTRICTED_TOO,
	    .summary = "The caller, with roles, permissions and session.", .answer = ME_ANSWER },
	{ "PATCH", "/v1/me", SIGNED_IN, me_update, ROUTE_IF_MATCH, me_body,
	    .summary = "Change what others see of the caller.", .answer = ME_ANSWER },
	{ "GET", "/v1/me/settings", SIGNED_IN, me_settings_read, ROUTE_RESTRICTED_TOO,
	    .summary = "The caller's preferences.", .answer = "user_settings" },
	{ "PATCH", "/v1/me/settings", SIGNED_IN, me_settings_update, ROUTE_IF_MATCH, me_settings_body,
	    .summary = "Merge into the caller's preferences.", .answer = "user_settings" },
	{ "POST", "/v1/me/email", SIGNED_IN, me_email_change, SIGN_IN_TX, me_email_body,
	    .summary = "Ask for another address; needs step-up.",
	    .answer = PENDING_ANSWER, .status = 202 },
	{ "POST", "/v1/me/email/confirm", ANYONE, me_email_confirm, STRANGER_TX,
	    me_email_confirm_body, .summary = "Put the new address in place with the token sent to it.",
	    .answer = ACTIVE_ANSWER },
	{ "POST", "/v1/me/phone", SIGNED_IN, me_phone_change, SIGN_IN_TX, me_phone_body,
	    .summary = "Change or remove the phone number; needs step-up.", .answer = "users" },
	{ "POST", "/v1/me/erase", SIGNED_IN, me_erase, SIGN_IN_TX, me_erase_body,
	    .summary = "Erase the account and everything personal, everywhere; needs step-up.", .status = 204 },
	{ "GET", "/v1/me/totp", SIGNED_IN, me_totp_read, ROUTE_RESTRICTED_TOO,
	    .summary = "Whether the caller's second factor is enabled.",
	    .answer = "{\"enabled\":true,\"recovery_codes_left\":10}" },
	{ "POST", "/v1/me/totp", SIGNED_IN, me_totp_start, SIGN_IN_TX,
	    .summary = "Begin with a second factor: a secret for the authenticator, shown once; needs step-up.",
	    .answer = "{\"secret\":\"JBSW…\",\"uri\":\"otpauth://totp/…\"}", .status = 201 },
	{ "POST", "/v1/me/totp/confirm", SIGNED_IN, me_totp_confirm, SIGN_IN_TX, me_totp_confirm_body,
	    .summary = "Enable it with a code of the secret; recovery codes, shown once. Needs step-up.",
	    .answer = RECOVERY_CODES_ANSWER },
	{ "POST", "/v1/me/totp/recovery-codes", SIGNED_IN, me_totp_recovery_codes, SIGN_IN_TX,
	    .summary = "A new set of recovery codes in the place of the old, of an authenticator or a passkey; needs step-up.",
	    .answer = RECOVERY_CODES_ANSWER },
	{ "DELETE", "/v1/me/totp", SIGNED_IN, me_totp_remove, SIGN_IN_TX,
	    .summary = "Disable the second factor; needs step-up.", .status = 204 },
	{ "GET", "/v1/me/passkeys", SIGNED_IN, me_passkeys_read, ROUTE_RESTRICTED_TOO,
	    .summary = "The caller's passkeys.", .answer = "{\"items\":[" PASSKEY_ITEM "],\"next_cursor?\":\"…\"}" },
	{ "POST", "/v1/me/passkeys/options", SIGNED_IN, me_passkeys_options, SIGN_IN_TX,
	    .summary = "What a page hands to navigator.credentials.create() for a new passkey; needs step-up.",
	    .answer = PASSKEY_CREATION },
	{ "POST", "/v1/me/passkeys", SIGNED_IN, me_passkeys_add, SIGN_IN_TX, me_passkeys_add_body,
	    .summary = "Add the passkey that the browser made; needs step-up.", .answer = "user_passkeys", .status = 201 },
	{ "PATCH", "/v1/me/passkeys/{id}", SIGNED_IN, me_passkey_rename, ROUTE_IF_MATCH, me_passkey_rename_body,
	    .summary = "Give a passkey another name.", .answer = "user_passkeys" },
	{ "DELETE", "/v1/me/passkeys/{id}", SIGNED_IN, me_passkey_remove, SIGN_IN_TX,
	    .summary = "Remove a passkey; needs step-up.", .status = 204 },
	{ "DELETE", "/v1/user-sessions/{id}", OWNER_OR("user-sessions.delete"), user_session_revoke,
	    .summary = "End one session.", .status = 204 },
	{ "POST", "/v1/user-roles", OWNER_OR("user-roles.create"), user_role_request,
	    .body = user_role_request_body, .summary = "Ask for a role.",
	    .answer = "user_roles", .status = 201 },
	{ "GET", "/v1/dashboards/effective", SIGNED_IN, dashboard_effective, .query = dashboard_effective_query,
	    .summary = "The dashboard the caller sees, with the layer of each value.",
	    .answer = "{\"dashboard_type\":\"EXTERNAL\","
	    "\"layers\":[{\"layer\":\"built-in\",\"dashboard_config_id?\":\"0192…\",\"name?\":\"…\"}],"
	    "\"layout\":{\"columns\":{\"layer\":\"built-in\",\"dashboard_config_id?\":\"0192…\",\"value\":null}},"
	    "\"widgets\":[{\"widget_key\":\"my_wallet\",\"widget_title?\":\"Tracecoins\",\"config_json\":{},"
	    "\"display_order\":0,\"width_units\":4,\"height_units\":1,\"is_visible\":true,"
	    "\"layer\":\"built-in\",\"dashboard_config_id?\":\"0192…\"}]}" },
	{ "GET", "/v1/dashboards/widget-types", SIGNED_IN, dashboard_widget_types,
	    .summary = "The widgets that the caller may put on a dashboard.",
	    .answer = "{\"items\":[{\"widget_key\":\"my_wallet\",\"widget_title\":\"Tracecoins\","
	    "\"dashboard_type\":\"EXTERNAL\",\"width_units\":4}],\"next_cursor?\":\"…\"}" },
	{ "GET", "/v1/runtime-configs/{id}/versions", STAFF("runtime-configs.read"), runtime_config_versions,
	    .summary = "What a setting was before, who changed it and why; the newest 200.",
	    .answer = "{\"items\":[{\"version\":2,\"config_value_json\":null,\"is_active\":true,\"reason?\":\"…\","
	    "\"changed_by_user_id?\":\"0192…\",\"created_at\":\"2026-…\"}],\"next_cursor?\":\"…\"}" },
	{ "POST", "/v1/runtime-configs/{id}/rollback", SETTINGS("runtime-configs.rollback"), runtime_config_rollback,
	    .body = runtime_config_rollback_body, .summary = "Bring an old value back, as a new version.",
	    .answer = "runtime_configs" },
	{ "GET", "/v1/runtime-configs/{key}/explain", STAFF("runtime-configs.read"), runtime_config_explain,
	    .summary = "Which value of a setting counts, and from which layer.",
	    .answer = "{\"config_key\":\"marketplace.job_live_days\",\"config_group\":\"marketplace\",\"description?\":\"…\","
	    "\"schema\":{},\"effective_value\":null,\"effective_layer\":\"built-in\",\"layers\":[{\"layer\":\"built-in\","
	    "\"value\":null,\"version?\":2,\"is_active?\":true,\"reason?\":\"…\",\"changed_by_user_id?\":\"0192…\","
	    "\"created_at?\":\"2026-…\"}]}" },
	{ "GET", "/.well-known/jwks.json", ANYONE, jwks_read,
	    .summary = "The keys that verify access tokens.",
	    .media_type = "application/jwk-set+json", .answer = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
	    "\"x\":\"…\",\"y\":\"…\",\"kid\":\"…\",\"alg\":\"ES256\",\"use\":\"sig\"}]}" },
	{ 0 }
};

static const struct subscription subscriptions[] = {
	{ &EV_EMAIL_BOUNCED, NULL, on_email_bounced },
	{ 0 }
};

static const struct option options[] = {
	{ "ACCESS_TOKEN_S", OPT_INT, "600", 30, 900, "Lifetime of an access token, seconds." },
	{ "CHALLENGE_S", OPT_INT, "300", 30, 900, "How long a right password waits for its second factor, and a passkey may take to answer, seconds." },
	{ "EMAIL", OPT_TEXT, "", 0, 0, "For `admin create`: the address of the first administrator." },
	{ "PASSKEY_ORIGINS", OPT_TEXT, "", 0, 0, "Origins whose pages may use passkeys, comma between; empty: that of PUBLIC_URL." },
	{ "PASSKEY_RP_ID", OPT_TEXT, "", 0, 0, "The domain that passkeys belong to, for good: another one makes all of them worthless. Empty: the host of PUBLIC_URL, localhost for 127.0.0.1." },
	{ "PASSKEY_RP_NAME", OPT_TEXT, "Nxtgauge", 0, 0, "What browsers call it when they ask for a passkey." },
	{ "PASSWORD_MEMORY_KIB", OPT_INT, "19456", 8192, 1048576, "Memory of one argon2id hash." },
	{ "PASSWORD_PASSES", OPT_INT, "2", 1, 20, "Passes of argon2id over its memory." },
	{ "REFRESH_GRACE_S", OPT_INT, "10", 0, 60, "How long the token just replaced gets the same successor again." },
	{ "REFRESH_TOKEN_S", OPT_INT, "2592000", 60, 31536000, "Lifetime of an unused refresh token, seconds." },
	{ "RESET_TOKEN_S", OPT_INT, "3600", 60, 86400, "Lifetime of a password reset link, seconds." },
	{ "SESSIONS_MAX", OPT_INT, "5", 1, 100, "Sessions a user may have at once; the oldest goes." },
	{ "SESSION_IDLE_S", OPT_INT, "1209600", 60, 31536000, "A session unused so long ends, seconds." },
	{ "SESSION_S", OPT_INT, "2592000", 60, 31536000, "Absolute lifetime of a session, seconds." },
	{ "SIGNING_KEYS_DIR", OPT_TEXT, "keys", 0, 0, "Folder of the keys that sign access tokens; made where missing." },
	{ "STEP_UP_S", OPT_INT, "600", 10, 86400, "How long a proof of the password opens sensitive changes, seconds." },
	{ "THROTTLE_ACCOUNT_FREE", OPT_INT, "5", 1, 100, "Failed sign-ins of one account before each further one must wait." },
	{ "THROTTLE_ADDRESS_FREE", OPT_INT, "100", 1, 100000, "The same from one address, within 15 minutes." },
	{ "TOTP_KEY", OPT_SECRET, "", 0, 0, "Encrypts the secrets of second factors in the database; 64 hex digits, the same at all replicas." },
	{ "VERIFY_TOKEN_S", OPT_INT, "86400", 60, 604800, "Lifetime of a link that confirms an address, seconds." },
	{ 0 }
};

static const struct config_key config_keys[] = {
	{ "identity.auto_approve_external_roles", "identity", "{\"type\":\"boolean\"}", "true",
	    "Whether EXTERNAL roles are granted when asked for." },
	{ "identity.internal_roles_need_second_factor", "identity", "{\"type\":\"boolean\"}", "false",
	    "Whether INTERNAL roles count only while their holder has a second factor, an authenticator or a passkey; from the next token on." },
	{ "identity.role_request_cool_off_hours", "identity",
	    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":8760}", "24",
	    "How long after a refusal a role may be asked for again." },
	{ 0 }
};

static const struct clock_job clocks[] = {
	{ "sessions_expire", 60, sessions_expire, "Ends sessions that are over or idle." },
	{ "user_roles_expire", 1, user_roles_expire, "Takes away time-bound roles." },
	{ "link_requests_resume", 5, link_requests_resume, "Sends links whose request outlived the process that took it, or failed." },
	{ "leftovers_remove", 3600, leftovers_remove, "Throws away tokens and counters long past." },
	{ 0 }
};

static const struct command commands[] = {
	{ "admin create", "admin create --email <address>", admin_create,
	    "make the first administrator; the password comes on standard input" },
	{ "permissions import", "permissions import", permissions_import,
	    "take up the permissions that all daemons declare, from standard input" },
	{ "settings import", "settings import", settings_import,
	    "take up the settings that all daemons read, from standard input" },
	{ "keys rotate", "keys rotate", keys_rotate_command, "make a new signing key" },
	{ "keys list", "keys list", keys_list_command, "show the signing keys" },
	{ "keys remove", "keys remove <kid>", keys_remove_command,
	    "delete a key that leaked; its tokens are refused everywhere" },
	{ 0 }
};

static const char *const republish[] = {
	"users", "roles", "employees", "departments", "designations", "runtime_configs", NULL
};

static int
start(struct event_base *base, struct error *e)
{
	if (sodium_init() < 0)
		return error_set(e, ERR_INTERNAL, "libsodium cannot start");
	passwords_init((unsigned)config_int("PASSWORD_PASSES"),
	    (unsigned)config_int("PASSWORD_MEMORY_KIB"));
	if (secretbox_init(config_text("TOKEN_KEY"), e) < 0 ||
	    second_factor_init(config_text("TOTP_KEY"), e) < 0 || passkey_party_init(e) < 0)
		return -1;
	return signing_keys_open(base, config_text("SIGNING_KEYS_DIR"), e);
}

static const struct service identity = {
	.name = "identity",
	.port = 8101,
	.resources = resources,
	.routes = routes,
	.subscriptions = subscriptions,
	.options = options,
	.clocks = clocks,
	.commands = commands,
	.config_keys = config_keys,
	.republish = republish,
	.start = start,
	.stop = signing_keys_close,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &identity);
}
