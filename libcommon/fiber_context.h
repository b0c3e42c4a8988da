/*
 * Where a fiber stands: what a switch saves and loads. Private to fiber.c.
 *
 * On x86-64 six registers and the stack pointer, because glibc's swapcontext also asks the kernel
 * for the signal mask, twice a switch, which is the same for all fibers. Elsewhere glibc's.
 */
#ifndef NXT_FIBER_CONTEXT_H
#define NXT_FIBER_CONTEXT_H

#include <stddef.h>

#if defined(__x86_64__)
struct fiber_context {
	void *sp;	/* there lie r15, r14, r13, r12, rbx, rbp, the return address; also read by deploy/gdb/fibers.py */
};
#else
#include <ucontext.h>
struct fiber_context {
	ucontext_t u;
};
#endif

/* A context that calls fn, which never returns, on an empty stack. */
void fiber_context_make(struct fiber_context *c, char *stack, size_t bytes, void (*fn)(void));
/* Goes on at `to`; returns when something switches back to `from`. */
void fiber_context_switch(struct fiber_context *from, const struct fiber_context *to);

#endif
