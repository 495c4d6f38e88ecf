// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>

#include "workload.h"

static sigset_t before;
static uint64_t mask = 1u << (SIGTERM - 1), last;

static void prepare(struct work *work)
{
	sure("sigprocmask", sigprocmask(SIG_SETMASK, NULL, &before));
	add_step(work, (struct step){ CALL(rt_sigprocmask, SIG_SETMASK, (long)&mask, (long)&last,
					   sizeof(mask)) });
}

static void finish(struct work *work)
{
	(void)work;
	sure("sigprocmask", sigprocmask(SIG_SETMASK, &before, NULL));
}

const struct workload workload_sigprocmask = { .prepare = prepare, .finish = finish };
