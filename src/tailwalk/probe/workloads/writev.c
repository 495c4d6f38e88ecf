// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

static struct iovec vectors[UIO_MAXIOV];

static void prepare(struct work *work)
{
	const struct writev_parameters *of = PARAMETERS(writev, work);

	for (uint64_t i = 0; i < of->vectors; i++)
		vectors[i] = (struct iovec){ work->memory + i * work->stride, of->size };
	work->call =
		(struct call){ SYS_writev, work->fd, (long)vectors, (long)of->vectors, 0, 0, 0 };
	work->expected = of->size * of->vectors;
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(writev, work)->offset);
}

static long call(struct work *work)
{
	return writev(work->fd, vectors, (int)PARAMETERS(writev, work)->vectors);
}

const struct workload workload_writev = { .prepare = prepare, .restore = restore, .call = call };
