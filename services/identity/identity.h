/*
 * Identity: who signs in, what they may do, whom the platform employs, how it is configured.
 *
 * The resources and the handlers of routes that are no plain resource; main.c is their table of
 * contents. What files share beyond that stands in the header beside each .c.
 */
#ifndef NXT_IDENTITY_H
#define NXT_IDENTITY_H

#include "resource.h"

struct config_key;
struct event_in;
struct request;

extern const struct resource users_resource;
extern const struct resource user_settings_resource;
extern const struct resource user_sessions_resource;
extern const struct resource user_passkeys_resource;
extern const struct resource refresh_tokens_resource;
extern const struct resource roles_resource;
extern const struct resource permissions_resource;
extern const struct resource role_permissions_resource;
extern const struct resource user_roles_resource;
extern const struct resource departments_resource;
extern const struct resource designations_resource;
extern const struct resource employees_resource;
extern const struct resource dashboard_configs_resource;
extern const struct resource dashboard_widgets_resource;
extern const struct resource runtime_configs_resource;

/* ---- /v1/auth/… ---- */
int auth_register(struct request *rq);
int auth_verify_email(struct request *rq);
int auth_resend_verification(struct request *rq);
int auth_login(struct request *rq);
int auth_step_up(struct request *rq);
int auth_totp(struct request *rq);
int auth_step_up_options(struct request *rq);
int auth_passkey_options(struct request *rq);
int auth_passkey(struct request *rq);
int auth_refresh(struct request *rq);
int auth_logout(struct request *rq);
int auth_password_forgot(struct request *rq);
int auth_password_reset(struct request *rq);
int auth_password_change(struct request *rq);
extern const struct column register_body[], verify_email_body[], resend_body[];
extern const struct column login_body[], auth_totp_body[], auth_passkey_options_body[], auth_passkey_body[], step_up_body[], refresh_body[];
extern const struct column logout_body[];
extern const struct column password_forgot_body[], password_reset_body[], password_change_body[];

/* ---- /v1/me ---- */
int me_read(struct request *rq);
int me_update(struct request *rq);
int me_settings_read(struct request *rq);
int me_settings_update(struct request *rq);
int me_email_change(struct request *rq);
int me_email_confirm(struct request *rq);
int me_phone_change(struct request *rq);
int me_erase(struct request *rq);
int me_totp_read(struct request *rq);
int me_totp_start(struct request *rq);
int me_totp_confirm(struct request *rq);
int me_totp_remove(struct request *rq);
int me_totp_recovery_codes(struct request *rq);
int me_passkeys_read(struct request *rq);
int me_passkeys_options(struct request *rq);
int me_passkeys_add(struct request *rq);
int me_passkey_rename(struct request *rq);
int me_passkey_remove(struct request *rq);
extern const struct column me_body[], me_settings_body[], me_erase_body[];
extern const struct column me_passkeys_add_body[], me_passkey_rename_body[];
extern const struct column me_email_body[], me_email_confirm_body[], me_phone_body[], me_totp_confirm_body[];

/* ---- the rest ---- */
/*
 * Of a registration (as its link carries it) of the locked account, whose address is not confirmed yet: where it is
 * not the first, a link that carries none opens the account without a password, since whose that is nobody knows.
 */
int registration_noted(struct request *rq, struct row *user, const char *registration);
int jwks_read(struct request *rq);
int user_session_revoke(struct request *rq);
int user_role_request(struct request *rq);
int dashboard_effective(struct request *rq);
int dashboard_widget_types(struct request *rq);
extern const char *const dashboard_types[];
extern const struct column dashboard_effective_query[];
int runtime_config_versions(struct request *rq);
int runtime_config_rollback(struct request *rq);
int runtime_config_explain(struct request *rq);
extern const struct column user_role_request_body[], runtime_config_rollback_body[];

/* Written by PATCH /v1/me and PATCH /v1/users/{id}: one rule for both. */
#define COLUMN_DISPLAY_NAME(more) { "display_name", COL_TEXT, COL_NO_CONTACT | (more), .min = 1, .max = 100, \
	.doc = "How mails and lists call the user; null takes it away." }
/* No link sent to its address was followed: it signs in nowhere, and no answer tells it from an unknown one. */
bool user_is_unconfirmed(const struct row *user);
/*
 * Refuses what would leave no administrator in force, but for those whose grant has an end: an
 * installation closed for good. `user_id` is about to lose the role or the account; held against
 * others until the transaction ends.
 */
int administrators_must_remain(struct request *rq, const char *user_id);
/* Whether there is one in force at all, with or without an end; held in the same way. */
int administrator_in_force(struct request *rq, bool *ret_there);
/*
 * Whether the account can be given anything: ACTIVE, and not erased, which keeps the status. It is held until the
 * transaction ends, so that nobody suspends or erases it meanwhile.
 */
int user_is_active(struct request *rq, const char *user_id, bool *ret_active);

/* ---- commands ---- */
int admin_create(struct request *rq, int argc, char **argv);
int permissions_import(struct request *rq, int argc, char **argv);
int settings_import(struct request *rq, int argc, char **argv);
int keys_rotate_command(struct request *rq, int argc, char **argv);
int keys_list_command(struct request *rq, int argc, char **argv);
int keys_remove_command(struct request *rq, int argc, char **argv);

/* ---- clocks and reactions ---- */
int sessions_expire(struct request *rq);
int user_roles_expire(struct request *rq);
int leftovers_remove(struct request *rq);
int on_email_bounced(struct request *rq, const struct event_in *ev);

#endif
