/*
 * Links asked for by address; see link_requests.h.
 *
 * A row is taken in one unit, which counts the try, and answered in another, which deletes it and
 * speaks for the request that wrote it: the same correlation, address and client. One that fails, or
 * that ends the process, has so been put off already: others pass, and after TRIES it is given up.
 */
#include "link_requests.h"

#include <string.h>

#include "config.h"
#include "db.h"
#include "dispatch.h"
#include "fiber.h"
#include "identity.h"
#include "log.h"
#include "metrics.h"
#include "one_time_tokens.h"
#include "request.h"
#include "service.h"
#include "throttle.h"
#include "trace.h"
#include "uuid.h"

#define PAUSE_S 60	/* a button pressed twice sends one mail … */
#define REGISTRATION_PAUSE_S 3600
#define REGISTRATIONS_MAX 5	/* … but each registration has a link of its own, so many within that time */
#define TRIES 6
#define NEXT_TRY_S "5 * 4 ^ tries"	/* after the first one 5 s, after the fifth 21 min; a link lives for hours */

static const struct kind {
	const char *purpose;
	bool for_unconfirmed;	/* for accounts whose address is not confirmed, or for all others */
	const char *lifetime;	/* option, seconds */
	const char *method;	/* as auth.failed names it */
} kinds[] = {
	{ "VERIFY_EMAIL", true, "VERIFY_TOKEN_S", "verify_email" },
	{ "RESET_PASSWORD", false, "RESET_TOKEN_S", "password_forgot" },
};

static int
add(struct request *rq, const char *purpose, const char *email, const char *registration)
{
	return db_exec(rq, "INSERT INTO link_requests (id, purpose, email, registration, source_type, request_id,"
	    " traceparent, ip_address, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    DB(uuid_new(rq->arena), purpose, email, registration, rq->source_type, rq->request_id,
	    rq->traceparent, rq->ip_address, rq->user_agent));
}

int
link_request_add(struct request *rq, const char *purpose, const char *email)
{
	return add(rq, purpose, email, NULL);
}

int
link_request_add_registration(struct request *rq, const char *email, const char *registration)
{
	return add(rq, "VERIFY_EMAIL", email, registration);
}

/* ---- answering one ---- */

static const struct kind *
kind_of(const char *purpose)
{
	for (size_t i = 0; i < COUNT_OF(kinds) - 1; i++)
		if (strcmp(kinds[i].purpose, purpose) == 0)
			return &kinds[i];
	return &kinds[COUNT_OF(kinds) - 1];
}

static void
speak_for(struct request *rq, const struct db_result *wish)
{
	rq->source_type = db_get(wish, 0, "source_type");
	rq->ip_address = db_get(wish, 0, "ip_address");
	rq->user_agent = db_get(wish, 0, "user_agent");
	trace_from_http(rq, db_get(wish, 0, "request_id"), db_get(wish, 0, "traceparent"));
}

/* The state may forbid it, and mails of a moment ago are enough: nobody is told. */
static int
issue(struct request *rq, const struct kind *kind, const char *user_id, const char *registration)
{
	struct row *user = row_load(rq, &users_resource, user_id, true);
	int64_t recent;

	if (user == NULL)
		return -1;
	if (user_is_unconfirmed(user) != kind->for_unconfirmed)
		return 0;
	if ((registration != NULL && registration_noted(rq, user, registration) < 0) ||
	    one_time_tokens_recent(rq, user_id, kind->purpose,
	    registration != NULL ? REGISTRATION_PAUSE_S : PAUSE_S, &recent) < 0)
		return -1;
	return recent >= (registration != NULL ? REGISTRATIONS_MAX : 1) ? 0 : one_time_token_issue(rq, user,
	    kind->purpose, row_text(user, "email"), registration, config_int(kind->lifetime));
}

static int
answer(struct request *rq, void *arg)
{
	struct db_result *wish, *r;
	const struct kind *kind;

	wish = db_query(rq, "DELETE FROM link_requests WHERE id = $1 RETURNING purpose, email, registration,"
	    " source_type, request_id, traceparent, ip_address, user_agent", DB(arg));
	if (wish == NULL)
		return -1;
	if (db_rows(wish) == 0)
		return 0;	/* the try took so long that another process had its own */
	speak_for(rq, wish);
	kind = kind_of(db_get(wish, 0, "purpose"));
	r = db_query(rq, "SELECT id FROM users WHERE lower(email) = lower($1)",
	    DB(db_get(wish, 0, "email")));
	if (r == NULL)
		return -1;
	if (db_rows(r) == 1)
		return issue(rq, kind, db_text(r, 0, 0), db_get(wish, 0, "registration"));
	auth_failed(rq, NULL, kind->method, "unknown_account", 0);
	return 0;
}

/* ---- taking the next ---- */

struct taken {
	char id[UUID_TEXT];	/* "": nothing is due */
	bool is_given_up;
};

/* SKIP LOCKED: replicas share the work. */
static int
take_next(struct request *rq, void *arg)
{
	struct taken *ret = arg;
	struct db_result *r = db_query(rq, "UPDATE link_requests SET tries = tries + 1,"
	    " due_at = now() + make_interval(secs => " NEXT_TRY_S ") WHERE id = (SELECT id FROM link_requests"
	    " WHERE due_at <= now() ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, tries", DB0);

	if (r == NULL)
		return -1;
	*ret = (struct taken){ 0 };
	if (db_rows(r) == 0)
		return 0;
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(r, 0, 0));
	ret->is_given_up = db_int(r, 0, 1) > TRIES;
	return !ret->is_given_up ? 0 :
	    db_exec(rq, "DELETE FROM link_requests WHERE id = $1", DB(ret->id));
}

/* ---- the fiber, one per process ---- */

static struct {
	bool is_at_work, is_asked_again;
} worker;

/* No text of PostgreSQL's: it may quote an address. */
static void
log_failure(const struct request *rq, const char *id)
{
	log_line(rq->problem.code == ERR_UNAVAILABLE ? LOG_L_DEBUG : LOG_L_ERROR, rq,
	    "a link that was asked for (%s): %s (%s)", id[0] != '\0' ? id : "the next", rq->problem.detail,
	    rq->problem.sqlstate);
}

static bool
run(int (*fn)(struct request *rq, void *arg), void *arg, const char *id)
{
	struct request *rq = request_new(service_db());
	bool is_done;

	trace_from_http(rq, NULL, NULL);
	rq->source_type = "API";
	is_done = unit_run(rq, fn, arg) == 0;
	if (!is_done)
		log_failure(rq, id);
	request_free(rq);
	return is_done;
}

/* false: nothing is due, or the database is away and the clock tries again. */
static bool
answer_one(void)
{
	struct taken next = { 0 };

	if (!run(take_next, &next, "") || next.id[0] == '\0')
		return false;
	if (next.is_given_up) {
		metric_add(M_LINKS_GIVEN_UP, 1);
		log_error("a link that was asked for (%s): given up after %d tries", next.id, TRIES);
	} else {
		run(answer, next.id, next.id);
	}
	return true;
}

static void
work(void *arg)
{
	(void)arg;
	do {
		worker.is_asked_again = false;
		while (!service_stopping() && answer_one())
			;
	} while (worker.is_asked_again && !service_stopping());
	worker.is_at_work = false;
}

void
link_requests_wake(void)
{
	worker.is_asked_again = true;
	if (worker.is_at_work)
		return;
	worker.is_at_work = true;
	fiber_start("links", work, NULL);
}

int
link_requests_resume(struct request *rq)
{
	(void)rq;
	link_requests_wake();
	return 0;
}
