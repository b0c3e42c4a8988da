/* Mail servers: rows, and the command that sets the first one. A password is a secret's name, never itself. */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "notify.h"

static const char *const modes[] = { "SSL", "TLS", NULL };

static const struct column smtp_config_columns[] = {
	COLUMN_ID,
	{ "provider_name", COL_TEXT, COL_REQUIRED | COL_FILTER, .max = 100 },
	{ "host", COL_TEXT, COL_REQUIRED | COL_FILTER, .max = 253 },
	{ "port", COL_INT, COL_REQUIRED, .min = 1, .max = 65535 },
	{ "username", COL_TEXT, 0, .max = 200, .doc = "null: no sign-in." },
	{ "encryption_mode", COL_ENUM, COL_REQUIRED | COL_FILTER, .values = modes,
	    .doc = "SSL: from the first byte; TLS: by STARTTLS. Never without." },
	{ "from_name", COL_TEXT, 0, .max = 100 },
	{ "from_email", COL_EMAIL, COL_REQUIRED },
	{ "is_default", COL_BOOL, COL_FILTER, .initial = "false", .doc = "Tried first; one at most." },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "true" },
	{ "password_secret", COL_TEXT, 0, .max = 100,
	    .doc = "Name of the secret that holds the password, in the environment or SECRETS_DIR." },
	{ "priority", COL_INT, COL_SORT, .min = 0, .max = 10000, .initial = "100", .doc = "Fail-over: lower first." },
	{ "rate_per_minute", COL_INT, 0, .min = 1, .max = 1000000, .doc = "Mails a minute at most; null: no cap." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static bool
is_name(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

/* The host goes into a URL, the secret's name into a path; a new default takes the place of the old. */
static int
smtp_config_check(struct request *rq, struct row *row)
{
	const char *host = row_text(row, "host");
	struct db_result *r;

	if (host == NULL || (!is_name(host) && host[strspn(host, "0123456789abcdefABCDEF:")] != '\0'))
		fail_field(rq, "host", "bad_host", "a host name or an address");
	if (row_is_set(row, "password_secret") && !is_name(row_text(row, "password_secret")))
		fail_field(rq, "password_secret", "bad_name", "letters, digits, '-', '_' and '.'");
	if (rq->problem.code != ERR_NONE || !row_bool(row, "is_default"))
		return rq->problem.code == ERR_NONE ? 0 : -1;
	r = db_query(rq, "SELECT id FROM smtp_configs WHERE is_default AND id <> $1 FOR UPDATE", DB(row_id(row)));
	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct row *old = row_load(rq, &smtp_configs_resource, db_text(r, i, 0), true);
		if (old == NULL)
			return -1;
		row_set(old, "is_default", "f");
		if (row_update(rq, old) < 0)
			return -1;
	}
	return r == NULL ? -1 : 0;
}

const struct resource smtp_configs_resource = {
	.table = "smtp_configs",
	.noun = "smtp_config",
	.module_key = "notifications",
	.label = "provider_name",
	.columns = smtp_config_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("smtp-configs.read"),
	.create = SETTINGS("smtp-configs.create"),
	.update = SETTINGS("smtp-configs.update"),
	.remove = SETTINGS("smtp-configs.delete"),
	.on_create = smtp_config_check,
	.on_update = smtp_config_check,
	.changed = &EV_SMTP_CONFIG_CHANGED,
	.doc = "Mail servers, in order of fail-over.",
};

/* ---- nxt-notify smtp set ---- */

static const struct option_name {
	const char *flag, *column;
	bool needed;
} option_names[] = {
	{ "host", "host", true },
	{ "port", "port", true },
	{ "encryption", "encryption_mode", true },
	{ "from-email", "from_email", true },
	{ "from-name", "from_name", false },
	{ "username", "username", false },
	{ "password-secret", "password_secret", false },
	{ "name", "provider_name", false },
};

static const char *
flag_value(int argc, char **argv, const char *flag)
{
	for (int i = 1; i + 1 < argc; i++)
		if (argv[i] != NULL && strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, flag) == 0)
			return argv[i + 1];
	return NULL;
}

static int
take_flags(struct request *rq, struct row *row, int argc, char **argv)
{
	for (size_t i = 0; i < COUNT_OF(option_names); i++) {
		const char *value = flag_value(argc, argv, option_names[i].flag);
		if (value == NULL && option_names[i].needed)
			return fail(rq, ERR_BAD_REQUEST, "--%s is missing", option_names[i].flag);
		if (value != NULL)
			row_set(row, option_names[i].column, value);
	}
	if (strcmp(row_text(row, "encryption_mode"), "TLS") != 0 &&
	    strcmp(row_text(row, "encryption_mode"), "SSL") != 0)
		return fail(rq, ERR_BAD_REQUEST, "--encryption is TLS (STARTTLS) or SSL");
	if (row_int(row, "port") < 1 || row_int(row, "port") > 65535)
		return fail(rq, ERR_BAD_REQUEST, "--port is a number from 1 to 65535");
	row_set(row, "is_default", "t");
	row_set(row, "is_active", "t");
	return smtp_config_check(rq, row);
}

/* The default server becomes this one; said again, nothing changes. */
int
smtp_set_command(struct request *rq, int argc, char **argv)
{
	struct db_result *r = db_query(rq, "SELECT id FROM smtp_configs WHERE is_default", DB0);
	struct row *row;

	if (r == NULL)
		return -1;
	row = db_rows(r) > 0 ? row_load(rq, &smtp_configs_resource, db_text(r, 0, 0), true)
			     : row_new(rq, &smtp_configs_resource);
	if (row == NULL)
		return -1;
	if (db_rows(r) == 0)
		row_set(row, "provider_name", "default");
	if (take_flags(rq, row, argc, argv) < 0)
		return -1;
	if ((db_rows(r) > 0 ? row_update(rq, row) : row_insert(rq, row)) < 0)
		return -1;
	return reply_text(rq, 200, arena_printf(rq->arena, "mail goes to %s:%s", row_text(row, "host"),
	    row_text(row, "port")));
}
