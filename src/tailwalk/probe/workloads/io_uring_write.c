// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/io_uring.h>

#include "uring.h"

static void prepare(struct work *work)
{
	const struct io_uring_write_parameters *of = PARAMETERS(io_uring_write, work);

	lay_out(work, 1, of->size, of->offset);
	open_uring(work);
}

static void restore(struct work *work)
{
	const struct io_uring_write_parameters *of = PARAMETERS(io_uring_write, work);

	fill_uring((struct io_uring_sqe){ .opcode = IORING_OP_WRITE,
					  .fd = work->fd,
					  .addr = (uint64_t)work->memory,
					  .off = of->offset,
					  .len = (uint32_t)of->size },
		   (long)of->size);
}

const struct workload workload_io_uring_write = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = close_uring
};
