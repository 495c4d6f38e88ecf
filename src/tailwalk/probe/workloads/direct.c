// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // O_DIRECT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "workload.h"

enum { READ, OVERWRITE, APPEND };

static void prepare(struct work *work)
{
	const struct direct_parameters *of = PARAMETERS(direct, work);
	long memory, size = (long)of->size,
		     end = of->access == APPEND ? (long)of->stored_file.file_size : 0;

	if (fcntl(work->fd, F_SETFL, O_DIRECT))
		leave_out("O_DIRECT: %s", strerror(errno));
	/* At a page's beginning, which lay_out does not promise. */
	work->memory = work->memory_begin = new_buffer(of->size);
	work->memory_length = of->size;
	memory = (long)work->memory;
	if (of->access == READ)
		add_step(work,
			 (struct step){ CALL(pread64, work->fd, memory, size, 0), .gives = size });
	else
		add_step(work, (struct step){ CALL(pwrite64, work->fd, memory, size, end),
					      .gives = size });
}

static void restore(struct work *work)
{
	const struct direct_parameters *of = PARAMETERS(direct, work);

	if (of->access != APPEND)
		return;
	set_size(work, of->stored_file.file_size);
	sync_file(work);
}

static void finish(struct work *work)
{
	restore(work);
	sure("fcntl", fcntl(work->fd, F_SETFL, 0));
}

const struct workload workload_direct = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
