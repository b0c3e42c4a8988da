/* nxtctl: the table of its commands and the reading of its command line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "event.h"
#include "nxtctl.h"

enum needs { NEEDS_BROKERS = 1, NEEDS_DATABASE = 2, NEEDS_WORDS = 4 };

static const struct subcommand {
	const char *words;
	int (*run)(const struct arguments *args);
	unsigned needs;
	const char *usage;
	const char *doc;
} subcommands[] = {
	{ "topics create", topics_create, NEEDS_BROKERS, "--brokers B [--prefix P] [--replication N]",
	  "makes the topics named on standard input, as `nxt-<service> --topics` prints them;\n"
	  "\ttopics that exist stay as they are" },
	{ "topics list", topics_list, NEEDS_BROKERS, "--brokers B [--prefix P]",
	  "topics of the cluster with their partitions" },
	{ "events", events_tail, NEEDS_BROKERS,
	  "--brokers B [--prefix P] [--from-beginning] [--exit] [--count N] [TOPIC ...]",
	  "decoded events as JSON lines, of all topics or of those named; ends after N, or with\n"
	  "\t--exit at the end of the topics, oldest first" },
	{ "broker", broker_run, 0, "",
	  "a development broker in memory, until a signal; prints bootstrap.servers=HOST:PORT" },
	{ "dlq list", dlq_list, NEEDS_DATABASE, "--database URL",
	  "dead letters of a service: id, time, topic, partition, offset, attempts, error" },
	{ "dlq show", dlq_show, NEEDS_DATABASE | NEEDS_WORDS, "--database URL ID ...",
	  "a dead letter with its headers and its decoded event" },
	{ "dlq replay", dlq_replay, NEEDS_DATABASE, "--database URL ID ... | --all",
	  "asks the service to apply the letters once more, within seconds; those that it refuses\n"
	  "\tagain stay, with attempts 1 and the new error" },
	{ "dlq drop", dlq_drop, NEEDS_DATABASE, "--database URL ID ... | --all --yes",
	  "deletes dead letters for good" },
};

static const struct flag {
	const char *name, *value, *doc;
} flags[] = {
	{ "--brokers", "B", "host:port of Kafka, comma between several; NXT_KAFKA_BROKERS" },
	{ "--database", "URL", "database of the service, postgresql://…" },
	{ "--prefix", "P", "before every topic's name; NXT_TOPIC_PREFIX" },
	{ "--replication", "N", "replicas of each partition; 1" },
	{ "--from-beginning", NULL, "begin with the oldest event, not with the next" },
	{ "--exit", NULL, "end where the topics end" },
	{ "--count", "N", "end after N events" },
	{ "--all", NULL, "every dead letter" },
	{ "--yes", NULL, "with dlq drop --all: do it" },
};

int
complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("nxtctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return 1;
}

static void
help(void)
{
	puts("nxtctl " NXT_VERSION " - looks after topics, events and dead letters\n\nCommands:");
	for (size_t i = 0; i < COUNT_OF(subcommands); i++)
		printf("  nxtctl %s %s\n\t%s\n", subcommands[i].words, subcommands[i].usage,
		    subcommands[i].doc);
	puts("\nOptions:");
	for (size_t i = 0; i < COUNT_OF(flags); i++)
		printf("  %s%s%s\n\t%s\n", flags[i].name, flags[i].value != NULL ? " " : "",
		    flags[i].value != NULL ? flags[i].value : "", flags[i].doc);
	puts("\nExit status: 0 done, 1 failed, 2 used wrongly.");
}

static int
used_wrongly(const struct subcommand *c, const char *why, const char *what)
{
	complain("%s%s", why, what);
	if (c != NULL)
		fprintf(stderr, "usage: nxtctl %s %s\n", c->words, c->usage);
	else
		for (size_t i = 0; i < COUNT_OF(subcommands); i++)
			fprintf(stderr, "%s nxtctl %s %s\n", i == 0 ? "usage:" : "      ",
			    subcommands[i].words, subcommands[i].usage);
	return 2;
}

/* ---- the command line ---- */

static const struct subcommand *
find_subcommand(int argc, char **argv, int *ret_used)
{
	char two[128] = "";

	if (argc > 2)
		snprintf(two, sizeof(two), "%s %s", argv[1], argv[2]);
	for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
		const struct subcommand *c = &subcommands[i];
		if (strcmp(c->words, two) == 0) {
			*ret_used = 3;
			return c;
		}
		if (argc > 1 && strcmp(c->words, argv[1]) == 0) {
			*ret_used = 2;
			return c;
		}
	}
	return NULL;
}

static int
take_number(const char *text, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	return errno != 0 || *end != '\0' || end == text || *ret < 1 ? -1 : 0;
}

/* How many words it took, or -1 where the option or its value is wrong. */
static int
take_flag(struct arguments *args, const char *name, const char *value)
{
	long n = 0;

	if (strcmp(name, "--from-beginning") == 0)
		return args->from_beginning = true, 1;
	if (strcmp(name, "--exit") == 0)
		return args->exit_at_end = true, 1;
	if (strcmp(name, "--all") == 0)
		return args->all = true, 1;
	if (strcmp(name, "--yes") == 0)
		return args->yes = true, 1;
	if (value == NULL)
		return -1;
	if (strcmp(name, "--brokers") == 0)
		args->brokers = value;
	else if (strcmp(name, "--database") == 0)
		args->database = value;
	else if (strcmp(name, "--prefix") == 0)
		args->prefix = value;
	else if (strcmp(name, "--count") == 0 && take_number(value, &n) == 0)
		args->count = n;
	else if (strcmp(name, "--replication") == 0 && take_number(value, &n) == 0)
		args->replication = (int)n;
	else
		return -1;
	return 2;
}

static int
take_arguments(struct arguments *args, const struct subcommand *c, char **argv)
{
	while (*argv != NULL) {
		int took = 1;

		if (strncmp(*argv, "--", 2) == 0) {
			took = take_flag(args, *argv, argv[1]);
			if (took < 0)
				return used_wrongly(c, "unknown option, or its value is wrong: ", *argv);
		} else {
			args->words[args->nwords++] = *argv;
		}
		argv += took;
	}
	if ((c->needs & NEEDS_BROKERS) && args->brokers == NULL)
		return used_wrongly(c, "say where Kafka is: ", "--brokers or NXT_KAFKA_BROKERS");
	if ((c->needs & NEEDS_DATABASE) && args->database == NULL)
		return used_wrongly(c, "say which service's database: ", "--database");
	if ((c->needs & NEEDS_WORDS) && args->nwords == 0)
		return used_wrongly(c, "name at least one ", "id");
	return 0;
}

int
main(int argc, char **argv)
{
	struct arguments args = { .brokers = getenv("NXT_KAFKA_BROKERS"),
		.prefix = getenv("NXT_TOPIC_PREFIX"), .replication = 1 };
	const struct subcommand *c;
	int used = 0, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("nxtctl " NXT_VERSION) < 0;
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[argc - 1], "--help") == 0) {
		help();
		return argc < 2 ? 2 : 0;
	}
	c = find_subcommand(argc, argv, &used);
	if (c == NULL)
		return used_wrongly(NULL, "no such command: ", argv[1]);
	args.words = xcalloc((size_t)argc, sizeof(*args.words));
	if (args.prefix == NULL)
		args.prefix = "";
	status = take_arguments(&args, c, argv + used);
	if (status == 0)
		status = c->run(&args);
	free(args.words);
	return status;
}

/* ---- shared ---- */

static void
print_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	if (level <= 4)
		fprintf(stderr, "nxtctl: %s: %s\n", facility, text);
}

rd_kafka_t *
client_new(rd_kafka_type_t type, const char *brokers, const char *const *settings)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char why[256] = "";
	bool ok = brokers == NULL || rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why,
	    sizeof(why)) == RD_KAFKA_CONF_OK;

	for (; ok && settings != NULL && settings[0] != NULL; settings += 2)
		ok = rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof(why)) ==
		    RD_KAFKA_CONF_OK;
	rd_kafka_conf_set_log_cb(conf, print_log);
	rk = ok ? rd_kafka_new(type, conf, why, sizeof(why)) : NULL;
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		complain("%s", why);
	}
	return rk;
}

const char *
without_prefix(const char *topic, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(topic, prefix, n) == 0 ? topic + n : NULL;
}

const char *
event_as_json(struct arena *a, const char *type, int partition, long long offset,
    const void *payload, size_t len)
{
	struct event_in ev;
	struct error e;
	struct buf b;

	if (event_decode(a, type, payload, len, &ev, &e) == 0) {
		ev.partition = partition;
		ev.offset = offset;
		return event_json(a, &ev);
	}
	buf_init(&b, a, 256);
	buf_add_str(&b, "{\"type\": ");
	buf_add_json(&b, type);
	buf_printf(&b, ", \"partition\": %d, \"offset\": %lld, \"undecodable\": ", partition, offset);
	buf_add_json(&b, e.text);
	buf_printf(&b, ", \"bytes\": %zu}", len);
	return b.text;
}
