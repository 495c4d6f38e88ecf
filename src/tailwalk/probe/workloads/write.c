// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static void prepare(struct work *work)
{
	const struct write_parameters *of = PARAMETERS(write, work);

	work->call = (struct call){ SYS_write, work->fd, (long)work->memory, (long)of->size, 0,
				    0,	       0 };
	work->expected = of->size;
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(write, work)->offset);
}

static long call(struct work *work)
{
	return write(work->fd, work->memory, PARAMETERS(write, work)->size);
}

const struct workload workload_write = { .prepare = prepare, .restore = restore, .call = call };
