// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/types.h>
#include <unistd.h>

#include "workload.h"

static int ends[2];
static loff_t at;

static void prepare(struct work *work)
{
	long size = (long)PARAMETERS(splice_to_pipe, work)->size;

	lay_out(work, 1, (uint64_t)size, 0);
	open_pipe(ends, (uint64_t)size);
	add_step(work, (struct step){ CALL(splice, work->fd, (long)&at, ends[1], 0, size, 0),
				      .gives = size });
}

static void restore(struct work *work)
{
	at = 0;
	if (work->results[0] > 0)
		empty_pipe(work, ends, (uint64_t)work->results[0]);
}

static void finish(struct work *work)
{
	(void)work;
	close_pipe(ends);
}

const struct workload workload_splice_to_pipe = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
