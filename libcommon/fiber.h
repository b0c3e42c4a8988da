/*
 * Fibers: stackful coroutines on one thread, so that handlers read straight down.
 *
 * Owns: stacks, switching, the queue of runnable fibers. Never does I/O itself. A fiber waits
 * by parking itself; whoever has what it waits for wakes it. Woken fibers run at the end of the
 * current turn of the event loop (fiber_run_ready), in the order in which they were woken.
 */
#ifndef NXT_FIBER_H
#define NXT_FIBER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct fiber;

enum fiber_wake { FIBER_DONE = 0, FIBER_TIMEOUT = 1, FIBER_CANCELLED = 2 };

/* Once per process, before the first fiber. */
void fiber_init(struct event_base *base);
/* Starts fn(arg) on a fiber of its own at the end of this turn; `name` (static text) shows in the gdb script. */
void fiber_start(const char *name, void (*fn)(void *arg), void *arg);
struct fiber *fiber_self(void);	/* NULL on the loop's own stack */
/*
 * Parks the calling fiber until fiber_wake, the deadline, or cancellation. timeout_ms < 0 waits
 * without limit (only for fibers that live as long as the process).
 */
enum fiber_wake fiber_park(const char *why, int timeout_ms);
/*
 * Parks until fiber_wake and nothing else: for the short wait for something that uses the
 * fiber's stack and surely ends. A cancellation meanwhile takes effect at the next park.
 */
void fiber_wait(const char *why);
/* Makes a parked fiber runnable; a second wake before it ran is ignored. */
void fiber_wake(struct fiber *f);
/* Ends the wait of a parked fiber with FIBER_CANCELLED, now or at its next park. */
void fiber_cancel(struct fiber *f);
enum fiber_wake fiber_sleep(int ms);
/* Runs everything runnable; called by the loop once per turn. Returns how many ran. */
unsigned fiber_run_ready(void);
bool fiber_any_ready(void);
unsigned fiber_count(void);	/* alive, for metrics and drain */
void fiber_shutdown(void);	/* frees pooled stacks */

/* A condition to park on: first in, first out. */
struct fiber_queue {
	struct fiber *head, **tail;
};
void fiber_queue_init(struct fiber_queue *q);
enum fiber_wake fiber_queue_wait(struct fiber_queue *q, const char *why, int timeout_ms);
bool fiber_queue_wake_one(struct fiber_queue *q);
void fiber_queue_wake_all(struct fiber_queue *q);

#endif
