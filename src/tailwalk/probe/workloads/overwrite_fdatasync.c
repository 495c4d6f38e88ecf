// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct overwrite_fdatasync_parameters *of = PARAMETERS(overwrite_fdatasync, work);

	lay_out(work, 1, of->size, of->offset);
	add_step(work, (struct step){ CALL(pwrite64, work->fd, (long)work->memory, (long)of->size,
					   (long)of->offset),
				      .gives = (long)of->size });
	add_step(work, (struct step){ CALL(fdatasync, work->fd) });
}

const struct workload workload_overwrite_fdatasync = { .prepare = prepare };
