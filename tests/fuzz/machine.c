// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A QEMU of bytes, for a counting plugin: it translates blocks of any code, and
 * executes them as QEMU does. A block ends early at a fault, and its last
 * instruction alone may use the stack. What comes of it has to be whole frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frames.h"
#include "qemu_api.h"

#define MOST_INSTRUCTIONS 512 /* of a block, and */
#define LONGEST 15 /* bytes of one: QEMU's own */
#define MOST_BLOCKS 32

struct hook {
	execution_callback *run;
	access_callback *use;
	void *data;
};

struct qemu_plugin_insn {
	uint64_t address;
	uint8_t size;
	uint8_t bytes[LONGEST];
	struct hook executed, used;
	uint64_t *counter, number;
};

struct qemu_plugin_tb {
	struct qemu_plugin_insn *instructions;
	size_t length;
	struct hook entered;
};

static struct qemu_plugin_tb blocks[MOST_BLOCKS];
static size_t block_count;
static translation_callback *translated;
static const uint8_t *input;
static size_t left;
static int output;

static uint64_t take(size_t bytes)
{
	uint64_t found = 0;

	while (bytes-- && left) {
		found = found << 8 | *input++;
		left--;
	}
	return found;
}

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translation_callback *callback)
{
	(void)id;
	translated = callback;
}

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
					  execution_callback *callback, int registers, void *data)
{
	(void)registers;
	block->entered = (struct hook){ .run = callback, .data = data };
}

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
					    execution_callback *callback, int registers,
					    void *data)
{
	(void)registers;
	instruction->executed = (struct hook){ .run = callback, .data = data };
}

void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
				      access_callback *callback, int registers, int accesses,
				      void *data)
{
	(void)registers;
	(void)accesses;
	instruction->used = (struct hook){ .use = callback, .data = data };
}

bool qemu_plugin_mem_is_store(uint32_t info)
{
	return info;
}

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block)
{
	return block->length;
}

uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block)
{
	return block->instructions[0].address;
}

struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index)
{
	if (index >= block->length)
		abort();
	return &block->instructions[index];
}

size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction)
{
	return instruction->size;
}

uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction)
{
	return instruction->address;
}

const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction)
{
	return instruction->bytes;
}

void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction,
						int operation, void *word, uint64_t operand)
{
	if (operation != ADD_U64 || !operand)
		abort();
	instruction->counter = word;
	instruction->number = operand;
}

static void forget(void)
{
	while (block_count)
		free(blocks[--block_count].instructions);
}

void qemu_plugin_reset(uint64_t id, reset_callback *done)
{
	translated = NULL;
	done(id);
}

static void translate(void)
{
	struct qemu_plugin_tb *block = &blocks[block_count];
	uint64_t address = take(1) & 1 ? take(6) : take(6) | 1ull << 63;

	block->length = 1 + take(2) % MOST_INSTRUCTIONS;
	if (left / 2 < block->length)
		block->length = 1 + left / 2;
	block->entered = (struct hook){ 0 };
	block->instructions = calloc(block->length, sizeof(*block->instructions));
	for (size_t i = 0; i < block->length; i++) {
		struct qemu_plugin_insn *instruction = &block->instructions[i];
		uint8_t kind = (uint8_t)take(1);

		instruction->address = address;
		if (kind & 1) { /* a marker */
			memcpy(instruction->bytes, "\x0f\x1f\x84\x00\x00\x57\x4c\x54", 8);
			instruction->bytes[4] = kind >> 1 & 7;
			instruction->size = 8;
		} else if (kind & 2) { /* a change of tasks */
			memcpy(instruction->bytes, "\x48\x8b\xa6", 3);
			instruction->size = 7;
		} else {
			instruction->size = (uint8_t)(1 + (kind >> 2) % LONGEST);
			for (int at = 0; at < instruction->size && at < 3; at++)
				instruction->bytes[at] = (uint8_t)take(1);
		}
		address += instruction->size;
	}
	block_count++;
	if (translated)
		translated(1, block);
}

static void execute(void)
{
	struct qemu_plugin_tb *block = &blocks[take(1) % block_count];
	size_t upto = 1 + take(2) % block->length;

	if (block->entered.run)
		block->entered.run(0, block->entered.data);
	for (size_t i = 0; i < upto; i++) {
		struct qemu_plugin_insn *instruction = &block->instructions[i];

		if (instruction->executed.run)
			instruction->executed.run(0, instruction->executed.data);
		if (instruction->counter)
			*instruction->counter += instruction->number;
		if (instruction->used.use)
			instruction->used.use(0, (uint32_t)take(1) & 1, take(8),
					      instruction->used.data);
	}
}

void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *instruction)
{
	(void)instruction;
	return NULL;
}

void *qemu_plugin_get_hwaddr(uint32_t info, uint64_t address)
{
	(void)info;
	(void)address;
	return NULL;
}

bool qemu_plugin_hwaddr_is_io(const void *where)
{
	(void)where;
	return false;
}

uint64_t qemu_plugin_hwaddr_phys_addr(const void *where)
{
	(void)where;
	return 0;
}

/* Of trace.c or calls.c: the plugin's after output=FD, and how many. */
int more_arguments(char **arguments);
void forget_all(void);
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qemu_info info = { .target = "x86_64",
					       .system_emulation = true,
					       .system = { 1, 1 } };
	static bool installed;
	char descriptor[32];
	char *arguments[8] = { descriptor };
	uint8_t block[4096];
	ssize_t got;
	int count;

	if (!installed) {
		output = memfd_create("output", 0);
		snprintf(descriptor, sizeof(descriptor), "output=%d", output);
		count = 1 + more_arguments(arguments + 1);
		if (!qemu_plugin_install(1, &info, 0, arguments) ||
		    qemu_plugin_install(1, &info, count, arguments))
			abort();
		installed = true;
	}
	input = data;
	left = size;
	while (left) {
		if (block_count < MOST_BLOCKS && (!block_count || take(1) % 4 == 0))
			translate();
		else
			execute();
	}
	forget();
	forget_all();
	lseek(output, 0, SEEK_SET);
	while ((got = read(output, block, sizeof(block))) > 0)
		frames_take(block, (size_t)got);
	frames_end();
	if (ftruncate(output, 0) || lseek(output, 0, SEEK_SET))
		abort();
	return 0;
}
