// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/uio.h>

#include "workload.h"

static struct iovec vectors[UIO_MAXIOV];

static void prepare(struct work *work)
{
	const struct readv_parameters *of = PARAMETERS(readv, work);

	lay_out(work, of->vectors, of->size, of->offset);
	for (uint64_t i = 0; i < of->vectors; i++)
		vectors[i] = (struct iovec){ work->memory + i * work->stride, of->size };
	add_step(work, (struct step){ CALL(readv, work->fd, (long)vectors, (long)of->vectors),
				      .gives = (long)(of->size * of->vectors) });
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(readv, work)->offset);
}

const struct workload workload_readv = { .prepare = prepare, .restore = restore };
