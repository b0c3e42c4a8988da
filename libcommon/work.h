/*
 * The work pool: a few threads for what would block the loop, by computing for milliseconds (argon2id, PDF,
 * Markdown) or by waiting. Work functions see only their argument; they touch no request, row or connection.
 */
#ifndef NXT_WORK_H
#define NXT_WORK_H

struct event_base;
struct request;

/* So many threads compute; 0: one fewer than the process may use processors, at least one, which is left to the loop. */
void work_init(struct event_base *base, unsigned threads, unsigned queue_limit);
/*
 * Runs fn(arg) on the pool and parks the calling fiber until it is done. 0, or -1 with
 * ERR_OVERLOADED in rq when more than queue_limit jobs wait. There is no time-out: arg lives on
 * the caller's stack or arena and fn always ends.
 */
int work_run(struct request *rq, void (*fn)(void *arg), void *arg);
/*
 * As work_run, for what computes nothing but waits for something outside that may be silent for long: a name server, a
 * broker. It has threads of its own, so that no hash waits behind it, and work_shutdown() does not wait for it. `arg`
 * is therefore heap memory, which the caller frees when this has returned: where the loop ends before, this never
 * returns, and fn may still read and write `arg`, and nothing else of ours.
 */
int work_run_blocking(struct request *rq, void (*fn)(void *arg), void *arg);
unsigned work_queued(void);	/* jobs of work_run() */
/* Ends the threads of work_run() after the jobs they are at; what is queued does not run any more. */
void work_shutdown(void);

#endif
