// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is measured is one asm block that is the same for every call, so the
 * user side of a figure is a constant; `measure_nothing`, with a no-op in place
 * of the system call, tells it.
 */
#include "measure.h"
#include "probe.h"

#define MEASURE(instruction)                                                                      \
	register long r10 __asm__("r10") = call->d;                                               \
	register long r8 __asm__("r8") = call->e;                                                 \
	register long r9 __asm__("r9") = call->f;                                                 \
	register uint64_t begin __asm__("r12");                                                   \
	uint64_t end, high;                                                                       \
	__asm__ volatile(MARK_BEGIN "rdtsc\n\t"                                                   \
				    "shl $32, %%rdx\n\t"                                          \
				    "or %%rdx, %%rax\n\t"                                         \
				    "mov %%rax, %[begin]\n\t"                                     \
				    "mov %[third], %%rdx\n\t"                                     \
				    "mov %[number], %%rax\n\t" instruction "\n\t"                 \
				    "mov %%rax, %[result]\n\t"                                    \
				    "rdtsc\n\t" MARK_END                                          \
			 : "=&a"(end), "=&d"(high), [begin] "=&r"(begin), [result] "=&r"(*result) \
			 : [number] "r"(call->number), "D"(call->a),                              \
			   "S"(call->b), [third] "r"(call->c), "r"(r10), "r"(r8), "r"(r9)         \
			 : "rcx", "r11", "memory");                                               \
	return (high << 32 | end) - begin

uint64_t measure_call(const struct call *call, long *result)
{
	MEASURE("syscall");
}

uint64_t measure_nothing(const struct call *call, long *result)
{
	MEASURE("nop");
}
