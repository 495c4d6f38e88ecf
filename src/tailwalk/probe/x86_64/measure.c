// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is measured is an asm block that is the same for every step of a kind,
 * so the user side of a figure is a constant; `measure_nothing`, with a no-op in
 * place of what enters the kernel, tells it. Only a function's is its own.
 */
#include "measure.h"
#include "workload.h"

#define BEGIN                            \
	MARK_BEGIN "rdtsc\n\t"           \
		   "shl $32, %%rdx\n\t"  \
		   "or %%rdx, %%rax\n\t" \
		   "mov %%rax, %[begin]\n\t"
#define END_AT "rdtsc\n\t" MARK_END

#define MEASURE_CALL(instruction)                                                                 \
	register long r10 __asm__("r10") = step->with[3];                                         \
	register long r8 __asm__("r8") = step->with[4];                                           \
	register long r9 __asm__("r9") = step->with[5];                                           \
	register uint64_t begin __asm__("r12");                                                   \
	uint64_t end, high;                                                                       \
	__asm__ volatile(BEGIN "mov %[third], %%rdx\n\t"                                          \
			       "mov %[number], %%rax\n\t" instruction "\n\t"                      \
			       "mov %%rax, %[result]\n\t" END_AT                                  \
			 : "=&a"(end), "=&d"(high), [begin] "=&r"(begin), [result] "=&r"(*result) \
			 : [number] "r"(step->number), "D"(step->with[0]),                        \
			   "S"(step->with[1]), [third] "r"(step->with[2]), "r"(r10), "r"(r8),     \
			   "r"(r9)                                                                \
			 : "rcx", "r11", "memory");                                               \
	return (high << 32 | end) - begin

/* Four user instructions a touch, and three: at least one touch is made. */
#define MEASURE_TOUCHES(instruction)                                                             \
	long at = step->with[0];                                                                 \
	uint64_t left = step->count, end, high, begin;                                           \
	*result = 0;                                                                             \
	__asm__ volatile(BEGIN "1:\n\t" instruction "\n\t"                                       \
			       "add %[stride], %[at]\n\t"                                        \
			       "dec %[left]\n\t"                                                 \
			       "jnz 1b\n\t" END_AT                                               \
			 : "=&a"(end),                                                           \
			   "=&d"(high), [begin] "=&r"(begin), [at] "+&r"(at), [left] "+&r"(left) \
			 : [stride] "r"(step->stride)                                            \
			 : "memory", "cc");                                                      \
	return (high << 32 | end) - begin

static uint64_t call(const struct step *step, long *result)
{
	MEASURE_CALL("syscall");
}

static uint64_t no_call(const struct step *step, long *result)
{
	MEASURE_CALL("nop");
}

static uint64_t load(const struct step *step, long *result)
{
	MEASURE_TOUCHES("movb (%[at]), %%al");
}

static uint64_t store(const struct step *step, long *result)
{
	MEASURE_TOUCHES("movb $1, (%[at])");
}

static uint64_t no_touch(const struct step *step, long *result)
{
	MEASURE_TOUCHES("nop");
}

static uint64_t function(const struct step *step, long *result)
{
	uint64_t begin, end, high;

	__asm__ volatile(BEGIN : [begin] "=r"(begin) : : "rax", "rdx", "memory");
	if (result)
		*result = step->function(step->with);
	__asm__ volatile(END_AT : "=a"(end), "=d"(high) : : "memory");
	return (high << 32 | end) - begin;
}

uint64_t measure_step(const struct step *step, long *result)
{
	switch (step->kind) {
	case SYSTEM_CALL:
		return call(step, result);
	case LOAD:
		return load(step, result);
	case STORE:
		return store(step, result);
	default:
		return function(step, result);
	}
}

uint64_t measure_nothing(const struct step *step)
{
	long result;

	switch (step->kind) {
	case SYSTEM_CALL:
		return no_call(step, &result);
	case FUNCTION:
		function(step, NULL);
		return 0;
	default:
		return no_touch(step, &result);
	}
}
