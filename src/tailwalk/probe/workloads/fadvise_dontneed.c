// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct fadvise_dontneed_parameters *of = PARAMETERS(fadvise_dontneed, work);

	lay_out(work, 1, of->cached_file.fill, 0);
	add_step(work, (struct step){ CALL(fadvise64, work->fd, 0, (long)of->size,
					   POSIX_FADV_DONTNEED) });
}

static void restore(struct work *work)
{
	const struct fadvise_dontneed_parameters *of = PARAMETERS(fadvise_dontneed, work);

	write_again(work, 0, of->size, of->cached_file.fill);
	sync_file(work);
}

const struct workload workload_fadvise_dontneed = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
