// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

static struct iovec vectors[UIO_MAXIOV];

static void prepare(struct work *work)
{
	const struct readv_parameters *of = PARAMETERS(readv, work);

	for (uint64_t i = 0; i < of->vectors; i++)
		vectors[i] = (struct iovec){ work->memory + i * work->stride, of->size };
	work->call =
		(struct call){ SYS_readv, work->fd, (long)vectors, (long)of->vectors, 0, 0, 0 };
	work->expected = of->size * of->vectors;
}

static void restore(struct work *work)
{
	seek_to(work, PARAMETERS(readv, work)->offset);
}

static long call(struct work *work)
{
	return readv(work->fd, vectors, (int)PARAMETERS(readv, work)->vectors);
}

const struct workload workload_readv = { .prepare = prepare, .restore = restore, .call = call };
