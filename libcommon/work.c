/*
 * The work pool; see work.h.
 *
 * Two lanes of threads: one computes, the other waits for something outside. The loop's thread owns everything but
 * the lists of jobs and `life`, which the mutex guards. Threads start with the first job, so that a daemon that never
 * hashes pays nothing for them.
 */
#include "work.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena.h"
#include "fiber.h"
#include "metrics.h"
#include "request.h"

#define STACK_BYTES (1024 * 1024)	/* pango nests deep; untouched pages cost nothing */
#define THREADS_MAX 64
#define NICE 15	/* as gentle to the loop as 19, but hashing still progresses on a saturated machine */
#define BLOCKING_THREADS 4
#define BLOCKING_QUEUE 64

/* On the heap: freed by whoever gave it in, or by its thread once nobody waits any more. */
struct job {
	void (*fn)(void *arg);
	void *arg;
	struct fiber *fiber;
	bool done;	/* loop's thread */
	struct job *next;
};

struct lane {
	pthread_cond_t wanted;
	struct job *queued, **queued_tail;
	unsigned limit, running, queue_limit;	/* threads that may be, threads that are, jobs that may wait */
	unsigned waiting;			/* given in and not yet done */
	bool computes;				/* niced, and joined at the end; else detached: it may hang for long */
	pthread_t threads[THREADS_MAX];		/* where it computes */
};

static struct {
	pthread_mutex_t mutex;
	struct job *finished;
	unsigned life;	/* grows with each work_shutdown(): who began in an earlier one has nothing left to do */

	struct event *wake;
	int fd;
	struct lane computing, blocking;
} pool = {
	.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1,
	.computing = { .wanted = PTHREAD_COND_INITIALIZER, .computes = true },
	.blocking = { .wanted = PTHREAD_COND_INITIALIZER },
};

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct job *list;
	uint64_t count;

	(void)what;
	(void)arg;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_lock(&pool.mutex);
	list = pool.finished;
	pool.finished = NULL;
	pthread_mutex_unlock(&pool.mutex);
	while (list != NULL) {
		struct job *job = list;
		list = job->next;
		job->done = true;
		fiber_wake(job->fiber);
	}
}

static void
lane_init(struct lane *lane, unsigned threads, unsigned queue_limit)
{
	lane->queued = NULL;
	lane->queued_tail = &lane->queued;
	lane->limit = threads > THREADS_MAX ? THREADS_MAX : threads;
	lane->queue_limit = queue_limit;
	lane->waiting = 0;
}

static unsigned
spare_processors(void)
{
	cpu_set_t mine;
	int n = sched_getaffinity(0, sizeof(mine), &mine) < 0 ? 1 : CPU_COUNT(&mine);

	return n > 1 ? (unsigned)n - 1 : 1;
}

void
work_init(struct event_base *base, unsigned threads, unsigned queue_limit)
{
	lane_init(&pool.computing, threads > 0 ? threads : spare_processors(), queue_limit);
	lane_init(&pool.blocking, BLOCKING_THREADS, BLOCKING_QUEUE);
	pool.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pool.fd < 0)
		abort();
	pool.wake = event_new(base, pool.fd, EV_READ | EV_PERSIST, on_finished, NULL);
	event_add(pool.wake, NULL);
}

/* With the mutex held; NULL when the pool has been shut down. */
static struct job *
next_job(struct lane *lane, unsigned life)
{
	struct job *job;

	while (life == pool.life && lane->queued == NULL)
		pthread_cond_wait(&lane->wanted, &pool.mutex);
	if (life != pool.life)
		return NULL;
	job = lane->queued;
	lane->queued = job->next;
	if (lane->queued == NULL)
		lane->queued_tail = &lane->queued;
	return job;
}

/* With the mutex held. */
static void
hand_back(struct job *job, unsigned life)
{
	const uint64_t one = 1;

	if (life != pool.life) {
		free(job);
		return;
	}
	job->next = pool.finished;
	pool.finished = job;
	if (write(pool.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

/* What a thread is told; it frees it. The life is that of its making: it may run first after a work_shutdown(). */
struct beginning {
	struct lane *lane;
	unsigned life;
};

static void *
thread_main(void *arg)
{
	struct beginning *begin = arg;
	struct lane *lane = begin->lane;
	unsigned life = begin->life;
	struct job *job;

	free(begin);
	/* the loop goes first: who waits for a hash waits long anyway, all others must not */
	if (lane->computes)
		setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&pool.mutex);
	while ((job = next_job(lane, life)) != NULL) {
		pthread_mutex_unlock(&pool.mutex);
		job->fn(job->arg);
		pthread_mutex_lock(&pool.mutex);
		hand_back(job, life);
	}
	pthread_mutex_unlock(&pool.mutex);
	return NULL;
}

/* Signals belong to the loop's thread. */
static void
start_thread(struct lane *lane)
{
	struct beginning *begin = xcalloc(1, sizeof(*begin));
	pthread_t detached;
	pthread_attr_t attr;
	sigset_t all, old;

	*begin = (struct beginning){ lane, pool.life };	/* which the loop's thread alone changes */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!lane->computes)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(lane->computes ? &lane->threads[lane->running] : &detached, &attr, thread_main, begin) == 0)
		lane->running++;
	else if (lane->running == 0)
		abort();
	else
		free(begin);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void
enqueue(struct lane *lane, struct job *job)
{
	if (lane->running < lane->limit && lane->waiting > lane->running)
		start_thread(lane);
	pthread_mutex_lock(&pool.mutex);
	*lane->queued_tail = job;
	lane->queued_tail = &job->next;
	pthread_cond_signal(&lane->wanted);
	pthread_mutex_unlock(&pool.mutex);
}

static unsigned
queued_in(const struct lane *lane)
{
	return lane->waiting > lane->running ? lane->waiting - lane->running : 0;
}

static int
run_in(struct lane *lane, struct request *rq, void (*fn)(void *arg), void *arg)
{
	struct job *job;

	if (fiber_self() == NULL) {	/* a command before the loop runs: nothing to hold up */
		fn(arg);
		return 0;
	}
	if (queued_in(lane) >= lane->queue_limit)
		return fail(rq, ERR_OVERLOADED, "too much work is waiting already");
	job = xcalloc(1, sizeof(*job));
	*job = (struct job){ .fn = fn, .arg = arg, .fiber = fiber_self() };
	lane->waiting++;
	metric_set(M_WORK_QUEUED, work_queued());
	enqueue(lane, job);
	while (!job->done)
		fiber_wait("work");
	free(job);
	lane->waiting--;
	metric_set(M_WORK_QUEUED, work_queued());
	return 0;
}

int
work_run(struct request *rq, void (*fn)(void *arg), void *arg)
{
	return run_in(&pool.computing, rq, fn, arg);
}

int
work_run_blocking(struct request *rq, void (*fn)(void *arg), void *arg)
{
	return run_in(&pool.blocking, rq, fn, arg);
}

unsigned
work_queued(void)
{
	return queued_in(&pool.computing);
}

static void
free_jobs(struct job **list)
{
	struct job *job;

	while ((job = *list) != NULL) {
		*list = job->next;
		free(job);
	}
}

/* Nobody waits any more, since the loop has ended: what is still queued does not run. */
void
work_shutdown(void)
{
	if (pool.fd < 0)
		return;
	pthread_mutex_lock(&pool.mutex);
	pool.life++;
	free_jobs(&pool.computing.queued);
	free_jobs(&pool.blocking.queued);
	free_jobs(&pool.finished);
	pthread_cond_broadcast(&pool.computing.wanted);
	pthread_cond_broadcast(&pool.blocking.wanted);
	pthread_mutex_unlock(&pool.mutex);
	while (pool.computing.running > 0)
		pthread_join(pool.computing.threads[--pool.computing.running], NULL);
	pool.blocking.running = 0;	/* they end by themselves, or with the process */
	event_free(pool.wake);
	close(pool.fd);
	pool.fd = -1;
}
