// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin for benchmarks/databases.py: how often each instruction of the kernel was executed
 * while a program ran under `tailwalk exec`, by whatever task.
 *
 * Takes output=FILE, and writes pairs of 64-bit words there: address, count. Begin and end are the
 * markers of the probe's program.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "x86_64.h"

EXPORT int qemu_plugin_version = API;

/* Where the kernel's text lies without KASLR (Documentation/arch/x86/x86_64/mm.rst, v6.18). */
#define TEXT 0xffffffff81000000
#define TEXT_SIZE (32ul << 20)

static const char *output;

static void on_begin(unsigned int cpu, void *data)
{
	uint64_t *counts = counters();

	(void)cpu;
	(void)data;
	for (uint64_t place = 0; place < TEXT_SIZE; place++)
		if (counts[place]) /* writing to all would take all of the memory */
			counts[place] = 0;
}

static void on_end(unsigned int cpu, void *data)
{
	uint64_t *counts = counters();
	FILE *file = fopen(output, "wb");

	(void)cpu;
	(void)data;
	for (uint64_t place = 0; file && place < TEXT_SIZE; place++) {
		uint64_t pair[2] = { TEXT + place, counts[place] };

		if (pair[1])
			fwrite(pair, sizeof(pair), 1, file);
	}
	if (!file || fclose(file))
		perror(output);
}

static void instrument(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t length = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
		uint64_t place = qemu_plugin_insn_vaddr(instruction) - TEXT;

		if (place < TEXT_SIZE)
			count(instruction, place);
		else if (is_marker(instruction, mark_program))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS,
							       NULL);
		else if (is_marker(instruction, mark_program_end))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS,
							       NULL);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "output=", 7)) {
		fprintf(stderr, "address_counts takes output=FILE\n");
		return 1;
	}
	output = strdup(argv[0] + 7);
	make_counters(TEXT_SIZE);
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
