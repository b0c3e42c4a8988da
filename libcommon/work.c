/*
 * The work pool; see work.h.
 *
 * The loop's thread owns everything but the two lists and `stopping`, which the mutex guards.
 * Threads start with the first job, so that a daemon that never hashes pays nothing for them.
 */
#include "work.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
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
#define NICE 15	/* leaves others as quick as 19 does, and hashing a share where all is busy */

/* Lives on the waiting fiber's stack. */
struct job {
	void (*fn)(void *arg);
	void *arg;
	struct fiber *fiber;
	bool done;	/* loop's thread */
	struct job *next;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	struct job *queued, **queued_tail;
	struct job *finished;
	bool stopping;

	struct event *wake;
	int fd;
	pthread_t threads[THREADS_MAX];
	unsigned limit, running, queue_limit;
	unsigned waiting;	/* given in and not yet done */
} pool = { .mutex = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER, .fd = -1 };

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

void
work_init(struct event_base *base, unsigned threads, unsigned queue_limit)
{
	pool.queued_tail = &pool.queued;
	pool.limit = threads > THREADS_MAX ? THREADS_MAX : threads;
	pool.queue_limit = queue_limit;
	pool.stopping = false;
	pool.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pool.fd < 0)
		abort();
	pool.wake = event_new(base, pool.fd, EV_READ | EV_PERSIST, on_finished, NULL);
	event_add(pool.wake, NULL);
}

/* With the mutex held; NULL when the pool stops and nothing is queued. */
static struct job *
next_job(void)
{
	struct job *job;

	while (pool.queued == NULL && !pool.stopping)
		pthread_cond_wait(&pool.wanted, &pool.mutex);
	if ((job = pool.queued) == NULL)
		return NULL;
	pool.queued = job->next;
	if (pool.queued == NULL)
		pool.queued_tail = &pool.queued;
	return job;
}

static void *
thread_main(void *arg)
{
	const uint64_t one = 1;
	struct job *job;

	/* the loop goes first: who waits for a hash waits long anyway, all others must not */
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&pool.mutex);
	while ((job = next_job()) != NULL) {
		pthread_mutex_unlock(&pool.mutex);
		job->fn(job->arg);
		pthread_mutex_lock(&pool.mutex);
		job->next = pool.finished;
		pool.finished = job;
		if (write(pool.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			abort();
	}
	pthread_mutex_unlock(&pool.mutex);
	return arg;
}

/* Signals belong to the loop's thread. */
static void
start_thread(void)
{
	pthread_attr_t attr;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (pthread_create(&pool.threads[pool.running], &attr, thread_main, NULL) == 0)
		pool.running++;
	else if (pool.running == 0)
		abort();
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void
enqueue(struct job *job)
{
	if (pool.running < pool.limit && pool.waiting > pool.running)
		start_thread();
	pthread_mutex_lock(&pool.mutex);
	*pool.queued_tail = job;
	pool.queued_tail = &job->next;
	pthread_cond_signal(&pool.wanted);
	pthread_mutex_unlock(&pool.mutex);
}

int
work_run(struct request *rq, void (*fn)(void *arg), void *arg)
{
	struct job job = { .fn = fn, .arg = arg, .fiber = fiber_self() };

	if (job.fiber == NULL) {	/* a command before the loop runs: nothing to hold up */
		fn(arg);
		return 0;
	}
	if (work_queued() >= pool.queue_limit)
		return fail(rq, ERR_OVERLOADED, "too much work is waiting already");
	pool.waiting++;
	metric_set(M_WORK_QUEUED, work_queued());
	enqueue(&job);
	while (!job.done)
		fiber_wait("work");
	pool.waiting--;
	metric_set(M_WORK_QUEUED, work_queued());
	return 0;
}

unsigned
work_queued(void)
{
	return pool.waiting > pool.running ? pool.waiting - pool.running : 0;
}

/* What is queued still runs; nobody may be waiting any more, since the loop has ended. */
void
work_shutdown(void)
{
	if (pool.fd < 0)
		return;
	pthread_mutex_lock(&pool.mutex);
	pool.stopping = true;
	pthread_cond_broadcast(&pool.wanted);
	pthread_mutex_unlock(&pool.mutex);
	while (pool.running > 0)
		pthread_join(pool.threads[--pool.running], NULL);
	event_free(pool.wake);
	close(pool.fd);
	pool.fd = -1;
}
