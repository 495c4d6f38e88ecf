// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // FALLOC_FL_*
#include <errno.h>
#include <fcntl.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct fallocate_parameters *of = PARAMETERS(fallocate, work);
	const long modes[] = { 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       FALLOC_FL_ZERO_RANGE };

	lay_out(work, 1, of->cached_file.fill, 0);
	add_step(work, (struct step){ CALL(fallocate, work->fd, modes[of->kind],
					   of->kind ? 0 : (long)of->cached_file.file_size,
					   (long)of->size),
				      .cannot = { EOPNOTSUPP } });
}

static void restore(struct work *work)
{
	const struct fallocate_parameters *of = PARAMETERS(fallocate, work);

	if (of->kind)
		write_again(work, 0, of->size, of->cached_file.fill);
	else
		set_size(work, of->cached_file.file_size);
	sync_file(work);
}

const struct workload workload_fallocate = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
