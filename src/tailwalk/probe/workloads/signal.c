// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "workload.h"

static void nothing(int number)
{
	(void)number;
}

/* As a whole: the handler runs in user mode. */
static long kill_self(const long *with)
{
	return kill((pid_t)with[0], SIGUSR1) ? -errno : 0;
}

static void prepare(struct work *work)
{
	struct sigaction action = { .sa_handler = nothing };

	sure("sigaction", sigaction(SIGUSR1, &action, NULL));
	add_step(work, (struct step){ CALL(getpid), .gives = getpid() });
	add_step(work, (struct step){ WHOLE(kill_self), .uses = { RESULT(0) } });
}

static void finish(struct work *work)
{
	(void)work;
	signal(SIGUSR1, SIG_DFL);
}

const struct workload workload_signal = { .prepare = prepare, .finish = finish };
