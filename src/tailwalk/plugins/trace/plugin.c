// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that records which instructions of the kernel each call of the
 * probe executes.
 *
 * Nothing is instrumented before the probe's first marker is translated: the
 * plugin then has QEMU forget all translations and instruments what it
 * translates from there on. Each instruction adds one to a counter in line
 * with the translated code; a function is called once a block, and at call and
 * return instructions, whose stack slot tells which return belongs to which
 * call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_api.h"
#include "trace.h"

EXPORT int qemu_plugin_version = API;

/* MARK_BEGIN and MARK_END of the probe (probe/calls.c). */
#define MARKER_SIZE 8
static const uint8_t marker_begin[MARKER_SIZE] = {
	0x0f, 0x1f, 0x84, 0x00, 0x01, 0x57, 0x4c, 0x54
};
static const uint8_t marker_end[MARKER_SIZE] = { 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x57, 0x4c, 0x54 };

/* Counting the executed instructions. */

#if API < 2
static uint64_t counter;

static void make_counter(void)
{
}

static void count(struct qemu_plugin_insn *instruction)
{
	qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &counter, 1);
}

static uint64_t executed(void)
{
	return counter;
}
#else
static struct qemu_plugin_scoreboard *board;

static void make_counter(void)
{
	board = qemu_plugin_scoreboard_new(sizeof(uint64_t));
}

static void count(struct qemu_plugin_insn *instruction)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		instruction, ADD_U64, (struct qemu_plugin_word){ board, 0 }, 1);
}

static uint64_t executed(void)
{
	return *(uint64_t *)qemu_plugin_scoreboard_find(board, 0);
}
#endif

/* Reading instructions. */

static void copy_bytes(const struct qemu_plugin_insn *instruction, uint8_t *bytes, size_t size)
{
#if API < 3
	memcpy(bytes, qemu_plugin_insn_data(instruction), size);
#else
	qemu_plugin_insn_data(instruction, bytes, size);
#endif
}

static bool is_marker(const struct qemu_plugin_insn *instruction, const uint8_t *marker)
{
	uint8_t bytes[MARKER_SIZE];

	if (qemu_plugin_insn_size(instruction) != MARKER_SIZE)
		return false;
	copy_bytes(instruction, bytes, MARKER_SIZE);
	return !memcmp(bytes, marker, MARKER_SIZE);
}

enum kind { OTHER, CALL, RETURN };

/* Near calls and returns, by the opcode after the prefixes (Intel SDM, volume
 * 2, 2.1). */
static enum kind kind_of(const uint8_t *bytes, size_t size)
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

/* Instrumenting. */

static void on_begin(unsigned int cpu, void *data)
{
	(void)cpu;
	trace_begin((uint64_t)(uintptr_t)data, executed());
}

static void on_end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	trace_end(executed());
}

static void on_block(unsigned int cpu, void *data)
{
	(void)cpu;
	trace_block(data, executed());
}

/* Loads and stores are asked for together and told apart here: QEMU 7.2 mixes
 * up which of them an instruction's callback wants. */
static void on_stack(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	bool call = data != NULL;

	(void)cpu;
	if (qemu_plugin_mem_is_store(info) == call)
		trace_stack(call, address);
}

static char is_call; /* its address is data that says so */

static void instrument(uint64_t id, struct qemu_plugin_tb *translated)
{
	size_t length = qemu_plugin_tb_n_insns(translated);
	struct block *block = new_block(qemu_plugin_tb_vaddr(translated), (uint32_t)length);
	uint8_t *bytes = block->bytes;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(translated, on_block, NO_REGISTERS, block);
	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);
		size_t size = qemu_plugin_insn_size(instruction);
		enum kind kind;

		copy_bytes(instruction, bytes, size);
		block->sizes[i] = (uint8_t)size;
		count(instruction);
		kind = kind_of(bytes, size);
		if (kind != OTHER)
			qemu_plugin_register_vcpu_mem_cb(instruction, on_stack, NO_REGISTERS,
							 LOADS_AND_STORES,
							 kind == CALL ? &is_call : NULL);
		else if (is_marker(instruction, marker_begin))
			qemu_plugin_register_vcpu_insn_exec_cb(
				instruction, on_begin, NO_REGISTERS,
				(void *)(uintptr_t)qemu_plugin_insn_vaddr(instruction));
		else if (is_marker(instruction, marker_end))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS,
							       NULL);
		bytes += size;
	}
	close_block(block);
}

static void on_reset(uint64_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
}

static void await_marker(uint64_t id, struct qemu_plugin_tb *translated)
{
	static bool found;
	size_t length = qemu_plugin_tb_n_insns(translated);

	if (found || qemu_plugin_tb_vaddr(translated) >> 63)
		return;
	for (size_t i = 0; i < length && !found; i++)
		found = is_marker(qemu_plugin_tb_get_insn(translated, i), marker_begin);
	if (found)
		qemu_plugin_reset(id, on_reset);
}

/* Takes one argument, output=FD. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	int versions[3] = { API, info->version.min, info->version.cur };
	int descriptor;

	if (argc != 1 || sscanf(argv[0], "output=%d", &descriptor) != 1) {
		fprintf(stderr, "tailwalk's counting plugin takes output=FD\n");
		return 1;
	}
	if (strcmp(info->target, "x86_64") || !info->system_emulation) {
		fprintf(stderr, "tailwalk's counting plugin is for qemu-system-x86_64\n");
		return 1;
	}
	output_open(descriptor);
	output_frame(FRAME_HELLO, (struct part[]){ { versions, sizeof(versions) } }, 1);
	make_counter();
	qemu_plugin_register_vcpu_tb_trans_cb(id, await_marker);
	return 0;
}
