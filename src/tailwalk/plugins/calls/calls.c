// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that counts what a program executes between the probe's markers,
 * and what the kernel executes for it: by system call, page fault, interrupt and
 * thread of the kernel, by kind of file and size, and by function on each call
 * path.
 *
 * Instructions add to counters in line with the translated code, and a function
 * is called at each block of the kernel, and settles what was executed where the
 * function changes. Tasks are told apart as in the plugin `split`. What a function
 * says of whoever executes it (which system call it is, to which file system it
 * belongs, what a thread does) is in the host's table. No register is read: a call's
 * size and what it gives are among the registers that its entry saves, and a request
 * to the disk is where the function that takes it looks first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "calls/cpus.h"
#include "calls/disk.h"
#include "calls/memory.h"
#include "calls/tasks.h"
#include "calls/text.h"
#include "calls/tree.h"
#include "output.h"
#include "x86_64.h"

EXPORT int qemu_plugin_version = API;

/* The host's table, by rising address. */
struct function {
	uint64_t address;
	uint32_t label, value;
};

static const struct function *functions;
static size_t function_count;

static uint64_t entry_begin, entry_end; /* where the kernel is entered and left */
static uint64_t call_entry, page_fault;

/* The disk under test; the instruction that first looks at a request, and how far
 * behind its begin; to where that instruction was looked for. */
static char disk[32];
static uint64_t first_look, looked_to;
static int64_t distance;

/* What a block's callback is told: the block's number, and in the lower half what decides for
 * most of them that no memory has to be looked at. */
enum { GOES_ON = 1, HAS_LABEL = 2, FUNCTION = 4 };

static void on_block(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);
	uint32_t about = (uint32_t)(size_t)data, number = (size_t)data >> 32;
	const struct block *block;
	const struct stay *stay;

	if ((about | GOES_ON) == own->quiet) {
		own->latest = number;
		if (about != own->quiet)
			own->quiet = NOWHERE_QUIET;
		return;
	}
	if (!running)
		return;
	block = block_at(number);
	own->works = true;
	settle();
	own->due[ERROR] |= block->begin == page_fault;
	step_to(block);
	stay = top_stay();
	if (about & GOES_ON && stay->block == block &&
	    nodes[stay->node].function == block->function)
		own->quiet = block->function * FUNCTION | GOES_ON;
}

static void on_due(unsigned int cpu, void *data)
{
	cpus[cpu].due[(size_t)data] = true;
}

static bool was_due(struct cpu *cpu, enum access access)
{
	bool was = cpu->due[access];

	cpu->due[access] = false;
	return was;
}

/* Whom nobody has switched to yet. */
static void on_left(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (was_due(own, LEFT) && !current)
		switch_to(address);
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!was_due(own, SWITCH))
		return;
	learn_places(info, address);
	settle();
	switch_to(address);
}

static void on_leave(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!running)
		return;
	settle();
	own->last[KERNEL]++; /* the instruction itself, which is about to be counted */
	if (counting)
		add_kernel(1);
	leave();
}

static void on_saved(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);
	size_t which = (size_t)data;
	struct stay *stay = running ? top_stay() : NULL;

	if (!stay || !(stay->expected & 1u << which))
		return;
	stay->expected &= (uint8_t)~(1u << which);
	stay->saved[which] = accessed_value(info, address);
}

/* An access that faults is executed again; an instruction that could not be
 * fetched was not executed. */
static void on_error(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (was_due(own, ERROR) && counting && !(accessed_value(info, address) & PAGE_FAULT_FETCH))
		executed_twice();
}

static void on_result(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);
	struct stay *stay = was_due(own, RESULT) && running ? top_stay() : NULL;
	uint64_t value = stay && counting ? accessed_value(info, address) : 0;

	if (stay && is_call(stay))
		stay->requests.result = value >> 63 ? 0 : value;
}

static void on_request(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);
	bool read;

	if (!was_due(own, REQUEST_LOOK))
		return;
	read = add_request(info, address - (uint64_t)distance, disk, requests_now);
	totals.unread += running && counting && !read;
}

static void on_access(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!running || !awaits_text())
		return;
	settle();
	see_text(info, address);
}

static void on_begin(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	settle_all();
	running = true;
	start_program();
}

static void on_end(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!running)
		return;
	settle_all();
	running = counting = false;
	end_all_lives();
	totals.disk = first_look || looked_to;
	for (size_t i = 0; i < cpu_count; i++)
		totals.cpus += cpus[i].works;
	output_frame(FRAME_TASKS, (struct part[]){ { &totals, sizeof(totals) } }, 1);
	send_rows();
}

/* Is what counts told by calls, or texts, and not by the program's markers? */
static bool region_by_calls(void)
{
	return call_before || call_after || has_texts();
}

static void on_region(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!running || region_by_calls())
		return;
	settle_all();
	begin_region();
}

static void on_region_end(unsigned int cpu, void *data)
{
	struct cpu *own ALONE = arrive(cpu);

	if (!running || region_by_calls())
		return;
	settle_all();
	end_region();
}

static uint32_t find_function(uint64_t address)
{
	size_t low = 0, high = function_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (functions[middle].address <= address)
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)low;
}

static bool is_everywhere(uint32_t label)
{
	return label == STUB || label == THREAD_WORK;
}

/* Make it known; what its callback is told. */
static void *new_block(struct qemu_plugin_tb *translated, size_t length)
{
	uint32_t number = another_block();
	struct block *block = block_at(number);
	struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, length - 1);
	size_t size = qemu_plugin_insn_size(instruction);
	uint8_t bytes[LONGEST_INSTRUCTION];
	const struct function *function;

	copy_bytes(instruction, bytes, size);
	*block = (struct block){
		.begin = qemu_plugin_tb_vaddr(translated),
		.end = qemu_plugin_insn_vaddr(instruction) + size,
		.function = find_function(qemu_plugin_tb_vaddr(translated)),
		.ends = (uint8_t)kind_of(bytes, size),
	};
	function = &functions[block->function];
	if (function->address == block->begin || is_everywhere(function->label)) {
		block->label = (uint8_t)function->label;
		block->value = function->value;
	}
	return (void *)((size_t)number << 32 | block->function * FUNCTION |
			(block->label ? HAS_LABEL : 0) | (block->ends == OTHER ? GOES_ON : 0));
}

/* Does the instruction look at a request, whose address it was given, before any
 * other of its function? Instructions are seen in the order in which they are first
 * executed, in any portions. */
static bool looks_at_request(const struct qemu_plugin_insn *instruction)
{
	uint64_t address = qemu_plugin_insn_vaddr(instruction);

	if (address == looked_to) {
		uint8_t bytes[LONGEST_INSTRUCTION];
		size_t size = qemu_plugin_insn_size(instruction);

		copy_bytes(instruction, bytes, size);
		distance = distance_from_given(instruction);
		first_look = distance < 0 ? 0 : address;
		looked_to = first_look || kind_of(bytes, size) != OTHER ? 0 : address + size;
	}
	return first_look && address == first_look;
}

/* Was any callback registered? */
static bool watch_kernel(struct qemu_plugin_insn *instruction)
{
	uint64_t address = qemu_plugin_insn_vaddr(instruction);
	int saved;

	if (has_texts())
		qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
	if (changes_tasks(instruction) || leaves_task(instruction)) {
		bool changes = changes_tasks(instruction);

		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_due, NO_REGISTERS,
						       (void *)(size_t)(changes ? SWITCH : LEFT));
		qemu_plugin_register_vcpu_mem_cb(instruction, changes ? on_switch : on_left,
						 NO_REGISTERS, LOADS_AND_STORES, NULL);
		return true;
	}
	if (looks_at_request(instruction)) {
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_due, NO_REGISTERS,
						       (void *)REQUEST_LOOK);
		qemu_plugin_register_vcpu_mem_cb(instruction, on_request, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
		return true;
	}
	if (address < entry_begin || address >= entry_end)
		return false;
	if (takes_result(instruction)) {
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_due, NO_REGISTERS,
						       (void *)RESULT);
		qemu_plugin_register_vcpu_mem_cb(instruction, on_result, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
	}
	if (leaves_kernel(instruction))
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_leave, NO_REGISTERS, NULL);
	else if (address - call_entry < ENTRY_SIZE && (saved = saves_register(instruction)) >= 0)
		qemu_plugin_register_vcpu_mem_cb(instruction, on_saved, NO_REGISTERS,
						 LOADS_AND_STORES, (void *)(size_t)saved);
	else if (address - page_fault < ENTRY_SIZE && reads_error(instruction))
		qemu_plugin_register_vcpu_mem_cb(instruction, on_error, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
	if (address == call_entry || address == page_fault)
		find_memory(instruction);
	return true;
}

static bool watch_user(struct qemu_plugin_insn *instruction)
{
	static const struct {
		const uint8_t *marker;
		execution_callback *callback;
	} markers[] = {
		{ mark_program, on_begin },
		{ mark_program_end, on_end },
		{ mark_region, on_region },
		{ mark_region_end, on_region_end },
	};

	for (size_t i = 0; i < sizeof(markers) / sizeof(*markers); i++)
		if (is_marker(instruction, markers[i].marker)) {
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, markers[i].callback,
							       NO_REGISTERS, NULL);
			return true;
		}
	return false;
}

static void instrument(uint64_t id, struct qemu_plugin_tb *translated)
{
	size_t length = qemu_plugin_tb_n_insns(translated);
	bool kernel = in_kernel(qemu_plugin_tb_vaddr(translated));
	struct counting counting = { .kernel = kernel };

	take_turn();
	if (kernel)
		qemu_plugin_register_vcpu_tb_exec_cb(translated, on_block, NO_REGISTERS,
						     new_block(translated, length));
	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);

		count(&counting, instruction,
		      kernel ? watch_kernel(instruction) : watch_user(instruction));
	}
	add_waiting(&counting);
	give_turn();
}

static bool read_table(int table)
{
	struct stat found;
	void *content;

	if (fstat(table, &found) || found.st_size < (off_t)sizeof(*functions))
		return false;
	content = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, table, 0);
	if (content == MAP_FAILED)
		return false;
	functions = content;
	function_count = (size_t)found.st_size / sizeof(*functions);
	for (size_t i = 0; i < function_count; i++)
		if (functions[i].label == CALL_ENTRY && !functions[i].value)
			call_entry = functions[i].address;
		else if (functions[i].label == REQUEST)
			looked_to = functions[i].address;
	return true;
}

/* Takes output=FD; table=FD, of the file with the functions; entry=BEGIN:END, the
 * code by which the kernel is entered; fault=ADDRESS, that of a page fault's
 * entry; between=CALL:CALL, numbers of the calls after and before which is
 * counted, or 0; memory=BYTES, what the guest has; disk=NAME, of the disk whose
 * requests are counted; and what `read_texts` takes. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	unsigned long long begin, end, fault, memory;
	int table;

	if (!output_open(info, argc < 1 ? argc : 1, argv, NULL))
		return 1;
	if (argc != 8 || sscanf(argv[1], "table=%d", &table) != 1 ||
	    sscanf(argv[2], "entry=%llu:%llu", &begin, &end) != 2 ||
	    sscanf(argv[3], "fault=%llu", &fault) != 1 ||
	    sscanf(argv[4], "between=%u:%u", &call_before, &call_after) != 2 ||
	    sscanf(argv[5], "memory=%llu", &memory) != 1 ||
	    sscanf(argv[6], "disk=%31s", disk) != 1 || !read_texts(argv[7]) ||
	    !read_table(table)) {
		fprintf(stderr, "tailwalk's counting plugin takes table=FD, entry=BEGIN:END, "
				"fault=ADDRESS, between=CALL:CALL, memory=BYTES, disk=NAME and "
				"texts=CALL:CALL:.TEXT:.TEXT\n");
		return 1;
	}
	entry_begin = begin;
	entry_end = end;
	page_fault = fault;
	memory_size = memory;
	make_tree();
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
