// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static void prepare(struct work *work)
{
	const struct read_parameters *of = PARAMETERS(read, work);

	work->call =
		(struct call){ SYS_read, work->fd, (long)work->memory, (long)of->size, 0, 0, 0 };
	work->expected = of->size;
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(read, work)->offset);
}

static long call(struct work *work)
{
	return read(work->fd, work->memory, PARAMETERS(read, work)->size);
}

const struct workload workload_read = { .prepare = prepare, .restore = restore, .call = call };
