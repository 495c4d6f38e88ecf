// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct read_parameters *of = PARAMETERS(read, work);

	lay_out(work, 1, of->size, of->offset);
	add_step(work, (struct step){ CALL(read, work->fd, (long)work->memory, (long)of->size),
				      .gives = (long)of->size });
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(read, work)->offset);
}

const struct workload workload_read = { .prepare = prepare, .restore = restore };
