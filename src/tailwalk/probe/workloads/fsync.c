// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // SYNC_FILE_RANGE_*
#include <fcntl.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct fsync_parameters *of = PARAMETERS(fsync, work);
	const struct step steps[] = {
		{ CALL(fsync, work->fd) },
		{ CALL(fdatasync, work->fd) },
		{ CALL(sync_file_range, work->fd, (long)of->offset, (long)of->size,
		       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			       SYNC_FILE_RANGE_WAIT_AFTER) },
	};

	lay_out(work, 1, of->size, of->offset);
	add_step(work, steps[of->sync]);
}

static void restore(struct work *work)
{
	const struct fsync_parameters *of = PARAMETERS(fsync, work);

	write_in_tick(work, of->offset, of->size);
}

const struct workload workload_fsync = { .prepare = prepare, .restore = restore, .undoes = 1 };
