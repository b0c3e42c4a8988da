/* What a daemon declares, as tab-separated lines; see print.h. The first line is a `#` header. */
#include "print.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "dispatch.h"
#include "error.h"
#include "metrics.h"
#include "openapi.h"
#include "problem.h"
#include "refs.h"

#define PERMISSIONS_MAX 400
#define PARTITIONS_LOCAL 3

static void
append(char *out, unsigned n, const char *text)
{
	size_t used = strlen(out);

	snprintf(out + used, n - used, "%s%s", used > 0 ? " or " : "", text);
}

void
access_text(const struct access *a, char *out, unsigned n)
{
	out[0] = '\0';
	if (a->who & WHO_ANYONE)
		append(out, n, "anyone");
	if (a->who & WHO_SIGNED_IN)
		append(out, n, "signed in");
	if (a->who & WHO_OWNER)
		append(out, n, "owner");
	if (a->who & WHO_STAFF)
		append(out, n, a->permission);
	if (a->who & WHO_SYS)
		append(out, n, "system");
	if (a->who & WHO_CLK)
		append(out, n, "clock");
	snprintf(out + strlen(out), n - strlen(out), "%s%s%s%s",
	    a->conditions & NEEDS_APPROVER ? ", with can_approve_requests" : "",
	    a->conditions & NEEDS_SETTINGS ? ", with can_manage_system_settings" : "",
	    a->conditions & NEEDS_COMPANY ? ", with a company account" : "",
	    a->conditions & NOT_OWNER ? ", not the owner" : "");
}

static void
print_route(const struct route *r, void *arg)
{
	char access[300];

	(void)arg;
	if (r->flags & ROUTE_OPS)
		return;		/* the gateway has its own of this path */
	access_text(&r->access, access, sizeof(access));
	printf("%s\t%s\t%s\t%s\n", r->method, r->path, access, r->summary != NULL ? r->summary : "");
}

static void
print_routes(const struct service *svc)
{
	(void)svc;
	puts("# method\tpath\twho\tsummary");
	dispatch_each_route(print_route, NULL);
}

/* ---- permissions ---- */

struct permission_list {
	const char *keys[PERMISSIONS_MAX];
	unsigned n;
};

static void
collect(struct permission_list *list, const char *key)
{
	if (key == NULL)
		return;
	for (unsigned i = 0; i < list->n; i++)
		if (strcmp(list->keys[i], key) == 0)
			return;
	if (list->n == PERMISSIONS_MAX)
		abort();
	list->keys[list->n++] = key;
}

static void
collect_route(const struct route *r, void *arg)
{
	collect(arg, r->access.permission);
	if (r->res == NULL)
		return;
	for (const struct transition *t = r->res->transitions; t != NULL && t->to != NULL; t++)
		collect(arg, t->who.permission);
}

/* "approval-requests.approve" is called "Approve approval requests". */
static void
print_permission(const char *key)
{
	const char *dot = strrchr(key, '.');
	const char *verb = dot != NULL ? dot + 1 : key;

	printf("%s\t%c%s ", key, toupper((unsigned char)verb[0]), verb + 1);
	for (const char *p = key; p < dot; p++)
		putchar(*p == '-' || *p == '.' ? ' ' : *p);
	putchar('\n');
}

static void
print_permissions(const struct service *svc)
{
	struct permission_list list = { .n = 0 };

	(void)svc;
	dispatch_each_route(collect_route, &list);
	qsort(list.keys, list.n, sizeof(*list.keys), text_compare);
	puts("# key\tname");
	for (unsigned i = 0; i < list.n; i++)
		print_permission(list.keys[i]);
}

/* ---- transitions ---- */

static void
print_transition(const struct resource *res, const struct transition *t)
{
	char who[300];

	access_text(&t->who, who, sizeof(who));
	printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", res->table, transition_column(t),
	    t->from != NULL ? t->from : "", t->to, t->verb != NULL ? t->verb : "", who,
	    t->event != NULL ? t->event->name : "");
}

static void
print_transitions(const struct service *svc)
{
	puts("# table\tcolumn\tfrom\tto\tverb\twho\tevent");
	for (const struct resource *const *r = svc->resources; r != NULL && *r != NULL; r++)
		for (const struct transition *t = (*r)->transitions; t != NULL && t->to != NULL; t++)
			print_transition(*r, t);
}

/* ---- resources: what generated tests need to know of each column ---- */

static const char *
type_name(enum column_type type)
{
	static const char *const names[] = { "uuid", "text", "enum", "int", "money", "bool", "time",
		"date", "json", "text_array", "decimal", "email", "phone", "url" };

	return names[type];
}

static void
print_resources(const struct service *svc)
{
	puts("# table\tpath\tcolumn\ttype\tflags\tref\tvalues");
	for (const struct resource *const *r = svc->resources; r != NULL && *r != NULL; r++)
		for (const struct column *c = (*r)->columns; c->name != NULL; c++) {
			printf("%s\t%s\t%s\t%s\t%#x\t%s\t", (*r)->table, resource_path(*r), c->name,
			    type_name(c->type), c->flags, c->ref != NULL ? c->ref : "");
			for (const char *const *v = c->values; v != NULL && *v != NULL; v++)
				printf("%s%s", v == c->values ? "" : ",", *v);
			putchar('\n');
		}
}

/* ---- events ---- */

static void
print_events(const struct service *svc)
{
	puts("# direction\ttype\tnote");
	for (size_t i = 0, n; i < (event_type_all(&n), n); i++) {
		const struct event_type *t = event_type_all(&n)[i];
		if (strcmp(t->service, svc->name) == 0 || strcmp(t->service, "all") == 0)
			printf("out\t%s\t%s\n", t->name, t->doc);
	}
	if (svc->consume_batch != NULL)
		puts("in\t*\tevery event");
	for (const struct subscription *s = svc->subscriptions; s != NULL && s->type != NULL; s++)
		printf("in\t%s\t%s\n", s->type->name, s->ref != NULL ? s->ref->table : "reaction");
	for (const struct subscription *s = access_subscriptions; s->type != NULL; s++)
		printf("in\t%s\tevery service: access and configuration\n", s->type->name);
}

static void
print_topics(const struct service *svc)
{
	puts("# name\tpartitions\tretention_ms\tcleanup");
	for (size_t i = 0, n; i < (event_type_all(&n), n); i++) {
		const struct event_type *t = event_type_all(&n)[i];
		/* a topic that any service publishes is declared by identity, so that each is printed once */
		if (strcmp(t->service, svc->name) == 0 ||
		    (strcmp(t->service, "all") == 0 && strcmp(svc->name, "identity") == 0))
			printf("%s\t%d\t%lld\tdelete\n", t->name, PARTITIONS_LOCAL,
			    (long long)t->retention_hours * 3600 * 1000);
	}
}

static void
print_settings(const struct service *svc)
{
	puts("# key\tgroup\tinitial\tschema\tnote");
	for (const struct config_key *k = svc->config_keys; k != NULL && k->key != NULL; k++)
		printf("%s\t%s\t%s\t%s\t%s\n", k->key, k->group, k->initial, k->schema, k->doc);
}

static void
print_options(const struct service *svc)
{
	config_print(svc->options);
}

static void
print_metrics(const struct service *svc)
{
	(void)svc;
	metrics_print();
}

static void
print_errors(const struct service *svc)
{
	(void)svc;
	errors_print();
}

static void
print_version(const struct service *svc)
{
	printf("nxt-%s %s\n", svc->name, NXT_VERSION);
}

static void print_help(const struct service *svc);

static const struct table {
	const char *word;
	void (*print)(const struct service *svc);
	const char *doc;
} tables[] = {
	{ "--errors", print_errors, "every error code and what to do about it" },
	{ "--events", print_events, "events published and consumed" },
	{ "--help", print_help, "this text" },
	{ "--metrics", print_metrics, "metrics of the operations port" },
	{ "--openapi", openapi_print, "the OpenAPI 3.1 document" },
	{ "--options", print_options, "options, their defaults and what they do" },
	{ "--permissions", print_permissions, "permission keys that guard this service" },
	{ "--resources", print_resources, "tables and columns as declared" },
	{ "--routes", print_routes, "method, path, who may, summary" },
	{ "--settings", print_settings, "runtime configuration keys read here" },
	{ "--topics", print_topics, "topics this service publishes to" },
	{ "--transitions", print_transitions, "every legal change of a status" },
	{ "--version", print_version, "name and version" },
};

static void
print_help(const struct service *svc)
{
	printf("usage: nxt-%s [--option value …] [command]\n\nWithout a command it runs. Options are"
	    " also read from NXT_<OPTION> and NXT_<OPTION>_FILE.\n\n", svc->name);
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		printf("  %-24s print %s\n", tables[i].word, tables[i].doc);
	for (const struct command *c = svc->commands; c != NULL && c->words != NULL; c++)
		printf("  %-24s %s\n", c->usage, c->doc);
	if (svc->republish == NULL)
		return;
	printf("  %-24s publish every row of a table again:", "republish <table>");
	for (const char *const *t = svc->republish; *t != NULL; t++)
		printf("%s %s", t == svc->republish ? "" : ",", *t);
	putchar('\n');
}

bool
print_table(const struct service *svc, const char *word)
{
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		if (strcmp(word, tables[i].word) == 0) {
			tables[i].print(svc);
			return true;
		}
	return false;
}
