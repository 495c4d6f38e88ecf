/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who executes what for what: the tasks, and on each the ways into the kernel that it has not left
 * yet. */
#ifndef TAILWALK_CALLS_TASKS_H
#define TAILWALK_CALLS_TASKS_H

#include "calls/stays.h"

/* What a function of the kernel tells, by its label in the host's table. */
enum label {
	NOTHING,
	CALL_ENTRY, /* where system calls enter; value: 1 for those of 32 bits */
	EXCEPTION_ENTRY, /* value: which */
	INTERRUPT_ENTRY, /* value: which */
	STUB, /* goes on to an INTERRUPT_ENTRY, by a value that is its own */
	NEWBORN, /* where new tasks begin */
	CALL_FUNCTION, /* value: which, of which saved register its size is, and of which file it is */
	FILE_OPERATION, /* value: of which file */
	THREAD_WORK, /* value: which */
	DRIVER_ENTRY,
	DRIVER_DONE,
	REQUEST, /* where disks are asked for something */
};

/* Calls that are of no file, whatever they reach. */
#define NO_FILE 0xff

#define MOST_STAYS 12

/* A life of a task: its task_struct's memory may serve another one later. */
struct task {
	uint64_t address;
	size_t depth;
	bool born; /* seen to begin */
	bool program; /* executed instructions in user mode, */
	bool probe; /* but is the probe */
	struct stay stays[MOST_STAYS];
};

/* What is written at the end, as 64-bit words. */
struct totals {
	uint64_t user, kernel; /* of the program's tasks */
	uint64_t others; /* of the kernel's own threads */
	uint64_t driver; /* of the disk's driver, for whomever */
	uint64_t probe; /* of the probe itself */
	uint64_t unknown; /* of the kernel, for nobody knows whom */
	uint64_t tasks; /* of the program */
	uint64_t switches;
	uint64_t unread; /* requests of which nothing is known */
	uint64_t disk; /* is it known where they are made? */
	uint64_t cpus; /* that executed something of the kernel's */
};

extern struct task *current;
extern struct totals totals;
extern bool counting;

/* Credit instructions executed since the last time. */
void add_user(uint64_t count);
void add_kernel(uint64_t count);

/* Whom a request to the disk counts for: the stay that it is made in. */
struct requests *requests_now(void);

struct task *task_at(uint64_t address);
void switch_to(uint64_t address);
void enter(enum class class, uint32_t number);
void leave(void);
void start_program(void);
/* What a region's begin and end are told by besides: the numbers of the calls that
 * come before it and after it, or 0. */
extern uint32_t call_before, call_after;
void begin_region(void);
void end_region(void);
/* Where the kernel goes on, and for what. */
void step_to(const struct block *block);
/* The instruction at which a page fault occurred is executed again. */
void executed_twice(void);
void end_all_lives(void);

/* Is the kernel about to access what the program writes to its standard output? Then see
 * what is there: a text may begin a region when the call is left, or have ended it before
 * the call. */
bool awaits_text(void);
void see_text(uint32_t info, uint64_t address);

static inline struct stay *top_stay(void)
{
	return current->depth ? &current->stays[current->depth - 1] : NULL;
}

#endif
