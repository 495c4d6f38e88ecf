// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include "workload.h"

static char *path;
static int target;
static loff_t at, to;

static void prepare(struct work *work)
{
	const struct copy_file_range_parameters *of = PARAMETERS(copy_file_range, work);
	long size = (long)of->size;

	path = in_work_place("target");
	target = (int)sure("open", open(path, O_CREAT | O_RDWR, 0600));
	fill_file(target, &of->cached_file, 0);
	add_step(work, (struct step){ CALL(copy_file_range, work->fd, (long)&at, target, (long)&to,
					   size, 0),
				      .gives = size, .cannot = { EOPNOTSUPP, EXDEV } });
}

static void restore(struct work *work)
{
	(void)work;
	at = to = 0;
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(target));
	sure("unlink", unlink(path));
}

const struct workload workload_copy_file_range = { .prepare = prepare,
						   .restore = restore,
						   .finish = finish };
