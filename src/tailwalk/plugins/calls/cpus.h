/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's CPUs. Where there are several each has a thread of QEMU's, and one callback is at work
 * at a time. */
#ifndef TAILWALK_CALLS_CPUS_H
#define TAILWALK_CALLS_CPUS_H

#include "calls/tasks.h"
#include "counting.h"

/* QEMU 7.2 calls an instruction's access callback for accesses of others too: only
 * the first one after it was due counts. */
enum access { ERROR, LEFT, SWITCH, RESULT, REQUEST_LOOK, ACCESSES };

#define NOWHERE_QUIET 0

struct cpu {
	struct task *task; /* that it executes, while no callback of its own is at work */
	uint64_t last[MODES];
	/* What blocks' callbacks are told where the kernel goes on in its function and neither
	 * calls nor returns, and the last block executed there, which the stay has to be told of. */
	uint32_t quiet, latest;
	bool due[ACCESSES];
	bool works; /* executed something of the kernel's since the program began */
};

extern struct cpu cpus[MOST_CPUS];
extern bool running; /* from the program's begin to its end */

void take_turn(void);
void give_turn(void);

struct cpu *arrive_among(unsigned int cpu);
void depart_among(struct cpu *cpu);

/* The CPU of a callback, which is at work from now on; a variable declared so departs
 * at the callback's end. Inline, since every block of the kernel comes by. */
static inline struct cpu *arrive(unsigned int cpu)
{
	return cpu_count > 1 ? arrive_among(cpu) : cpus;
}

static inline void depart(struct cpu **cpu)
{
	if (cpu_count > 1)
		depart_among(*cpu);
}

#define ALONE __attribute__((cleanup(depart)))

/* Credit what was executed here since the last time. */
void settle(void);
/* The same on all CPUs. */
void settle_all(void);

#endif
