/*
 * Fibers; see fiber.h for the rules and fiber_context.h for the switch.
 *
 * Stacks are 256 KiB of mmap with a guard page below, pooled; pages never touched cost nothing.
 * Sanitizers and valgrind are told of every switch.
 */
#include "fiber.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "fiber_context.h"
#include "metrics.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#define STACK_BYTES (256 * 1024)
#define POOLED_MAX 64	/* idle stacks kept; a burst's further ones are unmapped */

enum fiber_state { FIBER_RUNNABLE, FIBER_RUNNING, FIBER_PARKED };

struct fiber {
	struct fiber_context context;
	char *stack;
	unsigned valgrind_id;
	enum fiber_state state;
	bool cancelled;
	bool unmoved;			/* in fiber_wait: cancellation must not end it */
	enum fiber_wake result;
	const char *name, *why;		/* for the gdb script */
	void (*fn)(void *arg);
	void *arg;
	struct event *timer;		/* made at the first wait with a limit */
	struct fiber *next;		/* in the run queue, a wait queue or the pool */
	struct fiber *all_prev, *all_next;	/* every fiber alive, for the gdb script */
	struct fiber_queue *queued_on;
#if defined(__SANITIZE_ADDRESS__)
	void *fake_stack;
#endif
#if defined(__SANITIZE_THREAD__)
	void *tsan;
#endif
};

/* Also read by deploy/gdb/fibers.py. */
static struct {
	struct event_base *base;
	struct fiber_context loop;
	struct fiber *current;
	struct fiber *ready, **ready_tail;
	struct fiber *pool;
	unsigned pooled, alive;
	struct fiber *all;
	struct fiber *ended;	/* just returned; its stack is pooled once we are off it */
#if defined(__SANITIZE_ADDRESS__)
	void *loop_fake_stack;
	const void *loop_stack;
	size_t loop_stack_bytes;
#endif
#if defined(__SANITIZE_THREAD__)
	void *loop_tsan;
#endif
} fibers;

void
fiber_init(struct event_base *base)
{
	fibers.base = base;
	fibers.ready_tail = &fibers.ready;
#if defined(__SANITIZE_THREAD__)
	fibers.loop_tsan = __tsan_get_current_fiber();
#endif
}

struct fiber *
fiber_self(void)
{
	return fibers.current;
}

unsigned
fiber_count(void)
{
	return fibers.alive;
}

bool
fiber_any_ready(void)
{
	return fibers.ready != NULL;
}

static void
make_ready(struct fiber *f)
{
	f->state = FIBER_RUNNABLE;
	f->next = NULL;
	*fibers.ready_tail = f;
	fibers.ready_tail = &f->next;
}

static struct fiber *
fiber_alloc(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct fiber *f = fibers.pool;

	if (f != NULL) {
		fibers.pool = f->next;
		fibers.pooled--;
		return f;
	}
	f = xcalloc(1, sizeof(*f));
	f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->stack == MAP_FAILED || mprotect(f->stack, (size_t)page, PROT_NONE) < 0)
		abort();
	f->valgrind_id = VALGRIND_STACK_REGISTER(f->stack + page, f->stack + STACK_BYTES);
#if defined(__SANITIZE_THREAD__)
	f->tsan = __tsan_create_fiber(0);
#endif
	return f;
}

static void
fiber_release(struct fiber *f)
{
	if (f->timer != NULL)
		event_free(f->timer);
#if defined(__SANITIZE_THREAD__)
	__tsan_destroy_fiber(f->tsan);
#endif
	VALGRIND_STACK_DEREGISTER(f->valgrind_id);
	munmap(f->stack, STACK_BYTES);
	free(f);
}

static void
fiber_recycle(struct fiber *f)
{
	if (fibers.pooled >= POOLED_MAX) {
		fiber_release(f);
		return;
	}
	f->next = fibers.pool;
	fibers.pool = f;
	fibers.pooled++;
}

static void
switch_to(struct fiber *f)
{
	fibers.current = f;
	f->state = FIBER_RUNNING;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&fibers.loop_fake_stack, f->stack, STACK_BYTES);
#endif
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(f->tsan, 0);
#endif
	fiber_context_switch(&fibers.loop, &f->context);
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(fibers.loop_fake_stack, NULL, NULL);
#endif
	fibers.current = NULL;
	if (fibers.ended != NULL) {
		fiber_recycle(fibers.ended);
		fibers.ended = NULL;
	}
}

static void
switch_back(struct fiber *f, bool for_good)
{
	(void)for_good;		/* only AddressSanitizer asks */
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(for_good ? NULL : &f->fake_stack, fibers.loop_stack,
	    fibers.loop_stack_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(fibers.loop_tsan, 0);
#endif
	fiber_context_switch(&f->context, &fibers.loop);
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(f->fake_stack, &fibers.loop_stack, &fibers.loop_stack_bytes);
#endif
}

static void
fiber_main(void)
{
	struct fiber *f = fibers.current;

#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(NULL, &fibers.loop_stack, &fibers.loop_stack_bytes);
#endif
	f->fn(f->arg);
	if (f->all_prev != NULL)
		f->all_prev->all_next = f->all_next;
	else
		fibers.all = f->all_next;
	if (f->all_next != NULL)
		f->all_next->all_prev = f->all_prev;
	fibers.alive--;
	fibers.ended = f;
	switch_back(f, true);
}

void
fiber_start(const char *name, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = fiber_alloc();

	f->name = name;
	f->why = "starting";
	f->fn = fn;
	f->arg = arg;
	f->cancelled = false;
	f->unmoved = false;
	f->queued_on = NULL;
	fiber_context_make(&f->context, f->stack, STACK_BYTES, fiber_main);
	f->all_prev = NULL;
	f->all_next = fibers.all;
	if (fibers.all != NULL)
		fibers.all->all_prev = f;
	fibers.all = f;
	fibers.alive++;
	make_ready(f);
}

static void
queue_leave(struct fiber *f)
{
	struct fiber_queue *q = f->queued_on;

	if (q == NULL)
		return;
	f->queued_on = NULL;
	for (struct fiber **p = &q->head; *p != NULL; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			if (q->tail == &f->next)
				q->tail = p;
			return;
		}
}

static void
end_wait(struct fiber *f, enum fiber_wake result)
{
	if (f->state != FIBER_PARKED)
		return;
	queue_leave(f);
	if (f->timer != NULL)
		event_del(f->timer);
	f->result = result;
	make_ready(f);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_wait(arg, FIBER_TIMEOUT);
}

enum fiber_wake
fiber_park(const char *why, int timeout_ms)
{
	struct fiber *f = fibers.current;
	struct timeval tv = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };

	if (f == NULL)
		abort();	/* the loop itself must never wait */
	if (f->cancelled) {
		queue_leave(f);
		return FIBER_CANCELLED;
	}
	if (timeout_ms >= 0) {
		if (f->timer == NULL)
			f->timer = evtimer_new(fibers.base, on_timer, f);
		evtimer_add(f->timer, &tv);
	}
	f->why = why;
	f->state = FIBER_PARKED;
	switch_back(f, false);
	return f->result;
}

void
fiber_wait(const char *why)
{
	struct fiber *f = fibers.current;

	if (f == NULL)
		abort();
	f->why = why;
	f->unmoved = true;
	f->state = FIBER_PARKED;
	switch_back(f, false);
	f->unmoved = false;
}

void
fiber_wake(struct fiber *f)
{
	end_wait(f, FIBER_DONE);
}

void
fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (!f->unmoved)
		end_wait(f, FIBER_CANCELLED);
}

enum fiber_wake
fiber_sleep(int ms)
{
	enum fiber_wake w = fiber_park("sleep", ms);

	return w == FIBER_TIMEOUT ? FIBER_DONE : w;
}

unsigned
fiber_run_ready(void)
{
	unsigned ran = 0;

	while (fibers.ready != NULL) {
		struct fiber *f = fibers.ready;
		fibers.ready = f->next;
		if (fibers.ready == NULL)
			fibers.ready_tail = &fibers.ready;
		switch_to(f);
		ran++;
	}
	metric_set(M_FIBERS, fibers.alive);
	return ran;
}

void
fiber_shutdown(void)
{
	while (fibers.pool != NULL) {
		struct fiber *f = fibers.pool;
		fibers.pool = f->next;
		fiber_release(f);
	}
	fibers.pooled = 0;
}

void
fiber_queue_init(struct fiber_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

enum fiber_wake
fiber_queue_wait(struct fiber_queue *q, const char *why, int timeout_ms)
{
	struct fiber *f = fibers.current;

	if (f == NULL)
		abort();
	f->queued_on = q;
	f->next = NULL;
	*q->tail = f;
	q->tail = &f->next;
	return fiber_park(why, timeout_ms);
}

bool
fiber_queue_wake_one(struct fiber_queue *q)
{
	if (q->head == NULL)
		return false;
	fiber_wake(q->head);
	return true;
}

void
fiber_queue_wake_all(struct fiber_queue *q)
{
	while (fiber_queue_wake_one(q))
		;
}
