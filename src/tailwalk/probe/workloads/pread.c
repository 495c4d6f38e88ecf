// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct pread_parameters *of = PARAMETERS(pread, work);

	lay_out(work, 1, of->size, of->offset);
	add_step(work, (struct step){ CALL(pread64, work->fd, (long)work->memory, (long)of->size,
					   (long)of->offset),
				      .gives = (long)of->size });
}

const struct workload workload_pread = { .prepare = prepare };
