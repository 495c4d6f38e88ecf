// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for QEMU: has a plugin instrument blocks of instructions, and does
 * what it asks for as they are executed. A line is a block; a word of it is an
 * instruction: its address, a colon, its bytes and, where it loads or stores,
 * `<` or `>` and the address of that, and `=` and the value, all in hex. After the
 * word `!` come those that are translated and not executed: the block is left. A line
 * that begins with `=` sets words of memory: each word of it is a place there, `=`
 * and the value. With CPUS=2 in the environment a line that begins with `@` is the
 * second CPU's; each has a thread, and they wait for each other at a line `|`.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_api.h"
#include "x86_64.h"

#define MOST_HOOKS 6
#define CPUS 2
#define MOST_INSTRUCTIONS 64

struct qemu_plugin_insn {
	uint64_t address, accessed, value;
	uint8_t bytes[16];
	size_t size, hooks;
	bool accesses, stores;
	struct hook {
		execution_callback *execute;
		access_callback *access;
		uint64_t *word, number;
		void *data;
	} hook[MOST_HOOKS];
};

struct qemu_plugin_tb {
	struct qemu_plugin_insn instructions[MOST_INSTRUCTIONS];
	size_t length, executed;
	execution_callback *execute;
	void *data;
};

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

static translation_callback *translate;
static reset_callback *reset;

static struct hook *add_hook(struct qemu_plugin_insn *instruction, void *data)
{
	struct hook *hook = &instruction->hook[instruction->hooks++];

	if (instruction->hooks > MOST_HOOKS)
		abort();
	*hook = (struct hook){ .data = data };
	return hook;
}

void qemu_plugin_reset(uint64_t id, reset_callback *done)
{
	reset = done;
}

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translation_callback *callback)
{
	translate = callback;
}

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
					  execution_callback *callback, int registers, void *data)
{
	block->execute = callback;
	block->data = data;
}

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
					    execution_callback *callback, int registers,
					    void *data)
{
	add_hook(instruction, data)->execute = callback;
}

void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction,
						int operation, void *word, uint64_t operand)
{
	struct hook *hook = add_hook(instruction, NULL);

	hook->word = word;
	hook->number = operand;
}

void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
				      access_callback *callback, int registers, int accesses,
				      void *data)
{
	add_hook(instruction, data)->access = callback;
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
	return (struct qemu_plugin_insn *)&block->instructions[index];
}

const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction)
{
	return instruction->bytes;
}

size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction)
{
	return instruction->size;
}

uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction)
{
	return instruction->address;
}

static unsigned int cpus = 1;
static _Thread_local unsigned int cpu;
static pthread_barrier_t barrier;

/* The first words are what is accessed now, by each CPU, unless that lies in a stack.
 * Neighbours among these lie the other way round in memory, and those from FORGOTTEN on
 * were not used lately. */
static uint64_t memory[1 << 13];

#define STACKS 0xffffc90000000000
#define FORGOTTEN 0x8000

struct qemu_plugin_hwaddr {
	uint64_t place;
	bool forgotten;
};

void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *instruction)
{
	return (uint8_t *)memory + (instruction->address - CODE_ABOVE_MEMORY);
}

struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t address)
{
	static _Thread_local struct qemu_plugin_hwaddr found;

	found.forgotten = false;
	if (address >= STACKS && address < CODE_ABOVE_MEMORY) {
		found.place = (address - STACKS) ^ PAGE_SIZE;
		found.forgotten = address - STACKS >= FORGOTTEN;
	} else if (address >= sizeof(memory) && address < STACKS) { /* the program's */
		found.place = (2 * (address & -4096ul) + address % 4096) % sizeof(memory);
	} else {
		found.place = cpu * sizeof(*memory);
	}
	return &found;
}

bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *where)
{
	return where->forgotten;
}

uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where)
{
	return where->place;
}

static void set_memory(char *words)
{
	uint64_t place, value;

	char *rest;

	for (char *word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		if (sscanf(word, "%lx=%lx", &place, &value) == 2 && place < sizeof(memory))
			memcpy((uint8_t *)memory + place, &value, sizeof(value));
}

static void read_instruction(struct qemu_plugin_insn *instruction, const char *word)
{
	int at;

	*instruction = (struct qemu_plugin_insn){ 0 };
	sscanf(word, "%lx:%n", &instruction->address, &at);
	for (word += at; sscanf(word, "%2hhx", &instruction->bytes[instruction->size]) == 1;
	     word += 2)
		instruction->size++;
	instruction->stores = *word == '>';
	instruction->accesses = *word && sscanf(word + 1, "%lx=%lx", &instruction->accessed,
						&instruction->value) >= 1;
}

/* Callbacks and counters come before what an instruction does, accesses after. */
static void execute(const struct qemu_plugin_insn *instruction)
{
	for (size_t i = 0; i < instruction->hooks; i++) {
		const struct hook *hook = &instruction->hook[i];

		if (hook->execute)
			hook->execute(cpu, hook->data);
		if (hook->word)
			*hook->word += hook->number;
	}
	memory[cpu] = instruction->value;
	for (size_t i = 0; i < instruction->hooks && instruction->accesses; i++)
		if (instruction->hook[i].access)
			instruction->hook[i].access(cpu, instruction->stores,
						    instruction->accessed,
						    instruction->hook[i].data);
}

static void execute_line(struct qemu_plugin_tb *block, char *line)
{
	char *rest;

	block->length = block->executed = 0;
	for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		if (*word == '!')
			block->executed = block->length;
		else
			read_instruction(&block->instructions[block->length++], word);
	if (!block->executed)
		block->executed = block->length;
	translate(0, block);
	if (reset) {
		reset(0);
		reset = NULL;
		translate(0, block);
	}
	if (block->execute)
		block->execute(cpu, block->data);
	for (size_t i = 0; i < block->executed; i++)
		execute(&block->instructions[i]);
	block->execute = NULL;
}

static struct script {
	char *text;
	size_t length;
} scripts[CPUS];

static void *run_cpu(void *number)
{
	struct qemu_plugin_tb *block = calloc(1, sizeof(*block));
	char *rest, *line;

	cpu = (unsigned int)(size_t)number;
	for (line = strtok_r(scripts[cpu].text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (*line == '=')
			set_memory(line + 1);
		else if (*line == '|')
			pthread_barrier_wait(&barrier);
		else
			execute_line(block, line);
	free(block);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct qemu_info info = { .target = "x86_64", .system_emulation = true };
	static char line[1 << 16];
	FILE *streams[CPUS];
	pthread_t threads[CPUS];

	if (getenv("CPUS"))
		cpus = (unsigned int)atoi(getenv("CPUS"));
	info.system.cpus = (int)cpus;
	if (qemu_plugin_install(0, &info, argc - 1, argv + 1))
		return 1;
	for (size_t i = 0; i < CPUS; i++)
		streams[i] = open_memstream(&scripts[i].text, &scripts[i].length);
	while (fgets(line, sizeof(line), stdin))
		for (size_t i = 0; i < CPUS; i++)
			if (*line == '|' || (*line == '@') == (i == 1))
				fputs(line + (*line == '@'), streams[i]);
	for (size_t i = 0; i < CPUS; i++)
		fclose(streams[i]);
	pthread_barrier_init(&barrier, NULL, cpus);
	for (size_t i = 0; i < cpus; i++)
		pthread_create(&threads[i], NULL, run_cpu, (void *)i);
	for (size_t i = 0; i < cpus; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
