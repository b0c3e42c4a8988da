/*
 * Dead letters of one service, straight from its database.
 *
 * replay only sets attempts to 0: the service itself applies the letter, in one transaction with
 * deleting it (libcommon/dead_letters.c).
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "nxtctl.h"
#include "uuid.h"

static PGconn *
connect_to(const char *url)
{
	PGconn *pg = PQconnectdb(url);

	if (PQstatus(pg) == CONNECTION_OK)
		return pg;
	complain("%s", PQerrorMessage(pg));
	PQfinish(pg);
	return NULL;
}

/* NULL: it complained. Results are text. */
static PGresult *
query(PGconn *pg, const char *sql, const char *parameter)
{
	PGresult *r = PQexecParams(pg, sql, parameter != NULL, NULL, &parameter, NULL, NULL, 0);

	if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	complain("%s", PQresultErrorMessage(r));
	PQclear(r);
	return NULL;
}

/* Before anything is touched; 0, or what the command exits with. */
static int
check_ids(const struct arguments *args)
{
	uint8_t raw[16];

	for (int i = 0; i < args->nwords; i++)
		if (!uuid_parse(args->words[i], raw))
			return complain("%s is no id of a dead letter; dlq list shows them", args->words[i]), 2;
	return 0;
}

int
dlq_list(const struct arguments *args)
{
	PGconn *pg = connect_to(args->database);
	PGresult *r = pg == NULL ? NULL : query(pg, "SELECT id, to_char(created_at AT TIME ZONE 'UTC', "
	    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), topic, partition, \"offset\", attempts, "
	    "translate(error, E'\\t\\n', '  ') FROM dead_letters ORDER BY created_at, id", NULL);

	if (r != NULL)
		puts("# id\tcreated_at\ttopic\tpartition\toffset\tattempts\terror");
	for (int i = 0; r != NULL && i < PQntuples(r); i++)
		for (int col = 0; col < PQnfields(r); col++)
			printf("%s%c", PQgetvalue(r, i, col), col + 1 < PQnfields(r) ? '\t' : '\n');
	PQclear(r);
	PQfinish(pg);
	return r == NULL;
}

static void
print_letter(const PGresult *r, const char *prefix)
{
	struct arena *a = arena_new();
	const char *topic = PQgetvalue(r, 0, 1), *type = without_prefix(topic, prefix);
	size_t len = 0;
	unsigned char *payload = PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, 7), &len);
	struct buf b;

	buf_init(&b, a, 1024);
	buf_add_str(&b, "{\"id\": ");
	buf_add_json(&b, PQgetvalue(r, 0, 0));
	buf_add_str(&b, ", \"topic\": ");
	buf_add_json(&b, topic);
	buf_printf(&b, ", \"partition\": %s, \"offset\": %s, \"attempts\": %s, \"error\": ",
	    PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 3), PQgetvalue(r, 0, 4));
	buf_add_json(&b, PQgetvalue(r, 0, 5));
	buf_printf(&b, ", \"headers\": %s, \"event\": %s}", PQgetvalue(r, 0, 6),
	    event_as_json(a, type != NULL ? type : topic, (int)strtol(PQgetvalue(r, 0, 2), NULL, 10),
	    strtoll(PQgetvalue(r, 0, 3), NULL, 10), payload, len));
	puts(b.text);
	PQfreemem(payload);
	arena_free(a);
}

int
dlq_show(const struct arguments *args)
{
	int status = check_ids(args);
	PGconn *pg = status != 0 ? NULL : connect_to(args->database);

	if (pg == NULL)
		return status != 0 ? status : 1;
	for (int i = 0; i < args->nwords; i++) {
		PGresult *r = query(pg, "SELECT id, topic, partition, \"offset\", attempts, error, "
		    "headers, coalesce(payload, '') FROM dead_letters WHERE id = $1", args->words[i]);
		if (r == NULL || PQntuples(r) == 0)
			status = r == NULL ? 1 : complain("no dead letter %s", args->words[i]);
		else
			print_letter(r, args->prefix);
		PQclear(r);
	}
	PQfinish(pg);
	return status;
}

/* Runs `one` for each id that was named, or `every` for all of them. */
static int
change(const struct arguments *args, const char *every, const char *one, const char *done)
{
	PGconn *pg;
	int status = 0, changed = 0;

	if (args->all == (args->nwords > 0))
		return complain("name the letters, or say --all"), 2;
	if ((status = check_ids(args)) != 0)
		return status;
	pg = connect_to(args->database);
	if (pg == NULL)
		return 1;
	for (int i = 0; i < (args->all ? 1 : args->nwords); i++) {
		PGresult *r = query(pg, args->all ? every : one, args->all ? NULL : args->words[i]);
		if (r == NULL)
			status = 1;
		else if (!args->all && strtol(PQcmdTuples(r), NULL, 10) == 0)
			status = complain("no dead letter %s", args->words[i]);
		else
			changed += (int)strtol(PQcmdTuples(r), NULL, 10);
		PQclear(r);
	}
	PQfinish(pg);
	printf("%d %s\n", changed, done);
	return status;
}

int
dlq_replay(const struct arguments *args)
{
	return change(args, "UPDATE dead_letters SET attempts = 0",
	    "UPDATE dead_letters SET attempts = 0 WHERE id = $1", "to be applied again");
}

int
dlq_drop(const struct arguments *args)
{
	if (args->all && !args->yes)
		return complain("this deletes every dead letter of the service for good; say --all --yes"), 2;
	return change(args, "DELETE FROM dead_letters", "DELETE FROM dead_letters WHERE id = $1",
	    "dropped");
}
