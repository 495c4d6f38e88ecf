// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("removed");
	lay_out(work, 1, PARAMETERS(unlink, work)->piece, 0);
	add_step(work, (struct step){ CALL(unlink, (long)path) });
}

static void restore(struct work *work)
{
	const struct unlink_parameters *of = PARAMETERS(unlink, work);
	int fd = (int)sure("open", open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600));

	for (uint64_t left = of->size; left;) {
		size_t part = of->piece < left ? of->piece : left;

		left -= (uint64_t)sure("write", write(fd, work->memory, part));
	}
	sure("fsync", fsync(fd));
	sure("close", close(fd));
}

const struct workload workload_unlink = { .prepare = prepare, .restore = restore, .undoes = 1 };
