// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct append_parameters *of = PARAMETERS(append, work);

	lay_out(work, 1, of->size, of->cached_file.file_size);
	add_step(work, (struct step){ CALL(pwrite64, work->fd, (long)work->memory, (long)of->size,
					   (long)of->cached_file.file_size),
				      .gives = (long)of->size });
}

static void restore(struct work *work)
{
	set_size(work, PARAMETERS(append, work)->cached_file.file_size);
	sync_file(work);
}

const struct workload workload_append = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
