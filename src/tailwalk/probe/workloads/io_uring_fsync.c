// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/io_uring.h>

#include "uring.h"

static void prepare(struct work *work)
{
	const struct io_uring_fsync_parameters *of = PARAMETERS(io_uring_fsync, work);

	lay_out(work, 1, of->size, of->offset);
	open_uring(work);
}

static void restore(struct work *work)
{
	const struct io_uring_fsync_parameters *of = PARAMETERS(io_uring_fsync, work);

	write_in_tick(work, of->offset, of->size);
	fill_uring((struct io_uring_sqe){ .opcode = IORING_OP_FSYNC, .fd = work->fd }, 0);
}

const struct workload workload_io_uring_fsync = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = close_uring
};
