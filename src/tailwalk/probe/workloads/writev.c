// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/uio.h>

#include "workload.h"

static struct iovec vectors[UIO_MAXIOV];

static void prepare(struct work *work)
{
	const struct writev_parameters *of = PARAMETERS(writev, work);

	lay_out(work, of->vectors, of->size, of->offset);
	for (uint64_t i = 0; i < of->vectors; i++)
		vectors[i] = (struct iovec){ work->memory + i * work->stride, of->size };
	add_step(work, (struct step){ CALL(writev, work->fd, (long)vectors, (long)of->vectors),
				      .gives = (long)(of->size * of->vectors) });
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(writev, work)->offset);
}

const struct workload workload_writev = { .prepare = prepare, .restore = restore };
