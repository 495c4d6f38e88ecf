// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // SEEK_HOLE
#include <errno.h>
#include <unistd.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct seek_parameters *of = PARAMETERS(seek, work);
	long size = (long)of->size;
	struct step hole = { CALL(lseek, work->fd, 0, SEEK_HOLE), .gives = size,
			     .cannot = { EINVAL } };
	struct step data = { CALL(lseek, work->fd, size, SEEK_DATA), .gives = 2 * size,
			     .cannot = { EINVAL } };

	lay_out(work, 1, of->size, 0);
	write_again(work, 0, of->size, of->size);
	write_again(work, 2 * of->size, 3 * of->size, of->size);
	sync_file(work);
	add_step(work, of->sought ? data : hole);
}

static void finish(struct work *work)
{
	set_size(work, 0);
}

const struct workload workload_seek = { .prepare = prepare, .finish = finish };
