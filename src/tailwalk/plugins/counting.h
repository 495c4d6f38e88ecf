/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting every instruction that is executed, as it is executed.
 *
 * Instructions that are executed together or not at all are added at once, before
 * the first of them: an addition for each would double what QEMU has to translate.
 * The last of them is one that may not be finished, as it takes a page fault or
 * has to be tried anew. An instruction with callbacks is added by itself, so that
 * they see just what was executed. Neighbours add to different words: an addition
 * waits for the one before it to the same word.
 */
#ifndef TAILWALK_COUNTING_H
#define TAILWALK_COUNTING_H

#include "x86_64.h"

enum { USER, KERNEL, MODES };
enum { WORDS = MOST_COUNTERS / MODES };

/* Instructions executed by a CPU in a mode. */
static inline uint64_t executed_by(unsigned int cpu, size_t mode)
{
	const uint64_t *words = counters(cpu) + mode;
	uint64_t sum = 0;

	for (size_t i = 0; i < WORDS; i++)
		sum += __atomic_load_n(&words[MODES * i], __ATOMIC_RELAXED);
	return sum;
}

/* The same where there is one CPU. */
static inline uint64_t executed(size_t mode)
{
	return executed_by(0, mode);
}

struct counting {
	bool kernel;
	struct qemu_plugin_insn *first; /* of those that wait to be added, */
	size_t number; /* so many */
};

static inline void add_waiting(struct counting *counting)
{
	static size_t word;
	size_t mode = counting->kernel ? KERNEL : USER;

	if (counting->number)
		add_before(counting->first, mode + MODES * (word++ % WORDS), counting->number);
	counting->number = 0;
}

/* QEMU 7.2 shows what it has read of an instruction that goes on in the next page
 * as the last one of a block that in truth ends before it. */
static inline bool may_leave_page(const struct qemu_plugin_insn *instruction)
{
	uint64_t begin = qemu_plugin_insn_vaddr(instruction);

	return begin / PAGE_SIZE != (begin + LONGEST_INSTRUCTION) / PAGE_SIZE;
}

/* Count the next instruction of a block, which has callbacks or is not `watched`:
 * those that run before it do not see it counted, and those of its accesses do. To
 * be called after they were registered, and `add_waiting` after the block's last. */
static inline void count(struct counting *counting, struct qemu_plugin_insn *instruction,
			 bool watched)
{
	if (watched || may_leave_page(instruction))
		add_waiting(counting);
	if (!counting->number++)
		counting->first = instruction;
	if (watched || !is_always_finished(instruction, counting->kernel))
		add_waiting(counting);
}

#endif
