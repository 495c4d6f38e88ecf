/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stay in the kernel, and the steps that it consists of. */
#ifndef TAILWALK_CALLS_STAYS_H
#define TAILWALK_CALLS_STAYS_H

#include "calls/rows.h"

/* Steps of one stay are summed up by node once they are so many. */
#define MANY_STEPS 8192

/* A block of instructions as QEMU translated it. */
struct block {
	uint64_t begin, end;
	uint32_t function, value;
	uint8_t label; /* NOTHING unless the block is where the label says something */
	uint8_t ends; /* enum kind, of its last instruction */
};

/* Blocks by their numbers, from 1 on; they stay where they are. */
enum { BLOCKS_TOGETHER = 4096 };
extern struct block **blocks;
uint32_t another_block(void);

static inline struct block *block_at(uint32_t number)
{
	return &blocks[number / BLOCKS_TOGETHER][number % BLOCKS_TOGETHER];
}

enum { SAVED_REGISTERS = 5 };

/* What a call writes, as a struct iovec has it. */
struct piece {
	uint64_t at, size;
};

/* What a call writes to standard output: the memory that holds its pieces, as far as it
 * was not seen yet; so many bytes of them that were; and the first that is still to come. */
struct reading {
	struct piece vector;
	size_t seen, done;
	struct piece *pieces;
	size_t room; /* for pieces */
};

/* A call instruction whose return is to come. */
struct call {
	uint64_t returns_to;
	uint32_t caller;
};

/* A stay in the kernel, from a way in to the way out, or a thread's life. */
struct stay {
	union what what;
	bool in_driver;
	uint8_t expected; /* saved registers that are still to come, as bits */
	uint64_t saved[SAVED_REGISTERS];
	const struct block *block; /* the last one executed */
	uint32_t node;
	struct call *calls;
	size_t call_count, call_room;
	struct step *steps;
	size_t step_count, step_room;
	size_t arrived; /* steps before the task was switched to */
	struct requests requests;
	struct reading reading;
	bool begins_region; /* when it is left */
};

static inline bool is_call(const struct stay *stay)
{
	return stay->what.class == SYSTEM_CALL || stay->what.class == COMPAT_CALL;
}

void note(struct stay *stay, uint32_t node, uint64_t count, uint32_t entered);
/* Sum the steps up by node. */
void sum_up(struct stay *stay);
uint64_t sum_of(const struct stay *stay);
/* What was counted in it so far does not count. */
void forget(struct stay *stay);

#endif
