// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that counts the instructions of a program, and those of the
 * kernel on its behalf, from the probe's first marker to its second.
 *
 * Each instruction adds one to one of two counters in line with the translated
 * code: user mode by its address in the lower half, the kernel by the upper.
 * Whose they are is known by task: the kernel changes tasks in one place
 * (x86_64.h). A task that executes an instruction in user mode is the
 * program's; the kernel's own threads never do. Interrupts count for the task
 * they land in.
 */
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "x86_64.h"

EXPORT int qemu_plugin_version = API;

enum { USER, KERNEL, MODES };

/* A life of a task: its task_struct's memory may serve another one later. */
struct task {
	uint64_t address;
	uint64_t counts[MODES];
	int init; /* the probe, which is not the program */
};

/* What is written at the end, as 64-bit words. */
static struct {
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
		if (!tasks)
			output_failed("out of memory");
	}
	tasks[known] = (struct task){ .address = address };
	return &tasks[known++];
}

/* Credit what was executed since the last time to the task that runs. */
static void settle(void)
{
	const uint64_t *now = counters();

	for (int mode = 0; mode < MODES; mode++) {
		if (counting && current)
			current->counts[mode] += now[mode] - last[mode];
		last[mode] = now[mode];
	}
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
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
	settle();
	counting = true;
	result.switches = 0;
}

static void on_end(unsigned int cpu, void *data)
{
	if (!counting)
		return;
	settle();
	counting = false;
	if (current)
		current->init = 1;
	for (size_t i = 0; i < known; i++)
		finish(&tasks[i]);
	output_frame(FRAME_TASKS, (struct part[]){ { &result, sizeof(result) } }, 1);
}

static void instrument(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t length = qemu_plugin_tb_n_insns(block);
	int mode = in_kernel(qemu_plugin_tb_vaddr(block)) ? KERNEL : USER;

	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		/* Callbacks first: what they see was executed before this one. */
		if (mode == KERNEL && newborn && qemu_plugin_insn_vaddr(instruction) == newborn)
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_birth, NO_REGISTERS,
							       NULL);
		else if (mode == KERNEL && changes_tasks(instruction))
			qemu_plugin_register_vcpu_mem_cb(instruction, on_switch, NO_REGISTERS,
							 LOADS_AND_STORES, NULL);
		else if (mode == USER && is_marker(instruction, mark_program))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS,
							       NULL);
		else if (mode == USER && is_marker(instruction, mark_program_end))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS,
							       NULL);
		count(instruction, (size_t)mode);
	}
}

/* Takes two arguments: output=FD and newborn=ADDRESS, that of the instruction
 * with which every new task begins. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (!output_open(info, argc, argv, &newborn))
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
