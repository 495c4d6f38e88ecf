// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that counts the instructions of a program, and those of the
 * kernel on its behalf, from the probe's first marker to its second.
 *
 * Each instruction adds one to one of two counters in line with the translated
 * code: user mode by its address in the lower half, the kernel by the upper.
 * Whose they are is known by task. The kernel changes tasks in one place,
 * __switch_to_asm, where `mov OFFSET(%rsi),%rsp` takes the next task's stack
 * from its task_struct (arch/x86/entry/entry_64.S): no other instruction of
 * the kernel is of that form, and the address that it loads from names the
 * task. A task that executes an instruction in user mode is the program's; the
 * kernel's own threads never do. Interrupts count for the task they land in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu_api.h"

EXPORT int qemu_plugin_version = API;

#define MARKER_SIZE 8
static const uint8_t marker_begin[MARKER_SIZE] = {
	0x0f, 0x1f, 0x84, 0x00, 0x03, 0x57, 0x4c, 0x54
};
static const uint8_t marker_end[MARKER_SIZE] = { 0x0f, 0x1f, 0x84, 0x00, 0x04, 0x57, 0x4c, 0x54 };

static const uint8_t switch_stack[3] = { 0x48, 0x8b, 0xa6 };
#define SWITCH_SIZE 7

enum { USER, KERNEL, MODES };

#if API < 2
static uint64_t counters[MODES];

static void make_counters(void)
{
}

static void count(struct qemu_plugin_insn *instruction, int mode)
{
	qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &counters[mode], 1);
}

static uint64_t executed(int mode)
{
	return counters[mode];
}
#else
static struct qemu_plugin_scoreboard *board;

static void make_counters(void)
{
	board = qemu_plugin_scoreboard_new(MODES * sizeof(uint64_t));
}

static void count(struct qemu_plugin_insn *instruction, int mode)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		instruction, ADD_U64,
		(struct qemu_plugin_word){ board, (size_t)mode * sizeof(uint64_t) }, 1);
}

static uint64_t executed(int mode)
{
	return ((uint64_t *)qemu_plugin_scoreboard_find(board, 0))[mode];
}
#endif

/* A life of a task: its task_struct's memory may serve another one later. */
struct task {
	uint64_t address;
	uint64_t counts[MODES];
	int init; /* the probe, which is not the program */
};

/* What is written at the end, as 64-bit words. */
static struct {
	uint64_t magic; /* "TWTASKS1" */
	uint64_t user, kernel; /* of the program's tasks */
	uint64_t others; /* of the kernel's own threads */
	uint64_t probe; /* of the probe itself */
	uint64_t tasks; /* of the program */
	uint64_t switches;
} result;

static struct task *tasks, *current;
static size_t known, room;
static uint64_t last[MODES]; /* the counters when they were last settled */
static uint64_t arrived[MODES]; /* the present task's counts when it was switched to */
static uint64_t newborn;
static bool counting;
static int output = -1;

static void finish(struct task *task)
{
	if (task->init) {
		result.probe += task->counts[USER] + task->counts[KERNEL];
	} else if (task->counts[USER]) {
		result.user += task->counts[USER];
		result.kernel += task->counts[KERNEL];
		result.tasks++;
	} else {
		result.others += task->counts[KERNEL];
	}
	memset(task->counts, 0, sizeof(task->counts));
}

static struct task *find(uint64_t address)
{
	for (size_t i = 0; i < known; i++)
		if (tasks[i].address == address)
			return &tasks[i];
	if (known == room) {
		room = room ? 2 * room : 64;
		tasks = realloc(tasks, room * sizeof(*tasks));
		if (!tasks) {
			fprintf(stderr, "tailwalk's task plugin: no memory\n");
			exit(1);
		}
	}
	tasks[known] = (struct task){ .address = address };
	return &tasks[known++];
}

/* Credit what was executed since the last time to the task that runs. */
static void settle(void)
{
	for (int mode = 0; mode < MODES; mode++) {
		uint64_t now = executed(mode);

		if (counting && current)
			current->counts[mode] += now - last[mode];
		last[mode] = now;
	}
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	(void)cpu;
	(void)info;
	(void)data;
	settle();
	current = find(address);
	memcpy(arrived, current->counts, sizeof(arrived));
	result.switches++;
}

/* The first instruction of a task that was just made: what was counted for its
 * address before it was switched to belongs to another. */
static void on_birth(unsigned int cpu, void *data)
{
	uint64_t own[MODES];

	(void)cpu;
	(void)data;
	settle();
	if (!counting || !current)
		return;
	for (int mode = 0; mode < MODES; mode++) {
		own[mode] = current->counts[mode] - arrived[mode];
		current->counts[mode] = arrived[mode];
	}
	finish(current);
	memcpy(current->counts, own, sizeof(own));
	memset(arrived, 0, sizeof(arrived));
}

static void on_begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	settle();
	counting = true;
	result.switches = 0;
}

static void on_end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (!counting)
		return;
	settle();
	counting = false;
	if (current)
		current->init = 1;
	for (size_t i = 0; i < known; i++)
		finish(&tasks[i]);
	memcpy(&result.magic, "TWTASKS1", 8);
	if (write(output, &result, sizeof(result)) != sizeof(result))
		fprintf(stderr, "tailwalk's task plugin: %s\n", strerror(errno));
}

static bool has_bytes(const struct qemu_plugin_insn *instruction, size_t size,
		      const uint8_t *bytes, size_t length)
{
	uint8_t found[MARKER_SIZE];

	if (qemu_plugin_insn_size(instruction) != size)
		return false;
#if API < 3
	memcpy(found, qemu_plugin_insn_data(instruction), length);
#else
	qemu_plugin_insn_data(instruction, found, length);
#endif
	return !memcmp(found, bytes, length);
}

static void instrument(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t length = qemu_plugin_tb_n_insns(block);
	int mode = qemu_plugin_tb_vaddr(block) >> 63 ? KERNEL : USER;

	(void)id;
	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		/* Callbacks first: what they see was executed before this one. */
		if (mode == KERNEL && newborn && qemu_plugin_insn_vaddr(instruction) == newborn)
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_birth, NO_REGISTERS,
							       NULL);
		else if (mode == KERNEL &&
			 has_bytes(instruction, SWITCH_SIZE, switch_stack, sizeof(switch_stack)))
			qemu_plugin_register_vcpu_mem_cb(instruction, on_switch, NO_REGISTERS,
							 LOADS_AND_STORES, NULL);
		else if (mode == USER &&
			 has_bytes(instruction, MARKER_SIZE, marker_begin, MARKER_SIZE))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS,
							       NULL);
		else if (mode == USER &&
			 has_bytes(instruction, MARKER_SIZE, marker_end, MARKER_SIZE))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS,
							       NULL);
		count(instruction, mode);
	}
}

/* Takes two arguments: output=FD and newborn=ADDRESS, that of the instruction
 * with which every new task begins. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	unsigned long long address;

	if (argc != 2 || sscanf(argv[0], "output=%d", &output) != 1 ||
	    sscanf(argv[1], "newborn=%llu", &address) != 1) {
		fprintf(stderr, "tailwalk's task plugin takes output=FD,newborn=ADDRESS\n");
		return 1;
	}
	if (strcmp(info->target, "x86_64") || !info->system_emulation) {
		fprintf(stderr, "tailwalk's task plugin is for qemu-system-x86_64\n");
		return 1;
	}
	newborn = address;
	if (write(output, "TWLOADED", 8) != 8) {
		fprintf(stderr, "tailwalk's task plugin: %s\n", strerror(errno));
		return 1;
	}
	make_counters();
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
