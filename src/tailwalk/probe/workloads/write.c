// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static void prepare(struct work *work)
{
	work->call = (struct call){ SYS_write, work->fd, (long)work->memory,
				    (long)PARAMETERS(write, work)->size, 0 };
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(write, work)->offset);
}

static long call(struct work *work)
{
	return write(work->fd, work->memory, PARAMETERS(write, work)->size);
}

static void check(const struct work *work, long result)
{
	check_length(work, result, PARAMETERS(write, work)->size);
}

const struct workload workload_write = {
	.prepare = prepare, .restore = restore, .call = call, .check = check
};
