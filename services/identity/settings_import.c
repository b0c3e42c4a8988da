/*
 * `settings import`: takes up which settings the daemons read (`nxt-<service> --settings`), each
 * with its JSON Schema and initial value, so that identity can judge what operators write.
 *
 * A key that no daemon declares any more stays known: its value may be needed to go back.
 */
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "identity.h"
#include "json.h"
#include "json_schema.h"
#include "request.h"

#define LINE_BYTES 8000

enum { AT_KEY, AT_GROUP, AT_INITIAL, AT_SCHEMA, AT_NOTE, FIELDS };

static struct {
	char *fields[200][FIELDS];
	size_t n;
	bool is_read;
} declared;	/* standard input is read once, however often the unit runs */

static int
split_line(struct request *rq, char *line)
{
	char **fields = declared.fields[declared.n];

	if (declared.n == COUNT_OF(declared.fields))
		return fail(rq, ERR_BAD_REQUEST, "more than %zu settings", COUNT_OF(declared.fields));
	for (int i = 0; i < FIELDS; i++) {
		char *field = strsep(&line, "\t");
		if (field == NULL)
			return fail(rq, ERR_BAD_REQUEST,
			    "give lines of key, group, initial, schema and note with tabs between, as --settings prints them");
		fields[i] = xstrdup(field);
	}
	declared.n++;
	return 0;
}

static int
read_declared(struct request *rq)
{
	char line[LINE_BYTES];

	while (!declared.is_read && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#' && split_line(rq, line) < 0)
			return -1;
	}
	declared.is_read = true;
	return declared.n > 0 ? 0 : fail(rq, ERR_BAD_REQUEST, "give the lines of --settings on standard input");
}

/* A schema that says more than we check, or an initial value that does not fit it, is a fault of the daemon. */
static int
check_declared(struct request *rq, char *const *fields)
{
	struct error e;
	json_t *schema = json_parse_strict(rq->arena, fields[AT_SCHEMA], strlen(fields[AT_SCHEMA]), true, &e);
	json_t *initial = json_parse_strict(rq->arena, fields[AT_INITIAL], strlen(fields[AT_INITIAL]), true, &e);

	if (schema == NULL || initial == NULL || json_schema_unknown(schema) != NULL ||
	    json_schema_check(rq->arena, schema, initial, NULL, NULL) < 0)
		return fail(rq, ERR_BAD_REQUEST, "the declaration of \"%.60s\" is wrong", fields[AT_KEY]);
	return 0;
}

int
settings_import(struct request *rq, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (read_declared(rq) < 0)
		return -1;
	for (size_t i = 0; i < declared.n; i++) {
		char *const *fields = declared.fields[i];
		if (check_declared(rq, fields) < 0 ||
		    db_exec(rq, "INSERT INTO runtime_config_keys (config_key, config_group, initial_json,"
		    " schema_json, description) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (config_key) DO UPDATE"
		    " SET config_group = $2, initial_json = $3, schema_json = $4, description = $5,"
		    " updated_at = now()", DB(fields[AT_KEY], fields[AT_GROUP], fields[AT_INITIAL],
		    fields[AT_SCHEMA], fields[AT_NOTE])) < 0)
			return -1;
	}
	return reply_text(rq, 200, arena_printf(rq->arena, "%zu settings declared", declared.n));
}
