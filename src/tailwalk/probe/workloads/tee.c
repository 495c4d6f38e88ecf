// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static int from[2], to[2];

static void prepare(struct work *work)
{
	long size = (long)PARAMETERS(tee, work)->size;

	lay_out(work, 1, (uint64_t)size, 0);
	open_pipe(from, (uint64_t)size);
	open_pipe(to, (uint64_t)size);
	fill_pipe(work, from, (uint64_t)size);
	add_step(work, (struct step){ CALL(tee, from[0], to[1], size, 0), .gives = size });
}

static void restore(struct work *work)
{
	if (work->results[0] > 0)
		empty_pipe(work, to, (uint64_t)work->results[0]);
}

static void finish(struct work *work)
{
	(void)work;
	close_pipe(from);
	close_pipe(to);
}

const struct workload workload_tee = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
