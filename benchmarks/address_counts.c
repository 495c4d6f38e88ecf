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

#include "qemu_api.h"

EXPORT int qemu_plugin_version = API;

#define MARKER_SIZE 8
static const uint8_t marker_begin[MARKER_SIZE] = {
	0x0f, 0x1f, 0x84, 0x00, 0x03, 0x57, 0x4c, 0x54
};
static const uint8_t marker_end[MARKER_SIZE] = { 0x0f, 0x1f, 0x84, 0x00, 0x04, 0x57, 0x4c, 0x54 };

/* Where the kernel's text lies without KASLR (Documentation/arch/x86/x86_64/mm.rst, v6.18). */
#define TEXT 0xffffffff81000000
#define TEXT_SIZE (32ul << 20)

static const char *output;

#if API < 2
static uint64_t *counters;

static void make_counters(void)
{
	counters = calloc(TEXT_SIZE, sizeof(*counters));
}

static void count(struct qemu_plugin_insn *instruction, uint64_t place)
{
	qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &counters[place], 1);
}

static uint64_t *counted(void)
{
	return counters;
}
#else
static struct qemu_plugin_scoreboard *board;

static void make_counters(void)
{
	board = qemu_plugin_scoreboard_new(TEXT_SIZE * sizeof(uint64_t));
}

static void count(struct qemu_plugin_insn *instruction, uint64_t place)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		instruction, ADD_U64, (struct qemu_plugin_word){ board, place * sizeof(uint64_t) },
		1);
}

static uint64_t *counted(void)
{
	return qemu_plugin_scoreboard_find(board, 0);
}
#endif

static void on_begin(unsigned int cpu, void *data)
{
	uint64_t *counts = counted();

	(void)cpu;
	(void)data;
	for (uint64_t place = 0; place < TEXT_SIZE; place++)
		if (counts[place]) /* writing to all would take all of the memory */
			counts[place] = 0;
}

static void on_end(unsigned int cpu, void *data)
{
	uint64_t *counts = counted();
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

static bool is_marker(const struct qemu_plugin_insn *instruction, const uint8_t *marker)
{
	uint8_t found[MARKER_SIZE];

	if (qemu_plugin_insn_size(instruction) != MARKER_SIZE)
		return false;
#if API < 3
	memcpy(found, qemu_plugin_insn_data(instruction), MARKER_SIZE);
#else
	qemu_plugin_insn_data(instruction, found, MARKER_SIZE);
#endif
	return !memcmp(found, marker, MARKER_SIZE);
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
		else if (is_marker(instruction, marker_begin))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS,
							       NULL);
		else if (is_marker(instruction, marker_end))
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
	make_counters();
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
