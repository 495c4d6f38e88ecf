// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct fill_parameters *of = PARAMETERS(fill, work);

	lay_out(work, 1, of->cached_file.fill, 0);
	add_step(work, (struct step){ WHOLE(write_pieces, work->fd, (long)work->memory, 0,
					    (long)of->size, (long)of->cached_file.fill) });
}

static void restore(struct work *work)
{
	set_size(work, 0);
	sync_file(work);
}

static void finish(struct work *work)
{
	const struct cached_file *of = &PARAMETERS(fill, work)->cached_file;

	write_again(work, 0, of->file_size, of->fill);
}

const struct workload workload_fill = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
