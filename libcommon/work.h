/*
 * The work pool: a few threads for what would block the loop for milliseconds (argon2id, PDF,
 * Markdown). Work functions see only their argument; they touch no request, row or connection.
 */
#ifndef NXT_WORK_H
#define NXT_WORK_H

struct event_base;
struct request;

void work_init(struct event_base *base, unsigned threads, unsigned queue_limit);
/*
 * Runs fn(arg) on the pool and parks the calling fiber until it is done. 0, or -1 with
 * ERR_OVERLOADED in rq when more than queue_limit jobs wait. There is no time-out: arg lives on
 * the caller's stack or arena and fn always ends.
 */
int work_run(struct request *rq, void (*fn)(void *arg), void *arg);
unsigned work_queued(void);
void work_shutdown(void);

#endif
