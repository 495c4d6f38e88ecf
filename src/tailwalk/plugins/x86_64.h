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

#endif
