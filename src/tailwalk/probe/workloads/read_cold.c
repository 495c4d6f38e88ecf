// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "workload.h"

static long read_pieces(const long *with)
{
	for (long left = with[2]; left > 0;) {
		size_t part = (size_t)(with[3] < left ? with[3] : left);
		ssize_t done = read((int)with[0], (void *)with[1], part);

		if (done <= 0)
			return done ? -errno : -EIO;
		left -= done;
	}
	return 0;
}

static void prepare(struct work *work)
{
	const struct read_cold_parameters *of = PARAMETERS(read_cold, work);

	lay_out(work, 1, of->piece, 0);
	add_step(work, (struct step){ WHOLE(read_pieces, work->fd, (long)work->memory,
					    (long)of->size, (long)of->piece) });
}

static void restore(struct work *work)
{
	settle_caches(work->fd);
	seek_to(work, 0);
}

const struct workload workload_read_cold = { .prepare = prepare, .restore = restore, .undoes = 1 };
