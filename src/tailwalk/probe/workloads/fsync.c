// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct fsync_parameters *of = PARAMETERS(fsync, work);

	lay_out(work, 1, of->size, of->offset);
	add_step(work, (struct step){ CALL(fsync, work->fd) });
}

static void restore(struct work *work)
{
	const struct fsync_parameters *of = PARAMETERS(fsync, work);

	sure("pwrite", pwrite(work->fd, work->memory, of->size, (off_t)of->offset));
}

const struct workload workload_fsync = { .prepare = prepare, .restore = restore, .undoes = 1 };
