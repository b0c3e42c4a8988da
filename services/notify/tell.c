/*
 * Telling people: from an event and its rule to rows of notifications and email_logs.
 *
 * All in the batch's transaction, so that a mail is queued exactly when the event counts as seen.
 * Nobody is told twice of one event on one channel, whatever is delivered again.
 */
#include <string.h>

#include "db.h"
#include "error.h"
#include "log.h"
#include "notify.h"
#include "refs.h"
#include "template_data.h"
#include "templates.h"

#define PEOPLE_MAX 1000		/* told of one event */

/* What the reaction to one event knows. */
struct telling {
	struct request *rq;
	const struct rule *rule;
	const struct event_in *event;
	struct templates templates;
	json_t *data;
	const char *ids[PEOPLE_MAX];
	size_t n, n_direct;	/* those from n_direct on hold the permission: in-app alone */
};

struct person {
	const char *id, *email, *name;
	bool is_suspended;
	bool wants_in_app, wants_email;	/* by his preferences, and not told yet */
	bool wants_sms, wants_push;	/* asked for; nobody gets them unasked */
	bool is_direct;
};

/* ---- who ---- */

static void
add_person(struct telling *t, const char *id)
{
	if (id == NULL || id[0] == '\0' || t->n == PEOPLE_MAX)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->ids[i], id) == 0)
			return;
	t->ids[t->n++] = id;
}

static int
add_owner(struct telling *t)
{
	const char *type = t->rule->owner_of[0];
	const char *id = type == NULL ? NULL : event_text(t->event, t->rule->owner_of[1]);
	struct db_result *r;

	if (id == NULL)
		return 0;
	r = db_query(t->rq, "SELECT user_id FROM entity_refs WHERE entity_type = $1 AND id = $2",
	    DB(type, id));
	if (r == NULL)
		return -1;
	if (db_rows(r) > 0)
		add_person(t, db_text(r, 0, 0));
	return 0;
}

/* Whoever did it knows it; who submitted a thing does not review it. */
static int
add_holders(struct telling *t)
{
	const char *actor = t->event->context->actor == NULL ? "" : t->event->context->actor->user_id;
	const char *submitter = event_has_field(t->event, "submitted_by_user_id") ?
	    event_text(t->event, "submitted_by_user_id") : NULL;
	struct db_result *r;

	if (t->rule->holders == NULL)
		return 0;
	r = db_query(t->rq, "SELECT u.user_id FROM access_users u WHERE u.employee_id IS NOT NULL"
	    " AND u.status = 'ACTIVE' AND u.user_id::text <> $2 AND u.user_id::text <> $3 AND EXISTS"
	    " (SELECT FROM access_roles r WHERE r.role_key = ANY (u.role_keys) AND r.is_active"
	    " AND $1 = ANY (r.permissions)) ORDER BY u.user_id LIMIT 500",
	    DB(t->rule->holders, actor, submitter != NULL ? submitter : ""));
	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		add_person(t, db_text(r, i, 0));
	return 0;
}

static int
find_people(struct telling *t)
{
	const Nxtgauge__Events__V1__Context *c = t->event->context;

	if (!t->rule->instead_of_recipients)
		for (size_t i = 0; i < c->n_recipient_user_ids; i++)
			add_person(t, c->recipient_user_ids[i]);
	for (size_t i = 0; i < COUNT_OF(t->rule->to); i++)
		if (t->rule->to[i] != NULL)
			add_person(t, event_text(t->event, t->rule->to[i]));
	if (add_owner(t) < 0)
		return -1;
	t->n_direct = t->n;
	if (add_holders(t) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++)
		refs_stub_user(t->rq, t->ids[i]);
	return 0;
}

/* ---- what ---- */

/*
 * A template that staff have written and that fails on these data costs nobody his news: the words
 * that ship go out in its place, and the log says why. Where none ship the event is refused.
 */
static int
render(struct telling *t, const struct template *template, const json_t *data, bool is_email,
    struct rendered *ret_r)
{
	struct template shipped = *template;
	struct error e;
	int (*channel)(struct arena *, const struct template *, const json_t *, struct rendered *,
	    struct error *) = is_email ? render_email : render_push;

	if (channel(t->rq->arena, template, data, ret_r, &e) == 0)
		return 0;
	template_take_shipped(t->rule, &shipped, is_email);
	log_error("template %s cannot be rendered%s: %s", template->key,
	    shipped.body != NULL ? ", the words that ship are sent" : "", e.text);
	if (shipped.body == NULL || channel(t->rq->arena, &shipped, data, ret_r, &e) < 0)
		return fail(t->rq, ERR_INTERNAL, "template %s: %s", template->key, e.text);
	return 0;
}

static const char *
sealed_token(struct telling *t)
{
	size_t n;
	const char *sealed;

	if (t->rule->type != &EV_AUTH_TOKEN_ISSUED)
		return NULL;
	sealed = event_bytes(t->event, "token_ciphertext", &n);
	return arena_strndup(t->rq->arena, sealed, n);
}

static int
queue_email(struct telling *t, const struct person *p, const char *to, const struct rendered *r,
    const char *notification_id)
{
	const char *sealed = sealed_token(t);
	struct new_email m = {
		.user_id = p->id,
		.to = to,
		.template_id = t->templates.email.id,
		.notification_id = notification_id,
		.rendered = r,
		.topic = t->rule->topic,
		.is_critical = t->rule->is_critical,
		.event_id = t->event->id,
		.causation_id = t->event->id,
		.sealed_token = sealed,
		.token_expires_at = sealed != NULL ? event_time(t->rq->arena, t->event, "expires_at") : NULL,
	};

	return email_add(t->rq, &m) == NULL ? -1 : 0;
}

/*
 * A person whose address is not known yet gets the notification alone; its mail is queued when the
 * event with the address has come (tell_known_user).
 */
static int
tell_by_email(struct telling *t, const struct person *p, const json_t *data)
{
	const struct template *template = &t->templates.email;
	const char *address = t->rule->address != NULL ? event_text(t->event, t->rule->address) : NULL;
	const char *own = t->rule->type == &EV_AUTH_TOKEN_ISSUED ? address : p->email;
	struct new_notification n = { .user_id = p->id, .channel = "EMAIL", .event = t->event,
		.template_key = template->key, .topic = t->rule->topic };
	struct rendered r;
	struct row *row;

	if (template->key == NULL || !template->is_active || !p->wants_email)
		return 0;
	if (render(t, template, data, true, &r) < 0)
		return -1;
	n.title = r.title;
	n.body = r.text;
	row = notification_add(t->rq, &n);
	if (row == NULL)
		return -1;
	if (own != NULL && queue_email(t, p, own, &r, row_id(row)) < 0)
		return -1;
	if (address != NULL && own != NULL && strcasecmp(address, own) != 0)
		return queue_email(t, p, address, &r, NULL);
	return 0;
}

/* A short text: in-app, push and SMS. */
static int
tell_shortly(struct telling *t, const struct person *p, const json_t *data, const char *channel,
    const struct template *template, bool is_wanted)
{
	struct new_notification n = { .user_id = p->id, .channel = channel, .event = t->event,
		.template_key = template->key, .topic = t->rule->topic };
	struct rendered r;

	if (template->key == NULL || !template->is_active || !is_wanted)
		return 0;
	if (render(t, template, data, false, &r) < 0)
		return -1;
	n.title = r.title;
	n.body = r.text;
	return notification_add(t->rq, &n) == NULL ? -1 : 0;
}

static int
tell_person(struct telling *t, const struct person *p)
{
	const json_t *data;
	struct error e;

	if (p->is_suspended && !t->rule->is_critical)
		return 0;
	data = template_data_for(t->rq->arena, t->rule, t->data, p->id, p->name, &e);
	if (data == NULL)
		return fail(t->rq, ERR_INTERNAL, "link of %s: %s", t->rule->type->name, e.text);
	if ((t->rule->channels & EMAIL) && p->is_direct && tell_by_email(t, p, data) < 0)
		return -1;
	if (p->is_direct && carriers_exist() &&
	    (tell_shortly(t, p, data, "SMS", &t->templates.sms, p->wants_sms) < 0 ||
	    tell_shortly(t, p, data, "PUSH", &t->templates.push, p->wants_push) < 0))
		return -1;
	return t->rule->channels & IN_APP ?
	    tell_shortly(t, p, data, "IN_APP", &t->templates.push, p->wants_in_app) : 0;
}

/* ---- all of them ---- */

/*
 * Preferences, in identity's user_settings: settings_json.notifications.<topic>.<channel>, else
 * .notifications.<channel>, the channel in small letters. In-app and mail are wanted unless it is
 * false, SMS and push only where it is true.
 */
#define SAYS(key) \
	" coalesce(s.settings_json #>> ARRAY['notifications', $2, '" key "']," \
	" s.settings_json #>> ARRAY['notifications', '" key "'], '')"
#define NOT_TOLD(channel) \
	" AND NOT EXISTS (SELECT FROM notifications n WHERE n.source_event_id = $4 AND n.user_id = u.id" \
	"  AND n.channel = '" channel "')"

static const char people_sql[] =
    "SELECT u.id, u.email, u.display_name, coalesce(u.status = 'SUSPENDED', false),"
    " ($3 OR" SAYS("in_app") " <> 'false')" NOT_TOLD("IN_APP") ","
    " ($3 OR" SAYS("email") " <> 'false')" NOT_TOLD("EMAIL") ","
    SAYS("sms") " = 'true' AND u.phone IS NOT NULL" NOT_TOLD("SMS") ","
    SAYS("push") " = 'true'" NOT_TOLD("PUSH")
    " FROM user_refs u LEFT JOIN user_settings_refs s ON s.user_id = u.id"
    " WHERE u.id = ANY ($1::uuid[]) AND u.status IS DISTINCT FROM 'ERASED' ORDER BY u.id";

static bool
is_direct(const struct telling *t, const char *id)
{
	for (size_t i = 0; i < t->n_direct; i++)
		if (strcasecmp(t->ids[i], id) == 0)
			return true;
	return false;
}

static int
tell_people(struct telling *t)
{
	struct db_result *r = db_query(t->rq, people_sql, DB(db_text_array(t->rq->arena, t->ids, t->n),
	    t->rule->topic, t->rule->is_critical ? "t" : "f", t->event->id));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++) {
		struct person p = { .id = db_text(r, i, 0), .email = db_text(r, i, 1),
			.name = db_text(r, i, 2), .is_suspended = db_bool(r, i, 3),
			.wants_in_app = db_bool(r, i, 4), .wants_email = db_bool(r, i, 5),
			.wants_sms = db_bool(r, i, 6), .wants_push = db_bool(r, i, 7),
			.is_direct = is_direct(t, db_text(r, i, 0)) };
		if (tell_person(t, &p) < 0)
			return -1;
	}
	return 0;
}

int
tell(struct request *rq, const struct event_in *ev)
{
	const struct rule *rule = rule_find(ev->type);
	struct telling *t;

	if (rule == NULL || (rule->when != NULL && !rule->when(ev)))
		return 0;
	t = arena_alloc(rq->arena, sizeof(*t));
	t->rq = rq;
	t->rule = rule;
	t->event = ev;
	if (find_people(t) < 0)
		return -1;
	if (t->n == 0)
		return 0;
	if (templates_load(rq, rule, &t->templates) < 0)
		return -1;
	t->data = template_data(rq->arena, rule, ev);
	return tell_people(t);
}

/* ---- later ---- */

static int
queue_waiting(struct request *rq, const struct db_result *r, int i, const char *user_id)
{
	struct rendered mail = { .title = db_text(r, i, 1), .text = db_text(r, i, 2),
		.html = html_from_text(rq->arena, db_text(r, i, 2)) };
	struct new_email m = { .user_id = user_id, .to = db_text(r, i, 3), .template_id = db_text(r, i, 4),
		.notification_id = db_text(r, i, 0), .rendered = &mail, .topic = db_text(r, i, 5),
		.is_critical = db_bool(r, i, 6), .event_id = db_text(r, i, 7),
		.correlation_id = db_text(r, i, 8), .causation_id = db_text(r, i, 7) };

	return email_add(rq, &m) == NULL ? -1 : 0;
}

int
tell_known_user(struct request *rq, const char *user_id)
{
	struct db_result *r = db_query(rq, "SELECT n.id, n.title, n.body, u.email, t.id, n.topic,"
	    " coalesce(t.is_critical, false), n.source_event_id, n.correlation_id FROM notifications n"
	    " JOIN user_refs u ON u.id = n.user_id"
	    " LEFT JOIN notification_templates t ON t.template_key = n.template_key"
	    " WHERE n.user_id = $1 AND n.channel = 'EMAIL' AND n.status = 'PENDING' AND u.email IS NOT NULL"
	    " AND NOT EXISTS (SELECT FROM email_logs e WHERE e.notification_id = n.id)"
	    " ORDER BY n.id LIMIT 100", DB(user_id));

	if (r == NULL)
		return -1;
	for (int i = 0; i < db_rows(r); i++)
		if (queue_waiting(rq, r, i, user_id) < 0)
			return -1;
	return 0;
}
