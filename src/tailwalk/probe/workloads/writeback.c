// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	lay_out(work, 1, PARAMETERS(writeback, work)->cached_file.fill, 0);
	add_step(work, (struct step){ CALL(fsync, work->fd) });
}

static void restore(struct work *work)
{
	const struct writeback_parameters *of = PARAMETERS(writeback, work);

	write_again(work, 0, of->size, of->cached_file.fill);
}

const struct workload workload_writeback = { .prepare = prepare, .restore = restore, .undoes = 1 };
