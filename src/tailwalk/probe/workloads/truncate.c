// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	const struct truncate_parameters *of = PARAMETERS(truncate, work);
	long size = (long)of->size, whole = (long)of->cached_file.file_size;

	lay_out(work, 1, of->cached_file.fill, 0);
	add_step(work, (struct step){
			       CALL(ftruncate, work->fd, of->way ? whole + size : whole - size) });
}

static void restore(struct work *work)
{
	const struct truncate_parameters *of = PARAMETERS(truncate, work);
	uint64_t whole = of->cached_file.file_size;

	if (of->way)
		set_size(work, whole);
	else
		write_again(work, whole - of->size, whole, of->cached_file.fill);
	sync_file(work);
}

const struct workload workload_truncate = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
