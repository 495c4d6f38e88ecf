// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "workload.h"

static long run_nothing(const long *with)
{
	char *const arguments[] = { "probe", (char *)NOTHING, NULL }, *const none[] = { NULL };
	pid_t child = fork();

	(void)with;
	if (child < 0)
		return -errno;
	if (child == 0) {
		execve("/proc/self/exe", arguments, none);
		_exit(1);
	}
	return ended(child);
}

static void prepare(struct work *work)
{
	add_step(work, (struct step){ WHOLE(run_nothing) });
}

const struct workload workload_exec = { .prepare = prepare };
