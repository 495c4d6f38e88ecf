/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugins know of the guest's machine code. */
#ifndef TAILWALK_X86_64_H
#define TAILWALK_X86_64_H

#include <stdint.h>

#include "qemu_api.h"

#define TARGET "x86_64"
#define LONGEST_INSTRUCTION 15
#define PAGE_SIZE 4096

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

/* What of an instruction follows its prefixes (Intel SDM, volume 2, 2.1). */
struct decoded {
	const uint8_t *opcode;
	size_t left; /* bytes from the opcode on */
	uint8_t rex; /* 0: none */
	bool of_gs;
};

static inline struct decoded decode(const uint8_t *bytes, size_t size)
{
	struct decoded found = { .rex = 0 };
	size_t at = 0;

	while (at < size && (bytes[at] == 0x66 || bytes[at] == 0x67 || bytes[at] == 0xf0 ||
			     bytes[at] == 0xf2 || bytes[at] == 0xf3 ||
			     (bytes[at] & 0xe7) == 0x26 || bytes[at] == 0x64 || bytes[at] == 0x65))
		found.of_gs |= bytes[at++] == 0x65;
	if (at < size && (bytes[at] & 0xf0) == 0x40)
		found.rex = bytes[at++];
	found.opcode = bytes + at;
	found.left = size - at;
	return found;
}

enum kind { OTHER, CALL, RETURN };

/* Near calls and returns. */
static inline enum kind kind_of(const uint8_t *bytes, size_t size)
{
	struct decoded found = decode(bytes, size);
	const uint8_t *opcode = found.opcode;

	if (!found.left)
		return OTHER;
	if (opcode[0] == 0xe8 ||
	    (opcode[0] == 0xff && found.left > 1 && (opcode[1] >> 3 & 7) == 2))
		return CALL;
	return opcode[0] == 0xc3 || opcode[0] == 0xc2 ? RETURN : OTHER;
}

/* An instruction's operands: none in memory; on the stack alone; as its ModRM
 * byte says; or none that is known here. */
enum operands { NOWHERE, STACK, MODRM, UNKNOWN_OPERANDS };

static inline enum operands long_opcode_operands(uint8_t opcode)
{
	switch (opcode) {
	case 0x1e ... 0x1f: /* no-ops */
	case 0xc8 ... 0xcf: /* bswap */
		return NOWHERE;
	case 0x40 ... 0x4f: /* cmov */
	case 0x90 ... 0x9f: /* set */
	case 0xa3 ... 0xa5:
	case 0xab ... 0xad: /* bit tests, double shifts */
	case 0xaf: /* imul */
	case 0xb0 ... 0xb1:
	case 0xc0 ... 0xc1: /* cmpxchg, xadd */
	case 0xb3:
	case 0xb6 ... 0xb8:
	case 0xba ... 0xbf: /* bit tests and scans, moves that extend */
		return MODRM;
	default:
		return UNKNOWN_OPERANDS;
	}
}

static inline enum operands operands_of(const struct decoded *found)
{
	uint8_t opcode = found->opcode[0], which;

	if (opcode < 0x40) { /* arithmetic; 0x0f is the long opcodes' first byte */
		if (opcode == 0x0f)
			return found->left > 1 ? long_opcode_operands(found->opcode[1]) :
						 UNKNOWN_OPERANDS;
		return (opcode & 7) < 4 ? MODRM : (opcode & 7) < 6 ? NOWHERE : UNKNOWN_OPERANDS;
	}
	which = found->left > 1 ? found->opcode[1] >> 3 & 7 : 0;
	switch (opcode) {
	case 0x50 ... 0x5f: /* push, pop */
		return STACK;
	case 0x8d: /* lea */
	case 0x90 ... 0x99:
	case 0xa8 ... 0xa9:
	case 0xb0 ... 0xbf: /* registers and constants */
		return NOWHERE;
	case 0x63:
	case 0x69:
	case 0x6b:
	case 0x80 ... 0x8b:
	case 0xc0 ... 0xc1:
	case 0xc6 ... 0xc7:
	case 0xd0 ... 0xd3:
		return MODRM;
	case 0xf6 ... 0xf7:
		return which < 6 ? MODRM : UNKNOWN_OPERANDS; /* divisions fail */
	case 0xfe ... 0xff:
		return which < 2 ? MODRM : UNKNOWN_OPERANDS;
	default:
		return UNKNOWN_OPERANDS;
	}
}

/* Is whatever follows the instruction in its block executed wherever it is? So it
 * is where it accesses registers alone, or memory that neither faults nor is a
 * device's: in the kernel its stack, its own variables, and those of the CPU. */
static inline bool is_always_finished(const struct qemu_plugin_insn *instruction, bool kernel)
{
	/* What QEMU shows of an instruction may be less than it has (counting.h). */
	uint8_t bytes[LONGEST_INSTRUCTION + 2] = { 0 }, modrm;
	size_t size = qemu_plugin_insn_size(instruction);
	struct decoded found;
	enum operands operands;

	copy_bytes(instruction, bytes, size);
	found = decode(bytes, size);
	operands = found.left ? operands_of(&found) : UNKNOWN_OPERANDS;
	if (operands != MODRM)
		return operands == NOWHERE || (operands == STACK && kernel);
	found.opcode += found.opcode[0] == 0x0f;
	modrm = found.opcode[1];
	if (modrm >> 6 == 3)
		return true;
	return kernel && (found.of_gs || (modrm & 0xc7) == 5 ||
			  ((modrm & 7) == 4 && (found.opcode[2] & 7) == 4 && !(found.rex & 1)));
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
 * which it is left too: `iretq`, or `sysretq`, to 32 bits `sysretl`. */
static inline bool leaves_kernel(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t iretq[2] = { 0x48, 0xcf }, sysretq[3] = { 0x48, 0x0f, 0x07 },
			     sysretl[2] = { 0x0f, 0x07 };

	return has_bytes(instruction, sizeof(iretq), iretq, sizeof(iretq)) ||
	       has_bytes(instruction, sizeof(sysretq), sysretq, sizeof(sysretq)) ||
	       has_bytes(instruction, sizeof(sysretl), sysretl, sizeof(sysretl));
}

/* No entry is longer. */
#define ENTRY_SIZE 256

/* Where a system call's entry saves its third, fourth or fifth argument
 * (PUSH_AND_CLEAR_REGS): 0, 1 or 2; its first or second: 3 or 4; else -1. */
static inline int saves_register(const struct qemu_plugin_insn *instruction)
{
	static const uint8_t push_rdx[1] = { 0x52 }, push_r10[2] = { 0x41, 0x52 },
			     push_r8[2] = { 0x41, 0x50 }, push_rdi[1] = { 0x57 },
			     push_rsi[1] = { 0x56 };

	if (has_bytes(instruction, 1, push_rdx, 1))
		return 0;
	if (has_bytes(instruction, 1, push_rdi, 1))
		return 3;
	if (has_bytes(instruction, 1, push_rsi, 1))
		return 4;
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

/* How far from what a function was given first an instruction of it accesses memory,
 * such as 16 in `movzbl 0x10(%rdi),%eax`; -1 where it does not do so. */
static inline int64_t distance_from_given(const struct qemu_plugin_insn *instruction)
{
	uint8_t bytes[2 * LONGEST_INSTRUCTION] = { 0 };
	size_t size = qemu_plugin_insn_size(instruction);
	struct decoded found;
	const uint8_t *modrm;
	int32_t distance = 0;

	copy_bytes(instruction, bytes, size);
	found = decode(bytes, size);
	if (!found.left || operands_of(&found) != MODRM || found.rex & 1 || found.of_gs)
		return -1;
	modrm = found.opcode + 1 + (found.opcode[0] == 0x0f);
	if ((*modrm & 7) != 7 || *modrm >> 6 == 3)
		return -1;
	if (*modrm >> 6 == 1)
		distance = (int8_t)modrm[1];
	else if (*modrm >> 6 == 2)
		memcpy(&distance, modrm + 1, sizeof(distance));
	return distance < 0 ? -1 : distance;
}

/* Code of the kernel lies so far above where it is in memory, and all memory is
 * mapped from here on (nokaslr; Documentation/arch/x86/x86_64/mm.rst). */
#define CODE_ABOVE_MEMORY 0xffffffff80000000
#define ALL_MEMORY 0xffff888000000000
#define ALL_MEMORY_SIZE (1ull << 46)

/* QEMU's pc leaves a hole for devices between these, where it has so much memory
 * (pc_init1). */
#define MEMORY_WITH_HOLE 0xe0000000ull
#define DEVICES_IN_MEMORY 0xc0000000ull
#define BEYOND_DEVICES (1ull << 32)

#endif
