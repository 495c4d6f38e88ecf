/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of QEMU's TCG plugin interface that the plugins use, and the one
 * place that knows its versions apart.
 *
 * API is the version it is compiled for (build.py picks it by QEMU's version):
 *   1: QEMU 4.2 to 8.2
 *   2: QEMU 9.0, where counters became one a CPU
 *   3: QEMU 9.1, where an instruction's bytes are copied out
 *   4: QEMU 9.2 and later, where an access's value can be had
 */
#ifndef TAILWALK_QEMU_API_H
#define TAILWALK_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info {
	const char *target;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int cpus, most_cpus;
	} system;
};

/* QEMU's enums, all of them ints: registers an instrumented instruction's
 * callback reads (0: none), accesses it wants (3: loads and stores) and the
 * inline operation (0: add a constant to a 64-bit word). */
enum { NO_REGISTERS = 0 };
enum { LOADS_AND_STORES = 3 };
enum { ADD_U64 = 0 };

typedef void reset_callback(uint64_t id);
typedef void translation_callback(uint64_t id, struct qemu_plugin_tb *block);
typedef void execution_callback(unsigned int cpu, void *data);
typedef void access_callback(unsigned int cpu, uint32_t info, uint64_t address, void *data);

void qemu_plugin_reset(uint64_t id, reset_callback *done);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translation_callback *callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
					  execution_callback *callback, int registers, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
					    execution_callback *callback, int registers,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
				      access_callback *callback, int registers, int accesses,
				      void *data);
bool qemu_plugin_mem_is_store(uint32_t info);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);

/* An instruction's first bytes. */
#if API < 3
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);

static inline void copy_bytes(const struct qemu_plugin_insn *instruction, void *bytes, size_t size)
{
	memcpy(bytes, qemu_plugin_insn_data(instruction), size);
}
#else
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction, void *bytes, size_t most);

static inline void copy_bytes(const struct qemu_plugin_insn *instruction, void *bytes, size_t size)
{
	qemu_plugin_insn_data(instruction, bytes, size);
}
#endif

/* Is the instruction of this size, and does it begin with these bytes? */
static inline bool has_bytes(const struct qemu_plugin_insn *instruction, size_t size,
			     const uint8_t *bytes, size_t length)
{
	uint8_t found[16];

	if (qemu_plugin_insn_size(instruction) != size)
		return false;
	copy_bytes(instruction, found, length);
	return !memcmp(found, bytes, length);
}

/* Counters that translated code adds to in line with its instructions, so many for
 * each of the guest's CPUs. */
enum { MOST_COUNTERS = 8 };
enum { MOST_CPUS = 16 };

extern unsigned int cpu_count;

#if API < 2
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction,
						int operation, void *word, uint64_t operand);

/* Of a CPU no more than a cache line. */
extern uint64_t all_counters[MOST_CPUS][MOST_COUNTERS];

static inline void make_counters(void)
{
}

static inline uint64_t *counters(unsigned int cpu)
{
	return all_counters[cpu];
}

/* What translated code adds to is one word for all CPUs, which they add to without
 * regard to each other: several call a function. */
static inline void add_for(unsigned int cpu, void *data)
{
	uint64_t *word = &all_counters[cpu][(size_t)data % MOST_COUNTERS];

	__atomic_store_n(word, *word + (size_t)data / MOST_COUNTERS, __ATOMIC_RELAXED);
}

static inline void add_before(struct qemu_plugin_insn *instruction, size_t counter, size_t number)
{
	if (cpu_count > 1)
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, add_for, NO_REGISTERS,
						       (void *)(number * MOST_COUNTERS + counter));
	else
		qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64,
							   &all_counters[0][counter], number);
}
#else
struct qemu_plugin_scoreboard;
struct qemu_plugin_word {
	struct qemu_plugin_scoreboard *board;
	size_t offset;
};
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *board, unsigned int cpu);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *instruction,
							 int operation,
							 struct qemu_plugin_word word,
							 uint64_t operand);

extern struct qemu_plugin_scoreboard *all_counters;

static inline void make_counters(void)
{
	all_counters = qemu_plugin_scoreboard_new(MOST_COUNTERS * sizeof(uint64_t));
}

static inline uint64_t *counters(unsigned int cpu)
{
	return qemu_plugin_scoreboard_find(all_counters, cpu);
}

static inline void add_before(struct qemu_plugin_insn *instruction, size_t counter, size_t number)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		instruction, ADD_U64,
		(struct qemu_plugin_word){ all_counters, counter * sizeof(uint64_t) }, number);
}
#endif

#endif
