// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct write_parameters *of = PARAMETERS(write, work);

	lay_out(work, 1, of->size, of->offset);
	add_step(work, (struct step){ CALL(write, work->fd, (long)work->memory, (long)of->size),
				      .gives = (long)of->size });
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(write, work)->offset);
}

const struct workload workload_write = { .prepare = prepare, .restore = restore };
