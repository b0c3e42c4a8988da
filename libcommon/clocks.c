/* Work by the clock; see clocks.h. */
#include "clocks.h"

#include <stdlib.h>

#include "clock.h"
#include "db.h"
#include "dispatch.h"
#include "fiber.h"
#include "log.h"
#include "trace.h"
#include "uuid.h"

/* What each replica of the same service asks before it runs: does another run it right now? */
static int
run_alone(struct request *rq, void *arg)
{
	const struct clock_job *job = arg;
	struct db_result *r = db_query(rq,
	    "SELECT pg_try_advisory_xact_lock(hashtextextended('clock:' || $1, 0))", DB(job->name));

	if (r == NULL)
		return -1;
	return db_bool(r, 0, 0) ? job->run(rq) : 0;
}

static void
run_once(const struct clock_job *job)
{
	struct request *rq = request_new(service_db());

	rq->actor = ACTOR_CRON;
	rq->source_type = "CRON";
	rq->source_id = uuid_new(rq->arena);
	trace_from_http(rq, NULL, NULL);
	if (unit_run(rq, run_alone, (void *)job) < 0)
		log_line(rq->problem.code == ERR_UNAVAILABLE ? LOG_L_DEBUG : LOG_L_ERROR, rq,
		    "clock %s: %s (%s)", job->name, rq->problem.detail,
		    rq->problem.internal != NULL ? rq->problem.internal : "");
	request_free(rq);
}

static void
job_main(void *arg)
{
	const struct clock_job *job = arg;

	/* replicas that started together should not ask together */
	fiber_sleep(500 + (int)(random() % 1000));
	while (!service_stopping()) {
		run_once(job);
		if (fiber_sleep(job->every_s * 1000) != FIBER_DONE)
			return;
	}
}

/* ---- what every service cleans up ---- */

static int
forget_kept_answers(struct request *rq)
{
	return db_exec(rq, "DELETE FROM idempotency_keys WHERE expires_at < now()", DB0);
}

/* Access tokens live ten minutes; what ended them is remembered for as long and an hour more (access_follow.c). */
static int
forget_ended_sessions(struct request *rq)
{
	return db_exec(rq, "DELETE FROM access_sessions WHERE ended_at < now() - interval '2 hours'", DB0);
}

static const struct clock_job common_jobs[] = {
	{ "idempotency_keys", 600, forget_kept_answers, "Forgets answers kept longer than 24 hours." },
	{ "access_sessions", 600, forget_ended_sessions, "Forgets sessions that ended over two hours ago." },
	{ 0 }
};

static void
start_jobs(const struct clock_job *jobs)
{
	for (; jobs != NULL && jobs->name != NULL; jobs++)
		fiber_start("clock", job_main, (void *)jobs);
}

void
clocks_start(const struct service *svc)
{
	start_jobs(common_jobs);
	start_jobs(svc->clocks);
}
