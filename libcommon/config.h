/*
 * Options: one alphabetical table per daemon, read from flags, environment and files.
 *
 * The table makes `--options`, `/config` (secrets redacted) and the reference page.
 */
#ifndef NXT_CONFIG_H
#define NXT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum option_type { OPT_TEXT, OPT_INT, OPT_BOOL, OPT_LISTEN, OPT_SECRET, OPT_MS };
struct option {
	const char *name;	/* "DATABASE_URL": env NXT_DATABASE_URL, NXT_DATABASE_URL_FILE, flag --database-url */
	enum option_type type;
	const char *initial;	/* default, as text; NULL: must be given */
	int64_t min, max;	/* OPT_INT, OPT_MS */
	const char *doc;
};

/*
 * Reads flags, then environment, then NXT_…_FILE, then NXT_<SERVICE>_…, then defaults, against the common table and
 * `own` ({0}-terminated or NULL; an entry of the same name replaces the common one). Words stay in
 * argv, and unknown flags behind the first word too: they are the command's; before it they are
 * an error. -1: says which option and why, never its value.
 */
int config_load(const struct option *own, int *argc, char **argv, struct error *e);
const char *config_text(const char *name);	/* aborts on an undeclared name; "" where unset */
int64_t config_int(const char *name);
bool config_bool(const char *name);
/* OPT_LISTEN taken apart; "[::1]:80" gives "::1". */
void config_listen(const char *name, char host[256], int *ret_port);
/*
 * A secret that a table refers to by name: NXT_SECRET_<NAME> (upper case, '-' as '_') in the
 * environment, else the file of that name in SECRETS_DIR. NULL: e says what is missing.
 */
char *config_secret(struct arena *a, const char *name, struct error *e);
void config_print(const struct option *own);	/* --options */
/* {"NAME": "value", …}, secrets as "(set)" or "(unset)": for /config. */
char *config_json(struct arena *a);

/* Runtime configuration: values of identity's runtime_configs as projected here, else the declared initial. */
int64_t setting_int(const char *key);
bool setting_bool(const char *key);
const char *setting_json(const char *key);	/* JSON text, valid until the next turn */
/* The follower of config_values tells a new value; NULL: back to the initial one. Unknown keys are ignored. */
void setting_store(const char *key, const char *json);

#endif
