// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>

#include "workload.h"

/* The kernel's own, which is not the C library's. */
struct action {
	void (*handler)(int number);
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void nothing(int number)
{
	(void)number;
}

static struct action action = { .handler = nothing }, last;

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(rt_sigaction, SIGUSR1, (long)&action, (long)&last,
					   sizeof(action.mask)) });
}

static void finish(struct work *work)
{
	(void)work;
	signal(SIGUSR1, SIG_DFL);
}

const struct workload workload_sigaction = { .prepare = prepare, .finish = finish };
