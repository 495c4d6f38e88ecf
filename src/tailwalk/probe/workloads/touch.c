// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static uint64_t next;
static char *buffer;

static void prepare(struct work *work)
{
	const struct touch_parameters *of = PARAMETERS(touch, work);

	next = of->stored_file.file_size;
	buffer = new_buffer(of->apart);
	lay_out(work, 1, of->size, of->apart / 2);
	add_step(work, (struct step){ CALL(pwrite64, work->fd, (long)work->memory, (long)of->size),
				      .gives = (long)of->size });
}

static void restore(struct work *work)
{
	const struct touch_parameters *of = PARAMETERS(touch, work);

	if (next + of->apart > of->stored_file.file_size) {
		settle_caches(work->fd);
		for (uint64_t at = 0; at < of->stored_file.file_size; at += of->apart)
			sure("pread", pread(work->fd, buffer, of->apart, (off_t)at));
		for (next = 0; next + of->apart <= of->stored_file.file_size / 2;
		     next += of->apart)
			sure("pwrite", pwrite(work->fd, work->memory, of->size,
					      (off_t)(next + of->apart / 2)));
	}
	work->steps[0].with[3] = (long)(next + of->apart / 2);
	next += of->apart;
}

const struct workload workload_touch = { .prepare = prepare, .restore = restore, .undoes = 1 };
