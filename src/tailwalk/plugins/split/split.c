// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that tells, of everything the machine executes between the probe's
 * two readings of the guest's counter in a step of a call, who executed it: the
 * task that called, in user mode and in the kernel; other programs; each of the
 * kernel's own threads by what it does; and the disk's driver, whoever called it.
 *
 * Instructions add to counters in line with the translated code. Tasks are told apart as in the plugin `tasks`. What a thread does is told
 * by the functions that it executes: the host gives the ranges of addresses of
 * those that it knows, each with a number, and what a thread executes from one
 * on counts under its number, until it comes to another. Interrupts count for
 * whom they interrupt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "output.h"

EXPORT int qemu_plugin_version = API;

/* What a task does: nothing that is known, run a program, or what the host has
 * given a number, from FIRST_GIVEN on. */
enum { UNKNOWN, PROGRAM, FIRST_GIVEN };
#define MOST_DOINGS 32
#define MOST_RANGES 64

/* A life of a task, and what it executed in this step. */
struct task {
	uint64_t address;
	uint64_t counts[MOST_DOINGS]; /* in the kernel */
	uint64_t user, apart;
	uint64_t doing;
	bool in_driver;
};

/* Of each step, as 64-bit words. */
static struct {
	uint64_t user, kernel; /* of the caller */
	uint64_t apart; /* in the disk's driver */
	uint64_t halts; /* how often the processor stood still */
	uint64_t faults; /* page faults: an instruction that takes one is counted again */
	uint64_t doings[MOST_DOINGS]; /* of all others */
} result;

static struct range {
	uint64_t begin, end;
	uint64_t doing;
} ranges[MOST_RANGES];
static size_t range_count;

static struct task **tasks; /* the first has no address until it is left */
static struct task *current;
static struct task *caller; /* the one that is between markers */
static size_t known, room;
static uint64_t last[MODES];
static uint64_t newborn, fault, driver, driver_end;
static uint64_t halts, faults;
static bool counting;

static struct task *find(uint64_t address)
{
	for (size_t i = 0; i < known; i++)
		if (tasks[i]->address == address)
			return tasks[i];
	if (known == room) {
		room = room ? 2 * room : 64;
		tasks = realloc(tasks, room * sizeof(*tasks));
	}
	if (!tasks || !(tasks[known] = calloc(1, sizeof(**tasks))))
		output_failed("out of memory");
	tasks[known]->address = address;
	return tasks[known++];
}

/* Credit what was executed since the last time to the task that runs. */
static void settle(void)
{
	uint64_t now[MODES] = { executed(USER), executed(KERNEL) };
	uint64_t user = now[USER] - last[USER], kernel = now[KERNEL] - last[KERNEL];

	memcpy(last, now, sizeof(last));
	if (!counting)
		return;
	current->user += user;
	if (user)
		current->doing = PROGRAM;
	if (current->in_driver)
		current->apart += kernel;
	else
		current->counts[current->doing] += kernel;
}

static void on_leave(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	if (!current->address)
		current->address = address;
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	settle();
	current = find(address);
}

/* A task was just made: its task_struct's memory may have been another's. */
static void on_birth(unsigned int cpu, void *data)
{
	settle();
	current->doing = UNKNOWN;
	current->in_driver = false;
}

static void on_range(unsigned int cpu, void *data)
{
	const struct range *range = data;
	struct task *task = current;

	if (task->doing == range->doing || task->doing == PROGRAM)
		return;
	settle();
	if (task->doing == UNKNOWN) {
		task->counts[range->doing] += task->counts[UNKNOWN];
		task->counts[UNKNOWN] = 0;
	}
	task->doing = range->doing;
}

static void on_driver(unsigned int cpu, void *data)
{
	settle();
	current->in_driver = data != NULL;
}

static void on_halt(unsigned int cpu, void *data)
{
	halts++;
}

static void on_fault(unsigned int cpu, void *data)
{
	faults++;
}

static void on_begin(unsigned int cpu, void *data)
{
	caller = current;
	counting = false;
}

/* Nothing was executed in this step yet. */
static void start(void)
{
	settle();
	counting = true;
	halts = faults = 0;
	for (size_t i = 0; i < known; i++) {
		memset(tasks[i]->counts, 0, sizeof(tasks[i]->counts));
		tasks[i]->user = tasks[i]->apart = 0;
	}
}

static void sum_up(void)
{
	settle();
	memset(&result, 0, sizeof(result));
	result.halts = halts;
	result.faults = faults;
	for (size_t i = 0; i < known; i++) {
		const struct task *task = tasks[i];

		result.apart += task->apart;
		*(task == caller ? &result.user : &result.doings[PROGRAM]) += task->user;
		for (size_t doing = 0; doing < MOST_DOINGS; doing++)
			*(task == caller ? &result.kernel :
					   &result.doings[doing]) += task->counts[doing];
	}
}

/* Any reading after the first may be the last one: the marker after it tells. */
static void on_reading(unsigned int cpu, void *data)
{
	if (current != caller)
		return;
	if (counting)
		sum_up();
	else
		start();
}

static void on_end(unsigned int cpu, void *data)
{
	if (!counting)
		return;
	counting = false;
	caller = NULL;
	output_frame(FRAME_SPLIT, (struct part[]){ { &result, sizeof(result) } }, 1);
}

/* Of a block's instruction at an index; was any callback registered? */
static bool watch_kernel(struct qemu_plugin_insn *instruction, size_t index)
{
	static const uint8_t halt[1] = { 0xf4 };
	uint64_t address = qemu_plugin_insn_vaddr(instruction);
	execution_callback *callback = NULL;
	access_callback *on_access = changes_tasks(instruction) ? on_switch :
				     leaves_task(instruction)	? on_leave :
								  NULL;
	void *data = NULL;
	bool watched;

	if (address == newborn)
		callback = on_birth;
	else if (address == fault)
		callback = on_fault;
	else if (address == driver)
		callback = on_driver, data = &driver;
	else if (address == driver_end)
		callback = on_driver;
	else if (has_bytes(instruction, sizeof(halt), halt, sizeof(halt)))
		callback = on_halt;
	if (callback)
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, callback, NO_REGISTERS, data);
	if (on_access)
		qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
	watched = callback || on_access;
	for (size_t i = 0; i < range_count && !index; i++)
		if (ranges[i].begin <= address && address < ranges[i].end) {
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_range, NO_REGISTERS,
							       &ranges[i]);
			watched = true;
		}
	return watched;
}

static bool watch_user(struct qemu_plugin_insn *instruction)
{
	execution_callback *callback = is_marker(instruction, mark_call)     ? on_begin :
				       reads_counter(instruction)	     ? on_reading :
				       is_marker(instruction, mark_call_end) ? on_end :
									       NULL;

	if (callback)
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, callback, NO_REGISTERS, NULL);
	return callback;
}

static void instrument(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t length = qemu_plugin_tb_n_insns(block);
	bool kernel = in_kernel(qemu_plugin_tb_vaddr(block));
	struct counting counting = { .kernel = kernel };

	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		count(&counting, instruction,
		      kernel ? watch_kernel(instruction, i) : watch_user(instruction));
	}
	add_waiting(&counting);
}

static bool read_argument(const char *argument)
{
	struct range *range = &ranges[range_count];
	unsigned long long first, second, third;

	if (sscanf(argument, "fault=%llu", &first) == 1) {
		fault = first;
	} else if (sscanf(argument, "driver=%llu:%llu", &first, &second) == 2) {
		driver = first;
		driver_end = second;
	} else if (sscanf(argument, "range=%llu:%llu:%llu", &first, &second, &third) == 3 &&
		   range_count < MOST_RANGES && FIRST_GIVEN + third < MOST_DOINGS) {
		*range = (struct range){ first, second, FIRST_GIVEN + third };
		range_count++;
	} else {
		fprintf(stderr, "tailwalk's counting plugin does not know %s\n", argument);
		return false;
	}
	return true;
}

/* Takes output=FD, newborn=ADDRESS, that of the instruction with which every new
 * task begins, and any number of: fault=ADDRESS, that of a page fault's entry;
 * driver=ADDRESS:ADDRESS, where the disk's driver is entered, and where it has
 * done; range=BEGIN:END:NUMBER, a function that tells what a thread does. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (!output_open(info, argc < 2 ? argc : 2, argv, &newborn))
		return 1;
	for (int i = 2; i < argc; i++)
		if (!read_argument(argv[i]))
			return 1;
	current = find(0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
