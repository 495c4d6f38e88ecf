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

#include "output.h"
#include "trace.h"
#include "x86_64.h"

EXPORT int qemu_plugin_version = API;

static uint64_t executed(void)
{
	return *counters();
}

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
		count(instruction, 0);
		kind = kind_of(bytes, size);
		if (kind != OTHER)
			qemu_plugin_register_vcpu_mem_cb(instruction, on_stack, NO_REGISTERS,
							 LOADS_AND_STORES,
							 kind == CALL ? &is_call : NULL);
		else if (is_marker(instruction, mark_call))
			qemu_plugin_register_vcpu_insn_exec_cb(
				instruction, on_begin, NO_REGISTERS,
				(void *)(uintptr_t)qemu_plugin_insn_vaddr(instruction));
		else if (is_marker(instruction, mark_call_end))
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

	if (found || in_kernel(qemu_plugin_tb_vaddr(translated)))
		return;
	for (size_t i = 0; i < length && !found; i++)
		found = is_marker(qemu_plugin_tb_get_insn(translated, i), mark_call);
	if (found)
		qemu_plugin_reset(id, on_reset);
}

/* Takes one argument, output=FD. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	int descriptor;

	if (argc != 1 || sscanf(argv[0], "output=%d", &descriptor) != 1) {
		fprintf(stderr, "tailwalk's counting plugin takes output=FD\n");
		return 1;
	}
	if (output_open(descriptor, info))
		return 1;
	make_counters(1);
	qemu_plugin_register_vcpu_tb_trans_cb(id, await_marker);
	return 0;
}
