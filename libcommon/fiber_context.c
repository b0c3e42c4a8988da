/* Switching stacks; see fiber_context.h. */
#include "fiber_context.h"

#if defined(__x86_64__)
#include <stdint.h>

/*
 * System V ABI, AMD64, §3.2.1: rbx, rbp and r12 to r15 belong to the caller. The floating-point control
 * words do too, but nothing here ever changes them.
 */
__asm__(".text\n"
	".globl fiber_context_switch\n"
	".hidden fiber_context_switch\n"
	".type fiber_context_switch, @function\n"
	".p2align 4\n"
	"fiber_context_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq (%rsi), %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_context_switch, .-fiber_context_switch\n");

void
fiber_context_make(struct fiber_context *c, char *stack, size_t bytes, void (*fn)(void))
{
	uintptr_t *sp = (uintptr_t *)(void *)(stack + bytes);

	*--sp = 0;	/* no caller: debuggers end their walk here, and the stack is aligned as after a call */
	*--sp = (uintptr_t)fn;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	c->sp = sp;
}

#else

void
fiber_context_make(struct fiber_context *c, char *stack, size_t bytes, void (*fn)(void))
{
	getcontext(&c->u);
	c->u.uc_stack.ss_sp = stack;
	c->u.uc_stack.ss_size = bytes;
	c->u.uc_link = NULL;
	makecontext(&c->u, fn, 0);
}

void
fiber_context_switch(struct fiber_context *from, const struct fiber_context *to)
{
	swapcontext(&from->u, &to->u);
}

#endif
