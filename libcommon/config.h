/*
 * Options: one alphabetical table per daemon, read from flags, environment and files.
 *
 * The table makes `--options`, `/config` (secrets redacted) and the reference page.
 */
#ifndef NXT_CONFIG_H
#define NXT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum option_type { OPT_TEXT, OPT_INT, OPT_BOOL, OPT_LISTEN, OPT_SECRET, OPT_MS };
struct option {
	const char *name;	/* "DATABASE_URL": env NXT_DATABASE_URL, NXT_DATABASE_URL_FILE, flag --database-url */
	enum option_type type;
	const char *initial;	/* default, as text; NULL: must be given */
	int64_t min, max;	/* OPT_INT, OPT_MS */
	const char *doc;
};

/* Reads argv and the environment against the common table and `own`. Leftover words stay in argv. -1: says which option and why. */
int config_load(const struct option *own, int *argc, char **argv, struct error *e);
const char *config_text(const char *name);	/* aborts on an undeclared name; "" where unset */
int64_t config_int(const char *name);
bool config_bool(const char *name);
void config_print(const struct option *own);	/* --options */
/* name=value lines as JSON, secrets as "(set)"/"(unset)": for /config. */
const char *config_json(void);

/* Runtime configuration: values of identity's runtime_configs as projected here, else the declared initial. */
int64_t setting_int(const char *key);
bool setting_bool(const char *key);
const char *setting_json(const char *key);	/* JSON text, valid until the next turn */

#endif
