// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct hole_parameters *of = PARAMETERS(hole, work);

	lay_out(work, 1, of->size, of->around / 2);
	add_step(work, (struct step){ CALL(pwrite64, work->fd, (long)work->memory, (long)of->size,
					   (long)of->around / 2),
				      .gives = (long)of->size });
}

static void restore(struct work *work)
{
	const struct hole_parameters *of = PARAMETERS(hole, work);

	set_size(work, 0);
	if (of->into)
		allocate(work, of->around);
	else
		set_size(work, of->around);
	sync_file(work);
}

const struct workload workload_hole = { .prepare = prepare, .restore = restore, .undoes = 1 };
