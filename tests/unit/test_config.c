/* Where an option's value comes from, what is refused, and what is shown of secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail	/* ours refuses a request */

#include "arena.h"
#include "config.h"
#include "error.h"
#include "json.h"
#include "service.h"

static const struct option own[] = {
	{ "BATCH", OPT_INT, "50", 1, 500, "rows" },
	{ "EAGER", OPT_BOOL, "false", 0, 0, "early" },
	{ "WAIT", OPT_MS, "250", 0, 0, "pause" },
	{ "API_PASSWORD", OPT_SECRET, "", 0, 0, "a secret" },
	{ "DATABASE_URL", OPT_SECRET, "postgresql://x:hidden1@h/d", 0, 0, "not required here" },
	{ 0 }
};

#define ARGS_MAX 12

static int
load(const struct option *options, struct error *e, int *ret_left, const char **ret_first, ...)
{
	static char *argv[ARGS_MAX];
	int argc = 1, result;
	va_list ap;
	char *s;

	argv[0] = (char *)"nxt-test";
	va_start(ap, ret_first);
	while ((s = va_arg(ap, char *)) != NULL)
		argv[argc++] = s;
	va_end(ap);
	argv[argc] = NULL;
	result = config_load(options, &argc, argv, e);
	if (ret_left != NULL)
		*ret_left = argc - 1;
	if (ret_first != NULL)
		*ret_first = argv[1];
	return result;
}

static int
clean(void **state)
{
	(void)state;
	unsetenv("NXT_BATCH");
	unsetenv("NXT_BATCH_FILE");
	unsetenv("NXT_EAGER");
	unsetenv("NXT_API_PASSWORD");
	unsetenv("NXT_DATABASE_URL");
	return 0;
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void
order_of_sources(void **state)
{
	char path[] = "/tmp/nxt-test-config-XXXXXX";
	struct error e;

	(void)state;
	close(mkstemp(path));
	write_text(path, "77\n");
	assert_int_equal(load(own, &e, NULL, NULL, NULL), 0);
	assert_int_equal(config_int("BATCH"), 50);
	setenv("NXT_BATCH_FILE", path, 1);
	assert_int_equal(load(own, &e, NULL, NULL, NULL), 0);
	assert_int_equal(config_int("BATCH"), 77);
	assert_int_equal(load(own, &e, NULL, NULL, "--batch=9", NULL), 0);
	assert_int_equal(config_int("BATCH"), 9);
	setenv("NXT_BATCH", "60", 1);
	assert_int_equal(load(own, &e, NULL, NULL, NULL), -1);
	assert_non_null(strstr(e.text, "both"));
	unsetenv("NXT_BATCH_FILE");
	assert_int_equal(load(own, &e, NULL, NULL, NULL), 0);
	assert_int_equal(config_int("BATCH"), 60);
	unlink(path);
	setenv("NXT_BATCH_FILE", path, 1);
	unsetenv("NXT_BATCH");
	assert_int_equal(load(own, &e, NULL, NULL, NULL), -1);
	assert_non_null(strstr(e.text, "cannot read"));
}

static void
words_and_flags(void **state)
{
	struct error e;
	const char *first;
	int left;

	(void)state;
	assert_int_equal(load(own, &e, &left, &first, "--batch", "8", "admin", "create", "--email",
	    "a@example.org", "--eager", NULL), 0);
	assert_int_equal(left, 4);
	assert_string_equal(first, "admin");
	assert_int_equal(config_int("BATCH"), 8);
	assert_true(config_bool("EAGER"));
	assert_int_equal(load(own, &e, NULL, NULL, "--nonsense", "1", NULL), -1);
	assert_non_null(strstr(e.text, "--nonsense"));
	assert_int_equal(load(own, &e, NULL, NULL, "--batch", NULL), -1);
	assert_non_null(strstr(e.text, "needs a value"));
	assert_int_equal(load(own, &e, NULL, NULL, "--batches=3", NULL), -1);
}

static void
wrong_values(void **state)
{
	static const char *const bad[] = {
		"--batch=0", "--batch=501", "--batch=x", "--batch=", "--batch=1e2", "--batch=5 ",
		"--batch=99999999999999999999", "--eager=maybe", "--wait=5s", "--listen=8080",
		"--listen=:8080", "--listen=host:", "--listen=host:99999", "--listen=host:-1", "--listen=::1:80",
	};
	struct error e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (load(own, &e, NULL, NULL, bad[i], NULL) != -1)
			assert_string_equal(bad[i], "refused");
	assert_int_equal(load(own, &e, NULL, NULL, "--api-password=hidden2", "--batch=x", NULL), -1);
	assert_null(strstr(e.text, "hidden2"));
}

static void
required(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(load(NULL, &e, NULL, NULL, NULL), -1);
	assert_non_null(strstr(e.text, "NXT_DATABASE_URL"));
	setenv("NXT_DATABASE_URL", "postgresql:///x", 1);
	assert_int_equal(load(NULL, &e, NULL, NULL, NULL), 0);
}

/* NXT_DATABASE_URL is one service's, so what all six are given has their names in it. */
static void
one_environment_for_all(void **state)
{
	static const struct service probe = { .name = "probe" };
	struct error e;

	(void)state;
	service_self = &probe;
	setenv("NXT_PROBE_DATABASE_URL", "postgresql:///probe", 1);
	setenv("NXT_OTHER_DATABASE_URL", "postgresql:///other", 1);
	assert_int_equal(load(NULL, &e, NULL, NULL, NULL), 0);
	assert_string_equal(config_text("DATABASE_URL"), "postgresql:///probe");
	setenv("NXT_DATABASE_URL", "postgresql:///own", 1);
	assert_int_equal(load(NULL, &e, NULL, NULL, NULL), 0);
	assert_string_equal(config_text("DATABASE_URL"), "postgresql:///own");
	unsetenv("NXT_PROBE_DATABASE_URL");
	unsetenv("NXT_OTHER_DATABASE_URL");
	service_self = NULL;
}

static void
addresses(void **state)
{
	struct error e;
	char host[256];
	int port;

	(void)state;
	assert_int_equal(load(own, &e, NULL, NULL, "--listen=[::1]:8101", "--ops-listen=db.internal:0", NULL), 0);
	config_listen("LISTEN", host, &port);
	assert_string_equal(host, "::1");
	assert_int_equal(port, 8101);
	config_listen("OPS_LISTEN", host, &port);
	assert_string_equal(host, "db.internal");
	assert_int_equal(port, 0);
}

static void
shown_without_secrets(void **state)
{
	struct arena *a = arena_new();
	struct error e;
	char *text;
	json_t *object;

	(void)state;
	assert_int_equal(load(own, &e, NULL, NULL, "--jwks-url=http://u:hidden3@h/", NULL), 0);
	text = config_json(a);
	object = json_parse_strict(a, text, strlen(text), false, &e);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "DATABASE_URL")), "(set)");
	assert_string_equal(json_string_value(json_object_get(object, "API_PASSWORD")), "(unset)");
	assert_string_equal(json_string_value(json_object_get(object, "BATCH")), "50");
	assert_null(strstr(text, "hidden"));
	arena_free(a);
}

static void
named_secrets(void **state)
{
	char dir[] = "/tmp/nxt-test-secrets-XXXXXX";
	struct arena *a = arena_new();
	struct error e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_text(arena_printf(a, "%s/smtp-main", dir), "from a file\n");
	assert_int_equal(load(own, &e, NULL, NULL, "--secrets-dir", dir, NULL), 0);
	assert_string_equal(config_secret(a, "smtp-main", &e), "from a file");
	setenv("NXT_SECRET_SMTP_MAIN", "from the environment", 1);
	assert_string_equal(config_secret(a, "smtp-main", &e), "from the environment");
	assert_null(config_secret(a, "other", &e));
	assert_null(config_secret(a, "../smtp-main", &e));
	assert_null(config_secret(a, "", &e));
	unsetenv("NXT_SECRET_SMTP_MAIN");
	unlink(arena_printf(a, "%s/smtp-main", dir));
	rmdir(dir);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(order_of_sources, clean),
		cmocka_unit_test_setup(words_and_flags, clean),
		cmocka_unit_test_setup(wrong_values, clean),
		cmocka_unit_test_setup(required, clean),
		cmocka_unit_test_setup(one_environment_for_all, clean),
		cmocka_unit_test_setup(addresses, clean),
		cmocka_unit_test_setup(shown_without_secrets, clean),
		cmocka_unit_test_setup(named_secrets, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
