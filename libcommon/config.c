/* Options; see config.h. Values are read once at start and never change. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "redact.h"
#include "service.h"

#define OPTIONS_MAX 96
#define FILE_MAX 65536

static const struct option common_options[] = {
	{ "BUS", OPT_TEXT, "kafka", 0, 0, "kafka, or embedded: the development broker, which keeps events in memory only." },
	{ "CURSOR_KEY", OPT_SECRET, "", 0, 0, "Signs list cursors; the same at all replicas of a service, 32 bytes as 64 hex digits. Unset: made at start, and cursors end with the process." },
	{ "DATABASE_URL", OPT_SECRET, NULL, 0, 0, "PostgreSQL, as the runtime role." },
	{ "DB_READERS", OPT_INT, "2", 1, 16, "Shared connections for reads, in pipeline mode." },
	{ "DB_WRITERS", OPT_INT, "12", 1, 200, "Connections for transactions at most; opened as needed." },
	{ "DRAIN_IDLE_MS", OPT_MS, "1500", 0, 600000, "After SIGTERM: how long an idle connection is kept; longer than load balancers keep theirs, or a request on its way meets the end." },
	{ "DRAIN_MS", OPT_MS, "20000", 0, 600000, "After SIGTERM: how long running work may take to end." },
	{ "JWKS_URL", OPT_TEXT, "", 0, 0, "Where the keys that verify access tokens are fetched; unused by identity." },
	{ "KAFKA_BROKERS", OPT_TEXT, "127.0.0.1:9092", 0, 0, "host:port, comma between several." },
	{ "LINGER_MS", OPT_MS, "100", 0, 60000, "After SIGTERM: how long new connections are still taken, until load balancers know." },
	{ "LISTEN", OPT_LISTEN, "", 0, 0, "host:port of the API; port 0 takes a free one." },
	{ "LOG_LEVEL", OPT_TEXT, "info", 0, 0, "debug, info, warn or error." },
	{ "OPS_LISTEN", OPT_LISTEN, "", 0, 0, "host:port of probes and metrics; never public." },
	{ "PUBLIC_URL", OPT_TEXT, "http://127.0.0.1:8080", 0, 0, "Where people reach the web client, which hands /v1 on to the gateway; begins the links in mails: /verify-email, /reset-password, /confirm-email are the client's pages." },
	{ "RATE_LIMIT_BURST", OPT_INT, "600", 1, 1000000, "Calls of one address to a limited route at once." },
	{ "RATE_LIMIT_PER_S", OPT_INT, "20", 1, 100000, "Calls of one address to a limited route each second, beyond the burst." },
	{ "ROLES", OPT_TEXT, "api,relay,consumer", 0, 0, "Which parts run in this process." },
	{ "SECRETS_DIR", OPT_TEXT, "", 0, 0, "Folder of named secrets, one file each; NXT_SECRET_<NAME> in the environment goes first." },
	{ "STATE_DIR", OPT_TEXT, "", 0, 0, "Folder for last good copies (JWKS); unset: none are kept." },
	{ "TOKEN_KEY", OPT_SECRET, "", 0, 0, "Encrypts one-time tokens between identity and notify; 64 hex digits." },
	{ "TRUSTED_PROXIES", OPT_TEXT, "", 0, 0, "Addresses whose X-Forwarded-For counts, comma between several: the gateway's." },
	{ "TOPIC_PREFIX", OPT_TEXT, "", 0, 0, "Before every topic's name, on shared clusters." },
	{ "WORK_THREADS", OPT_INT, "0", 0, 64, "Threads for what would block the loop: password hashing, PDF. 0: one fewer than there are processors, at least one, so that requests that hash nothing keep a processor." },
	{ 0 }
};

static struct value {
	const struct option *option;
	char *text;	/* NULL: not given yet */
} values[OPTIONS_MAX];
static int value_count;

static int
compare_values(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	return strcmp(x->option->name, y->option->name);
}

static struct value *
find(const char *name)
{
	for (int i = 0; i < value_count; i++)
		if (strcmp(values[i].option->name, name) == 0)
			return &values[i];
	return NULL;
}

static void
declare(const struct option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		struct value *v = find(options->name);
		if (v == NULL && value_count == OPTIONS_MAX)
			abort();
		if (v == NULL)
			v = &values[value_count++];
		v->option = options;
	}
}

/* Both tables as one, alphabetical. */
static void
declare_all(const struct option *own)
{
	for (int i = 0; i < value_count; i++)
		free(values[i].text);
	memset(values, 0, sizeof(values));
	value_count = 0;
	declare(common_options);
	declare(own);
	qsort(values, (size_t)value_count, sizeof(values[0]), compare_values);
}

/* ---- the three forms of a name ---- */

static void
env_name(const char *name, const char *suffix, char out[128])
{
	snprintf(out, 128, "NXT_%s%s", name, suffix);
}

static void
flag_name(const char *name, char out[128])
{
	char *p = out;

	p += snprintf(out, 128, "--");
	for (; *name != '\0' && p < out + 127; name++)
		*p++ = *name == '_' ? '-' : (char)tolower((unsigned char)*name);
	*p = '\0';
}

/* ---- flags ---- */

/* The option that argument names, and its value where it stands behind '='. */
static struct value *
find_flag(const char *argument, const char **ret_value)
{
	char flag[128];

	for (int i = 0; i < value_count; i++) {
		size_t n;
		flag_name(values[i].option->name, flag);
		n = strlen(flag);
		if (strncmp(argument, flag, n) != 0 || (argument[n] != '\0' && argument[n] != '='))
			continue;
		*ret_value = argument[n] == '=' ? argument + n + 1 : NULL;
		return &values[i];
	}
	return NULL;
}

static int
take_flags(int *argc, char **argv, struct error *e)
{
	int kept = 1;
	bool words = false;

	for (int i = 1; i < *argc; i++) {
		const char *given;
		struct value *v = strncmp(argv[i], "--", 2) == 0 ? find_flag(argv[i], &given) : NULL;
		if (v == NULL && argv[i][0] == '-' && !words)
			return error_set(e, ERR_BAD_REQUEST, "unknown option %.60s; --options lists them",
			    argv[i]);
		if (v == NULL) {
			words = true;
			argv[kept++] = argv[i];
			continue;
		}
		if (given == NULL && v->option->type == OPT_BOOL)
			given = "true";
		else if (given == NULL && ++i == *argc)
			return error_set(e, ERR_BAD_REQUEST, "%s needs a value", argv[i - 1]);
		free(v->text);
		v->text = xstrdup(given != NULL ? given : argv[i]);
	}
	*argc = kept;
	argv[kept] = NULL;
	return 0;
}

/* ---- environment and files ---- */

/* The whole file without its last newline, to be freed; NULL with errno. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (f == NULL)
		return NULL;
	text = xmalloc(FILE_MAX + 1);
	n = fread(text, 1, FILE_MAX, f);
	if (ferror(f)) {
		free(text);
		fclose(f);
		return NULL;
	}
	fclose(f);
	text[n] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	if (n > 0 && text[n - 1] == '\r')
		text[n - 1] = '\0';
	return xrealloc(text, strlen(text) + 1);
}

/* NXT_IDENTITY_DATABASE_URL: so that one environment can serve all six; the plain names go before it. */
static const char *
service_environment(const char *name)
{
	char variable[128], *p;

	if (service_self == NULL)
		return NULL;
	snprintf(variable, sizeof(variable), "NXT_%s_%s", service_self->name, name);
	for (p = variable; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return getenv(variable);
}

static int
take_environment(struct value *v, struct error *e)
{
	char plain[128], file[128];
	const char *text, *path;

	env_name(v->option->name, "", plain);
	env_name(v->option->name, "_FILE", file);
	text = getenv(plain);
	path = getenv(file);
	if (text == NULL && path == NULL)
		text = service_environment(v->option->name);
	if (text != NULL && path != NULL)
		return error_set(e, ERR_BAD_REQUEST, "both %s and %s are set", plain, file);
	if (text != NULL)
		v->text = xstrdup(text);
	else if (path != NULL && (v->text = read_file(path)) == NULL)
		return error_set(e, ERR_BAD_REQUEST, "%s: cannot read %s: %s", file, path,
		    strerror(errno));
	return 0;
}

/* The ports of a service are part of its declaration. */
static char *
default_listen(const char *name)
{
	char text[32];
	int port = service_self == NULL ? 0 : service_self->port;

	if (port != 0 && strcmp(name, "OPS_LISTEN") == 0)
		port += 1000;
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	return xstrdup(text);
}

/* ---- checking ---- */

static int
complain(const struct option *o, struct error *e, const char *what)
{
	return error_set(e, ERR_BAD_REQUEST, "%s %s", o->name, what);
}

static bool
parse_int(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return false;
	*ret = v;
	return true;
}

static bool
parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i % 2 == 1;
			return true;
		}
	return false;
}

static bool
parse_listen(const char *text, char host[256], int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	int64_t port;

	if (n == 0 || n > 255 || !isdigit((unsigned char)colon[1]) ||
	    !parse_int(colon + 1, &port) || port > 65535)
		return false;
	if (text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n) != NULL) {
		return false;	/* an IPv6 address needs its brackets */
	}
	memcpy(host, text, n);
	host[n] = '\0';
	*ret_port = (int)port;
	return true;
}

static int
check_int(const struct option *o, const char *text, struct error *e)
{
	int64_t v;

	if (!parse_int(text, &v))
		return complain(o, e, "must be a whole number");
	if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max))
		return error_set(e, ERR_BAD_REQUEST, "%s must be from %lld to %lld", o->name,
		    (long long)o->min, (long long)o->max);
	return 0;
}

static int
check(const struct value *v, struct error *e)
{
	char host[256];
	int port;
	bool b;

	switch (v->option->type) {
	case OPT_INT:
	case OPT_MS:
		return check_int(v->option, v->text, e);
	case OPT_BOOL:
		return parse_bool(v->text, &b) ? 0 : complain(v->option, e, "must be true or false");
	case OPT_LISTEN:
		return parse_listen(v->text, host, &port) ? 0
		    : complain(v->option, e, "must be host:port");
	case OPT_TEXT:
	case OPT_SECRET:
		return 0;
	}
	return 0;
}

static int
settle(struct value *v, struct error *e)
{
	char env[128];

	if (v->text == NULL && take_environment(v, e) < 0)
		return -1;
	if (v->text == NULL && v->option->initial == NULL) {
		env_name(v->option->name, "", env);
		return error_set(e, ERR_BAD_REQUEST, "%s must be given (%s or %s_FILE)",
		    v->option->name, env, env);
	}
	if ((v->text == NULL || v->text[0] == '\0') && v->option->type == OPT_LISTEN &&
	    v->option->initial[0] == '\0') {
		free(v->text);
		v->text = default_listen(v->option->name);
	}
	if (v->text == NULL)
		v->text = xstrdup(v->option->initial);
	return check(v, e);
}

int
config_load(const struct option *own, int *argc, char **argv, struct error *e)
{
	declare_all(own);
	if (take_flags(argc, argv, e) < 0)
		return -1;
	for (int i = 0; i < value_count; i++)
		if (settle(&values[i], e) < 0)
			return -1;
	return 0;
}

/* ---- reading ---- */

static const char *
value_text(const char *name)
{
	struct value *v = find(name);

	if (v == NULL || v->text == NULL) {
		fprintf(stderr, "option %s is not declared\n", name);
		abort();
	}
	return v->text;
}

const char *
config_text(const char *name)
{
	return value_text(name);
}

int64_t
config_int(const char *name)
{
	int64_t v = 0;

	if (!parse_int(value_text(name), &v))
		abort();
	return v;
}

bool
config_bool(const char *name)
{
	bool b = false;

	if (!parse_bool(value_text(name), &b))
		abort();
	return b;
}

void
config_listen(const char *name, char host[256], int *ret_port)
{
	if (!parse_listen(value_text(name), host, ret_port))
		abort();
}

/* A secret's name becomes a file name and a variable's name, so it holds nothing else. */
static bool
secret_name_is_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n <= 64 && name[n] == '\0';
}

char *
config_secret(struct arena *a, const char *name, struct error *e)
{
	char variable[96] = "NXT_SECRET_", *p = variable + strlen(variable), *text;
	const char *dir = config_text("SECRETS_DIR"), *s;

	if (!secret_name_is_valid(name)) {
		error_set(e, ERR_INTERNAL, "a secret's name has letters, digits, - and _ only");
		return NULL;
	}
	for (s = name; *s != '\0'; s++)
		*p++ = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
	if ((s = getenv(variable)) != NULL)
		return arena_strdup(a, s);
	if (dir[0] != '\0' && (text = read_file(arena_printf(a, "%s/%s", dir, name))) != NULL) {
		arena_own(a, text, free);
		return text;
	}
	error_set(e, ERR_INTERNAL, "secret %s is neither in the environment (%s) nor in SECRETS_DIR",
	    name, variable);
	return NULL;
}

/* ---- printing ---- */

/* "1 to 16", or "" where any value of its type will do. */
static const char *
limits_text(const struct option *o, char out[64])
{
	out[0] = '\0';
	if ((o->type == OPT_INT || o->type == OPT_MS) && (o->min != 0 || o->max != 0))
		snprintf(out, 64, "%lld to %lld", (long long)o->min, (long long)o->max);
	return out;
}

void
config_print(const struct option *own)
{
	static const char *const types[] = { "text", "int", "bool", "listen", "secret", "ms" };
	char env[128], flag[128], limits[64];

	declare_all(own);
	printf("# name\tenvironment\tflag\ttype\tdefault\tlimits\tmeaning\n");
	for (int i = 0; i < value_count; i++) {
		const struct option *o = values[i].option;
		char *listen = o->type == OPT_LISTEN && o->initial != NULL && o->initial[0] == '\0'
		    ? default_listen(o->name) : NULL;
		env_name(o->name, "", env);
		flag_name(o->name, flag);
		printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o->name, env, flag, types[o->type],
		    listen != NULL ? listen : o->initial != NULL ? o->initial : "(required)",
		    limits_text(o, limits), o->doc);
		free(listen);
	}
}

char *
config_json(struct arena *a)
{
	struct buf b;

	buf_init(&b, a, 1024);
	buf_add_char(&b, '{');
	for (int i = 0; i < value_count; i++) {
		char *text = arena_strdup(a, values[i].text);
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_json(&b, values[i].option->name);
		buf_add_char(&b, ':');
		redact(text);
		if (values[i].option->type == OPT_SECRET)
			buf_add_json(&b, text[0] != '\0' ? "(set)" : "(unset)");
		else
			buf_add_json(&b, text);
	}
	buf_add_char(&b, '}');
	return b.text;
}
