// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin that records which instructions of the kernel each call of the
 * probe executes, from one reading of the guest's counter to the other.
 *
 * Nothing is instrumented before the probe's first marker is translated: the
 * plugin then has QEMU forget all translations and instruments what it
 * translates from there on. Instructions add to counters in line with the
 * translated code; a function is called once a block, and at call and return
 * instructions, whose stack slot tells which return belongs to which call.
 *
 * The trace of a call is every block executed, with how many of its instructions
 * were, every return address that a call instruction stored or a return
 * instruction took back, and every task switched to. Calls whose instructions are
 * the same share one profile: it is told by a sum of hashes over the kernel
 * addresses executed, which does not depend on how the code was cut into blocks.
 * The trace of each profile's first call goes to the host, of the others only
 * their profile's number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "output.h"

EXPORT int qemu_plugin_version = API;

/* An event is one 64-bit word, its kind in the top two bits:
 *   BLOCK: bits 0-31 the block, 32-41 instructions executed of it, 42-61 how
 *          often it was so executed, one after the other, less one;
 *   PUSHED, TAKEN: the lower 62 bits of the address of the stack slot that a
 *          call or return instruction used;
 *   SWITCHED: the lower 62 bits of an address that names the task which runs
 *          from there on. A trace begins with one, of the task that made the
 *          call: 0 where it never switched. */
#define BLOCK 0ull
#define PUSHED (1ull << 62)
#define TAKEN (2ull << 62)
#define SWITCHED (3ull << 62)
#define ADDRESS_MASK ((1ull << 62) - 1)
#define REPEAT_ONE (1ull << 42)
#define REPEAT_MASK (0xfffffull << 42)

/* A call of this many events (128 MiB) is cut off, and so are traces of new
 * profiles once they fill as much in all: the host then says that the calls
 * differ too much. */
#define MOST_EVENTS (16u << 20)

/* A block of instructions as QEMU translated it: they follow each other in
 * memory and only the last one can jump. Where one changes tasks, it is the last. */
struct block {
	uint32_t id, length;
	uint64_t address;
	bool sent;
	uint8_t *bytes; /* of all instructions */
	uint8_t *sizes; /* of each */
	uint64_t *hashes; /* [n]: of the first n instructions' addresses */
};

static struct {
	bool awaited, running, cut;
	uint64_t marker; /* address of the marker that began the call */
	uint64_t begun; /* instructions executed before the first reading */
	uint64_t hash, kernel;
	struct block *block; /* the one being executed, */
	uint64_t entered; /* from when, in instructions executed */
	uint64_t last; /* the event of its last instruction, or 0 */
	uint64_t *events;
	size_t count, room;
	struct {
		uint64_t hash, kernel, user;
		size_t count;
	} end; /* where the last reading was */
} now;

static uint64_t task; /* the one that runs, once it was switched to */

static struct block **blocks;
static uint32_t block_count;

/* Of all steps, those that are recorded, where the host wants no others. */
static unsigned long long first_step, end_step = UINT64_MAX;
static uint64_t step_count;

static uint64_t *profiles;
static uint32_t profile_count;
static uint64_t events_sent;

static uint64_t executed_so_far(void)
{
	return executed(USER) + executed(KERNEL);
}

static void *grow(void *array, size_t size)
{
	array = realloc(array, size);
	if (!array)
		output_failed("out of memory");
	return array;
}

/* The finaliser of MurmurHash3, by Austin Appleby in the public domain: every
 * bit of the address moves every bit of the hash. */
static uint64_t mix(uint64_t address)
{
	address ^= address >> 33;
	address *= 0xff51afd7ed558ccdull;
	address ^= address >> 33;
	address *= 0xc4ceb9fe1a85ec53ull;
	return address ^ address >> 33;
}

static struct block *new_block(uint64_t address, uint32_t length)
{
	struct block *block = grow(NULL, sizeof(*block));

	memset(block, 0, sizeof(*block));
	block->address = address;
	block->length = length;
	block->sizes = grow(NULL, length);
	block->bytes = grow(NULL, length * LONGEST_INSTRUCTION);
	block->hashes = grow(NULL, (length + 1) * sizeof(*block->hashes));
	if (!(block_count & (block_count + 1)))
		blocks = grow(blocks, (2ul * block_count + 2) * sizeof(*blocks));
	block->id = block_count;
	blocks[block_count++] = block;
	return block;
}

/* To be called when `sizes` and `bytes` are there. */
static void close_block(struct block *block)
{
	uint64_t address = block->address;

	block->hashes[0] = 0;
	for (uint32_t i = 0; i < block->length; i++) {
		block->hashes[i + 1] = block->hashes[i] + (in_kernel(address) ? mix(address) : 0);
		address += block->sizes[i];
	}
	block->bytes = grow(block->bytes, (size_t)(address - block->address));
}

static void add_event(uint64_t event)
{
	if (now.count == MOST_EVENTS) {
		now.cut = true;
		return;
	}
	if (now.count == now.room) {
		now.room = now.room ? 2 * now.room : 1 << 16;
		now.events = grow(now.events, now.room * sizeof(*now.events));
	}
	now.events[now.count++] = event;
}

/* Settle the block that was being executed: only now is it known how far. */
static void leave_block(void)
{
	uint64_t length = executed_so_far() - now.entered, event;

	if (!now.block)
		return;
	now.hash += now.block->hashes[length];
	if (in_kernel(now.block->address))
		now.kernel += length;
	event = BLOCK | length << 32 | now.block->id;
	if (now.count && (now.events[now.count - 1] & ~REPEAT_MASK) == event &&
	    (now.events[now.count - 1] & REPEAT_MASK) != REPEAT_MASK)
		now.events[now.count - 1] += REPEAT_ONE;
	else
		add_event(event);
	if (now.last)
		add_event(now.last);
	now.block = NULL;
	now.last = 0;
}

static void on_begin(unsigned int cpu, void *data)
{
	now.running = false;
	now.awaited = first_step <= step_count && step_count < end_step;
	step_count++;
	now.marker = (uint64_t)(uintptr_t)data;
}

static void start(void)
{
	now.awaited = now.cut = false;
	now.running = true;
	now.begun = executed_so_far();
	now.hash = now.kernel = now.last = 0;
	now.block = NULL;
	now.count = 0;
	add_event(SWITCHED); /* to whom is known at the end, where it runs again */
}

/* Any reading after the first may be the last one: the marker after it tells. */
static void on_reading(unsigned int cpu, void *data)
{
	if (now.awaited) {
		start();
	} else if (now.running) {
		now.end.hash = now.hash;
		now.end.kernel = now.kernel;
		now.end.user = executed_so_far() - now.begun - now.kernel;
		now.end.count = now.count;
	}
}

static void on_block(unsigned int cpu, void *data)
{
	if (!now.running)
		return;
	leave_block();
	now.block = data;
	now.entered = executed_so_far();
}

static char is_call; /* its address is data that says so */

/* A call or return instruction used a slot of the stack; it is the last one
 * of its block. Loads and stores are asked for together and told apart here:
 * QEMU 7.2 mixes up which of them an instruction's callback wants. */
static void on_stack(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	bool call = data != NULL;

	if (now.running && qemu_plugin_mem_is_store(info) == call)
		now.last = (call ? PUSHED : TAKEN) | (address & ADDRESS_MASK);
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	task = address & ADDRESS_MASK;
	if (now.running)
		now.last = SWITCHED | task;
}

static void send_block(struct block *block)
{
	uint32_t head[2] = { block->id, block->length };
	size_t size = 0;

	for (uint32_t i = 0; i < block->length; i++)
		size += block->sizes[i];
	output_frame(FRAME_BLOCK,
		     (struct part[]){ { &block->address, 8 },
				      { head, sizeof(head) },
				      { block->sizes, block->length },
				      { block->bytes, size } },
		     4);
	block->sent = true;
}

/* The number of the call's profile; its trace is sent if it is a new one. */
static uint32_t find_profile(void)
{
	for (uint32_t i = 0; i < profile_count; i++)
		if (profiles[i] == now.hash)
			return i;
	if (!(profile_count & (profile_count + 1)))
		profiles = grow(profiles, (2ul * profile_count + 2) * sizeof(*profiles));
	profiles[profile_count] = now.hash;
	events_sent += now.count;
	if (now.cut || events_sent > MOST_EVENTS)
		return profile_count++;
	for (size_t i = 0; i < now.count; i++) {
		uint64_t event = now.events[i];

		if (event >> 62 == BLOCK && !blocks[(uint32_t)event]->sent)
			send_block(blocks[(uint32_t)event]);
	}
	output_frame(FRAME_TRACE,
		     (struct part[]){ { &profile_count, 4 },
				      { now.events, now.count * sizeof(*now.events) } },
		     2);
	return profile_count++;
}

static void on_end(unsigned int cpu, void *data)
{
	uint64_t counts[3];
	uint32_t profile;

	if (!now.running)
		return;
	now.running = false;
	now.hash = now.end.hash;
	now.count = now.end.count;
	now.events[0] = SWITCHED | task;
	profile = find_profile();
	counts[0] = now.marker;
	counts[1] = now.end.kernel;
	counts[2] = now.end.user;
	output_frame(FRAME_CALL, (struct part[]){ { counts, sizeof(counts) }, { &profile, 4 } },
		     2);
}

/* What follows an instruction that changes tasks is a block of its own. */
static struct block *next_block(struct block *block, size_t length, struct qemu_plugin_insn *first)
{
	block->length -= (uint32_t)length;
	close_block(block);
	block = new_block(qemu_plugin_insn_vaddr(first), (uint32_t)length);
	qemu_plugin_register_vcpu_insn_exec_cb(first, on_block, NO_REGISTERS, block);
	return block;
}

/* Was any callback registered? `bytes` are the instruction's. */
static bool watch(struct qemu_plugin_insn *instruction, const uint8_t *bytes, size_t size,
		  bool kernel)
{
	enum kind kind = kind_of(bytes, size);

	if (kind != OTHER)
		qemu_plugin_register_vcpu_mem_cb(instruction, on_stack, NO_REGISTERS,
						 LOADS_AND_STORES, kind == CALL ? &is_call : NULL);
	else if (kernel && changes_tasks(instruction))
		qemu_plugin_register_vcpu_mem_cb(instruction, on_switch, NO_REGISTERS,
						 LOADS_AND_STORES, NULL);
	else if (!kernel && is_marker(instruction, mark_call))
		qemu_plugin_register_vcpu_insn_exec_cb(
			instruction, on_begin, NO_REGISTERS,
			(void *)(uintptr_t)qemu_plugin_insn_vaddr(instruction));
	else if (!kernel && reads_counter(instruction))
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_reading, NO_REGISTERS,
						       NULL);
	else if (!kernel && is_marker(instruction, mark_call_end))
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS, NULL);
	else
		return false;
	return true;
}

static void instrument(uint64_t id, struct qemu_plugin_tb *translated)
{
	size_t length = qemu_plugin_tb_n_insns(translated);
	bool kernel = in_kernel(qemu_plugin_tb_vaddr(translated));
	struct block *block = new_block(qemu_plugin_tb_vaddr(translated), (uint32_t)length);
	uint8_t *bytes = block->bytes, *sizes = block->sizes;
	struct counting counting = { .kernel = kernel };

	qemu_plugin_register_vcpu_tb_exec_cb(translated, on_block, NO_REGISTERS, block);
	for (size_t i = 0; i < length; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);
		size_t size = qemu_plugin_insn_size(instruction);

		copy_bytes(instruction, bytes, size);
		*sizes++ = (uint8_t)size;
		count(&counting, instruction, watch(instruction, bytes, size, kernel));
		bytes += size;
		if (kernel && changes_tasks(instruction) && i + 1 < length) {
			block = next_block(block, length - i - 1,
					   qemu_plugin_tb_get_insn(translated, i + 1));
			bytes = block->bytes;
			sizes = block->sizes;
		}
	}
	add_waiting(&counting);
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

/* Takes output=FD, and steps=BEGIN:END where only those are to be recorded. */
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (!output_open(info, argc > 1 ? 1 : argc, argv, NULL) ||
	    (argc > 1 && sscanf(argv[1], "steps=%llu:%llu", &first_step, &end_step) != 2))
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, await_marker);
	return 0;
}
