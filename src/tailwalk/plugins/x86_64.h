/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugins know of the guest's machine code. */
#ifndef TAILWALK_X86_64_H
#define TAILWALK_X86_64_H

#include <stdint.h>

#include "qemu_api.h"

#define TARGET "x86_64"
#define LONGEST_INSTRUCTION 15

/* The probe's markers (probe/x86_64/measure.h): no-ops that no compiler emits. */
#define MARKER_SIZE 8
#define MARKER(number) { 0x0f, 0x1f, 0x84, 0x00, number, 0x57, 0x4c, 0x54 }
static const uint8_t mark_call[MARKER_SIZE] = MARKER(1);
static const uint8_t mark_call_end[MARKER_SIZE] = MARKER(2);
static const uint8_t mark_program[MARKER_SIZE] = MARKER(3);
static const uint8_t mark_program_end[MARKER_SIZE] = MARKER(4);
static const uint8_t mark_region[MARKER_SIZE] = MARKER(5); /* probe/tailwalk.h */
static const uint8_t mark_region_end[MARKER_SIZE] = MARKER(6);

static inline bool is_marker(const struct qemu_plugin_insn *instruction, const uint8_t *marker)
{
	return has_bytes(instruction, MARKER_SIZE, marker, MARKER_SIZE);
}

/* rdtsc. The probe reads the guest's counter right after the first of a step's
 * markers, and right before the second. */
#define READING_SIZE 2
static const uint8_t counter_reading[READING_SIZE] = { 0x0f, 0x31 };

static inline bool reads_counter(const struct qemu_plugin_insn *instruction)
{
	return has_bytes(instruction, READING_SIZE, counter_reading, READING_SIZE);
}

static inline bool in_kernel(uint64_t address)
{
	return address >> 63;
}

enum kind { OTHER, CALL, RETURN };

/* Near calls and returns, by the opcode after the prefixes (Intel SDM, volume
 * 2, 2.1). */
static inline enum kind kind_of(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at < size &&
	       (bytes[at] == 0x66 || bytes[at] == 0x67 || bytes[at] == 0xf2 || bytes[at] == 0xf3 ||
		(bytes[at] & 0xe7) == 0x26 || bytes[at] == 0x64 || bytes[at] == 0x65))
		at++;
	if (at < size && (bytes[at] & 0xf0) == 0x40)
		at++;
	if (at == size)
		return OTHER;
	if (bytes[at] == 0xe8 ||
	    (bytes[at] == 0xff && at + 1 < size && (bytes[at + 1] >> 3 & 7) == 2))
		return CALL;
	return bytes[at] == 0xc3 || bytes[at] == 0xc2 ? RETURN : OTHER;
}

/* The kernel changes tasks in one place, __switch_to_asm, where
 * `mov OFFSET(%rsi),%rsp` takes the next task's stack from its task_struct
 * (arch/x86/entry/entry_64.S): no other instruction of the kernel is of that
 * form, and the address that it loads from names the task. */
#define SWITCH_SIZE 7
static const uint8_t switch_stack[3] = { 0x48, 0x8b, 0xa6 };

/* Before it `mov %rsp,OFFSET(%rdi)` keeps the stack of the task that is left, at
 * the address that names that one. */
static const uint8_t leave_stack[3] = { 0x48, 0x89, 0xa7 };

static inline bool leaves_task(const struct qemu_plugin_insn *instruction)
{
	return has_bytes(instruction, SWITCH_SIZE, leave_stack, sizeof(leave_stack));
}

static inline bool changes_tasks(const struct qemu_plugin_insn *instruction)
{
	return has_bytes(instruction, SWITCH_SIZE, switch_stack, sizeof(switch_stack));
}

/* In the code by which the kernel is entered (arch/x86/entry/entry_64.S), by
 * which it is left too: `iretq`, or `sysretq`. */
static inline bool leaves_kernel(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t iretq[2] = { 0x48, 0xcf }, sysretq[3] = { 0x48, 0x0f, 0x07 };

	return has_bytes(instruction, sizeof(iretq), iretq, sizeof(iretq)) ||
	       has_bytes(instruction, sizeof(sysretq), sysretq, sizeof(sysretq));
}

/* No entry is longer. */
#define ENTRY_SIZE 256

/* Where a system call's entry saves its third, fourth or fifth argument
 * (PUSH_AND_CLEAR_REGS): 0, 1 or 2; else -1. */
static inline int saves_register(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t push_rdx[1] = { 0x52 }, push_r10[2] = { 0x41, 0x52 },
			     push_r8[2] = { 0x41, 0x50 };

	if (has_bytes(instruction, 1, push_rdx, 1))
		return 0;
	if (has_bytes(instruction, 2, push_r10, 2))
		return 1;
	return has_bytes(instruction, 2, push_r8, 2) ? 2 : -1;
}

/* A page fault's entry reads the error code, `mov 0x78(%rsp),%rsi`, in which this
 * bit says that an instruction could not be fetched. */
#define PAGE_FAULT_FETCH 0x10

static inline bool reads_error(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t load[5] = { 0x48, 0x8b, 0x74, 0x24, 0x78 };

	return has_bytes(instruction, sizeof(load), load, sizeof(load));
}

/* Where the way out of a system call takes what the call gives from where it is
 * saved (POP_REGS). */
static inline bool takes_result(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t pop_rax[1] = { 0x58 };

	return has_bytes(instruction, 1, pop_rax, 1);
}

/* How far from what a function was given first an instruction accesses memory,
 * such as 16 in `movzbl 0x10(%rdi),%eax`; -1 where it is of another form. For a
 * function's first instructions, which load, compare or test (Intel SDM, volume
 * 2, 2.1). */
static inline int64_t distance_from_given(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t one[] = "\x38\x39\x3a\x3b\x80\x81\x83\x84\x85\x8a\x8b\xf6\xf7",
			     two[] = "\xb6\xb7\xbe\xbf";
	size_t size = qemu_plugin_insn_size(instruction), at = 0;
	uint8_t bytes[LONGEST_INSTRUCTION + 8] = { 0 };
	int32_t distance;
	bool known;

	copy_bytes(instruction, bytes, size);
	at += bytes[at] == 0x66;
	at += (bytes[at] & 0xf1) == 0x40; /* a prefix that does not change the base */
	known = bytes[at] == 0x0f ? memchr(two, bytes[at + 1], sizeof(two) - 1) != NULL :
				    memchr(one, bytes[at], sizeof(one) - 1) != NULL;
	at += 1 + (bytes[at] == 0x0f);
	if (!known || (bytes[at] & 7) != 7)
		return -1;
	switch (bytes[at] >> 6) {
	case 0:
		return 0;
	case 1:
		return bytes[at + 1] < 0x80 ? bytes[at + 1] : -1;
	case 2:
		memcpy(&distance, bytes + at + 1, sizeof(distance));
		return distance < 0 ? -1 : distance;
	}
	return -1;
}

/* Code of the kernel lies so far above where it is in memory, and all memory is
 * mapped from here on (nokaslr; Documentation/arch/x86/x86_64/mm.rst). */
#define CODE_ABOVE_MEMORY 0xffffffff80000000
#define ALL_MEMORY 0xffff888000000000
#define ALL_MEMORY_SIZE (1ull << 46)

/* QEMU's pc leaves a hole in memory for devices, between these. */
#define DEVICES_IN_MEMORY 0xc0000000ull
#define BEYOND_DEVICES (1ull << 32)

#endif
