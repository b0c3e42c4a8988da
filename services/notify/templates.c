/*
 * Templates as rows. Each is checked when it is saved: it may name only what its event has, and
 * its HTML may put nothing in unescaped.
 */
#include "templates.h"

#include <stdio.h>
#include <string.h>

#include "db.h"
#include "error.h"
#include "mustache.h"
#include "notify.h"
#include "template_data.h"
#include "uuid.h"

static const char *const channels[] = { "EMAIL", "SMS", "PUSH", NULL };

static const struct column template_columns[] = {
	COLUMN_ID,
	{ "template_key", COL_TEXT, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER | COL_SORT, .max = 100,
	    .doc = "<event>.<channel> in small letters: job.published.email" },
	{ "channel", COL_ENUM, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER, .values = channels,
	    .doc = "In-app notifications use the PUSH text." },
	{ "title_template", COL_TEXT, 0, .max = 500, .doc = "One line; the subject of a mail." },
	{ "body_template", COL_TEXT, COL_REQUIRED, .max = 20000, .doc = "Plain text." },
	{ "html_template", COL_TEXT, 0, .max = 60000,
	    .doc = "EMAIL: the HTML part; null: made from the text." },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "true" },
	{ "topic", COL_TEXT, COL_READONLY | COL_FILTER, .doc = "What a preference switches off." },
	{ "is_critical", COL_BOOL, COL_READONLY | COL_FILTER, .initial = "false",
	    .doc = "Sent whatever the preferences say." },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

/* The rule whose event the key names; NULL where there is none, or the channel is another. */
static const struct rule *
rule_of_key(const char *key, const char *channel)
{
	const char *dot = strrchr(key, '.');
	char name[128];

	if (dot == NULL || strcasecmp(dot + 1, channel) != 0 || strpbrk(dot, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
	return event_type_find(name) == NULL ? NULL : rule_find(event_type_find(name));
}

static void
check_field(struct request *rq, const struct row *row, const char *field, const json_t *sample,
    unsigned flags)
{
	struct error e;

	if (row_is_set(row, field) &&
	    mustache_check(rq->arena, row_text(row, field), sample, MUSTACHE_STRICT | flags, &e) < 0)
		fail_field(rq, field, "bad_template", "%s", e.text);
}

static int
template_check(struct request *rq, struct row *row)
{
	const char *channel = row_text(row, "channel");
	const struct rule *rule = rule_of_key(row_text(row, "template_key"), channel);
	const json_t *sample;

	if (rule == NULL)
		return fail_field(rq, "template_key", "unknown_event",
		    "<event>.<channel> in small letters, of an event that people are told of");
	if (row_is_set(row, "html_template") && strcmp(channel, "EMAIL") != 0)
		fail_field(rq, "html_template", "not_allowed", "only a mail has an HTML part");
	sample = template_sample(rq->arena, rule);
	check_field(rq, row, "title_template", sample, 0);
	check_field(rq, row, "body_template", sample, 0);
	check_field(rq, row, "html_template", sample, MUSTACHE_NO_RAW);
	row_set(row, "topic", rule->topic);
	row_set(row, "is_critical", rule->is_critical ? "t" : "f");
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

/* What ships comes back at the next start, so it is switched off instead. */
static int
template_remove(struct request *rq, struct row *row)
{
	if (strcmp(row_text(row, "channel"), "SMS") != 0)
		return fail(rq, ERR_IN_USE, "this template ships with the service; set is_active to false");
	return 0;
}

const struct resource notification_templates_resource = {
	.table = "notification_templates",
	.noun = "notification_template",
	.module_key = "notifications",
	.label = "template_key",
	.columns = template_columns,
	.subject = SUBJECT_NOBODY,
	.read = STAFF("notification-templates.read"),
	.create = STAFF("notification-templates.create"),
	.update = STAFF("notification-templates.update"),
	.remove = STAFF("notification-templates.delete"),
	.on_create = template_check,
	.on_update = template_check,
	.on_remove = template_remove,
	.changed = &EV_NOTIFICATION_TEMPLATE_CHANGED,
	.doc = "Texts of notifications: one per event and channel, in a subset of mustache.",
};

/* ---- reading ---- */

static void
take(const struct db_result *r, int row, struct template *ret_t)
{
	*ret_t = (struct template){ .id = db_text(r, row, 0), .key = db_text(r, row, 1),
		.title = db_text(r, row, 3), .body = db_text(r, row, 4), .html = db_text(r, row, 5),
		.is_active = db_bool(r, row, 6), .topic = db_text(r, row, 7),
		.is_critical = db_bool(r, row, 8) };
}

static int
read_templates(struct request *rq, const struct rule *rule, struct templates *ret_t)
{
	const char *push = arena_printf(rq->arena, "%s.push", rule->type->name);
	const char *email = arena_printf(rq->arena, "%s.email", rule->type->name);
	const char *sms = arena_printf(rq->arena, "%s.sms", rule->type->name);
	struct db_result *r = db_query(rq, "SELECT id, template_key, channel, title_template,"
	    " body_template, html_template, is_active, topic, is_critical"
	    " FROM notification_templates WHERE template_key IN ($1, $2, $3)", DB(push, email, sms));

	if (r == NULL)
		return -1;
	memset(ret_t, 0, sizeof(*ret_t));
	for (int i = 0; i < db_rows(r); i++)
		take(r, i, db_text(r, i, 2)[0] == 'E' ? &ret_t->email :
		    db_text(r, i, 2)[0] == 'S' ? &ret_t->sms : &ret_t->push);
	return 0;
}

/* The first event may come before the clock has seeded. */
int
templates_load(struct request *rq, const struct rule *rule, struct templates *ret_t)
{
	if (read_templates(rq, rule, ret_t) < 0)
		return -1;
	if ((rule->push == NULL || ret_t->push.key != NULL) && (rule->text == NULL || ret_t->email.key != NULL))
		return 0;
	return templates_seed(rq) < 0 ? -1 : read_templates(rq, rule, ret_t);
}

/* ---- what ships ---- */

/* Version 1 means that nobody has edited it: then a new release's text takes its place. */
static int
seed_one(struct request *rq, const struct rule *rule, const char *channel, const char *title,
    const char *body)
{
	const char *ending = strcmp(channel, "EMAIL") == 0 ? "email" : "push";
	const char *key = arena_printf(rq->arena, "%s.%s", rule->type->name, ending);
	const char *critical = rule->is_critical ? "t" : "f";
	struct db_result *r = db_query(rq, "UPDATE notification_templates SET title_template = $2,"
	    " body_template = $3, topic = $4, is_critical = $5 WHERE template_key = $1 AND version = 1"
	    " AND (title_template, body_template, topic, is_critical)"
	    " IS DISTINCT FROM ($2, $3, $4, $5::boolean)", DB(key, title, body, rule->topic, critical));
	struct row *row;

	if (r == NULL)
		return -1;
	r = db_query(rq, "SELECT FROM notification_templates WHERE template_key = $1", DB(key));
	if (r == NULL || db_rows(r) > 0)
		return r == NULL ? -1 : 0;
	row = row_new(rq, &notification_templates_resource);
	row_set(row, "template_key", key);
	row_set(row, "channel", channel);
	row_set(row, "title_template", title);
	row_set(row, "body_template", body);
	row_set(row, "topic", rule->topic);
	row_set(row, "is_critical", critical);
	return row_insert(rq, row);
}

static const char *
subject_of(const struct rule *rule)
{
	return rule->subject != NULL ? rule->subject : rule->title;
}

void
template_take_shipped(const struct rule *rule, struct template *t, bool is_email)
{
	t->title = is_email ? subject_of(rule) : rule->title;
	t->body = is_email ? rule->text : rule->push;
	t->html = NULL;
}

static void
seed_rule(const struct rule *rule, void *arg)
{
	struct request *rq = arg;

	if (rq->problem.code != ERR_NONE)
		return;
	if (rule->push != NULL && seed_one(rq, rule, "PUSH", rule->title, rule->push) < 0)
		return;
	if (rule->text != NULL)
		seed_one(rq, rule, "EMAIL", subject_of(rule), rule->text);
}

int
templates_seed(struct request *rq)
{
	if (db_lock(rq, "templates seed") < 0)
		return -1;
	rules_each(seed_rule, rq);
	return rq->problem.code == ERR_NONE ? 0 : -1;
}

struct checking {
	struct request *rq;
	int texts, wrong;
};

static void
check_text(struct checking *c, const struct rule *rule, const char *what, const char *text)
{
	struct error e;

	if (text == NULL)
		return;
	c->texts++;
	if (mustache_check(c->rq->arena, text, template_sample(c->rq->arena, rule), MUSTACHE_STRICT, &e) == 0)
		return;
	c->wrong++;
	fprintf(stderr, "%s, %s: %s\n", rule->type->name, what, e.text);
}

static void
check_rule(const struct rule *rule, void *arg)
{
	check_text(arg, rule, "link", rule->link);
	check_text(arg, rule, "title", rule->title);
	check_text(arg, rule, "push", rule->push);
	check_text(arg, rule, "subject", rule->subject);
	check_text(arg, rule, "text", rule->text);
}

int
templates_check_command(struct request *rq, int argc, char **argv)
{
	struct checking c = { .rq = rq };

	(void)argc;
	(void)argv;
	rules_each(check_rule, &c);
	if (c.wrong > 0)
		return fail(rq, ERR_VALIDATION, "%d of %d texts are wrong", c.wrong, c.texts);
	return reply_text(rq, 200, arena_printf(rq->arena, "%d texts name only what their events have", c.texts));
}

/* ---- trying them ---- */

const struct column template_preview_body[] = {
	{ "title_template", COL_TEXT, 0, .max = 500, .doc = "Instead of the stored one; null: that." },
	{ "body_template", COL_TEXT, 0, .min = 1, .max = 20000 },
	{ "html_template", COL_TEXT, 0, .max = 60000 },
	{ 0 }
};

static int
render_sample(struct request *rq, const struct row *row, struct rendered *ret_r)
{
	bool is_email = strcmp(row_text(row, "channel"), "EMAIL") == 0;
	const struct rule *rule = rule_of_key(row_text(row, "template_key"), row_text(row, "channel"));
	struct template t = { .title = row_text(row, "title_template"), .body = row_text(row, "body_template"),
		.html = row_text(row, "html_template"), .is_critical = row_bool(row, "is_critical") };
	const json_t *sample;
	struct error e = { .code = ERR_NONE };
	int result;

	if (rule == NULL)
		return fail(rq, ERR_VALIDATION, "nobody is told of this template's event any more");
	if (body_text(rq, "title_template") != NULL)
		t.title = body_text(rq, "title_template");
	if (body_text(rq, "body_template") != NULL)
		t.body = body_text(rq, "body_template");
	if (body_text(rq, "html_template") != NULL)
		t.html = body_text(rq, "html_template");
	sample = template_sample(rq->arena, rule);
	result = is_email ? render_email(rq->arena, &t, sample, ret_r, &e)
			  : render_push(rq->arena, &t, sample, ret_r, &e);
	return result < 0 ? fail_field(rq, "body_template", "bad_template", "%s", e.text) : 0;
}

/* POST /v1/notification-templates/{id}/preview: as a person would read it, with made-up values. */
int
template_preview(struct request *rq)
{
	struct row *row = row_load(rq, &notification_templates_resource, rq->id, false);
	struct rendered r = { 0 };

	if (row == NULL || render_sample(rq, row, &r) < 0)
		return -1;
	return reply_json(rq, 200, json_pack("{s:s, s:s, s:s?}", "title", r.title, "text", r.text,
	    "html", r.html));
}

/* POST /v1/notification-templates/{id}/test: the preview as a mail to the caller. */
int
template_test(struct request *rq)
{
	struct row *row = row_load(rq, &notification_templates_resource, rq->id, false);
	struct rendered r = { 0 };
	struct db_result *me;

	if (row == NULL || render_sample(rq, row, &r) < 0)
		return -1;
	if (strcmp(row_text(row, "channel"), "EMAIL") != 0)
		return fail(rq, ERR_VALIDATION, "only the template of a mail can be sent");
	me = db_one_or_fail(rq, ERR_NOT_FOUND, "your address is not known here yet",
	    "SELECT email FROM user_refs WHERE id = $1 AND email IS NOT NULL", DB(rq->caller.user_id));
	if (me == NULL)
		return -1;
	return email_add(rq, &(struct new_email){ .user_id = rq->caller.user_id,
	    .template_id = row_id(row), .to = db_text(me, 0, 0), .rendered = &r,
	    .topic = row_text(row, "topic"), .is_critical = row_bool(row, "is_critical"),
	    .event_id = uuid_new(rq->arena) }) == NULL ? -1 :
	    reply_text(rq, 202, "{\"status\":\"PENDING\"}");
}
