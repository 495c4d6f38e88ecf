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

/* Of ModRM: a register and no memory. */
static inline bool of_register(uint8_t modrm)
{
	return modrm >> 6 == 3;
}

static inline bool two_bytes_stay(uint8_t opcode, uint8_t modrm)
{
	bool plain = (opcode & 0xf0) == 0x40 || (opcode & 0xf0) == 0x90 || /* CMOVcc, SETcc */
		     opcode == 0xaf || (opcode & 0xf6) == 0xb6 || /* IMUL, MOVZX, MOVSX */
		     (opcode & 0xe7) == 0xa3 || opcode == 0xba || /* BT and its like */
		     opcode == 0xbc || opcode == 0xbd; /* BSF, BSR */

	return opcode == 0x1f || (opcode & 0xf0) == 0x80 || (opcode & 0xf8) == 0xc8 ||
	       (plain && of_register(modrm)); /* NOP, Jcc, BSWAP */
}

/* Is it sure to be executed to its end once it was begun: it neither accesses
 * memory nor can raise an exception? The commonest of these; prefixes but REX and
 * 66 are taken for instructions that are not. (Intel SDM, volume 2, appendix A.) */
static inline bool stays(const uint8_t *bytes, size_t size)
{
	size_t at = size && bytes[0] == 0x66;
	uint8_t opcode, modrm;

	if (at < size && (bytes[at] & 0xf0) == 0x40)
		at++;
	if (at >= size)
		return false;
	opcode = bytes[at];
	modrm = at + 1 < size ? bytes[at + 1] : 0;
	if (opcode == 0x0f)
		return at + 1 < size && two_bytes_stay(modrm, at + 2 < size ? bytes[at + 2] : 0);
	if (opcode < 0x40 && (opcode & 7) < 6) /* ADD to CMP */
		return (opcode & 7) >= 4 || of_register(modrm);
	if ((opcode & 0xf0) == 0x70 || (opcode >= 0x90 && opcode <= 0x99) || /* Jcc, XCHG */
	    opcode == 0xa8 || opcode == 0xa9 || (opcode & 0xf0) == 0xb0 || /* TEST, MOV */
	    opcode == 0xe9 || opcode == 0xeb || opcode == 0x8d) /* JMP, LEA */
		return true;
	if (opcode == 0xf6 || opcode == 0xf7) /* but DIV and IDIV */
		return of_register(modrm) && (modrm >> 3 & 7) < 6;
	if (opcode == 0xfe || opcode == 0xff) /* INC, DEC */
		return of_register(modrm) && (modrm >> 3 & 7) < 2;
	return of_register(modrm) &&
	       (opcode == 0x63 || opcode == 0x69 || opcode == 0x6b ||
		(opcode >= 0x80 && opcode <= 0x8b && opcode != 0x82) || opcode == 0xc0 ||
		opcode == 0xc1 || opcode == 0xc6 || opcode == 0xc7 || (opcode & 0xfc) == 0xd0);
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

/* Code of the kernel lies so far above where it is in memory (nokaslr). */
#define CODE_ABOVE_MEMORY 0xffffffff80000000
#define DEVICES_IN_MEMORY 0xc0000000ull

#endif
