// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include "workload.h"

static char *path;
static int target;
static loff_t at;

static void prepare(struct work *work)
{
	const struct sendfile_parameters *of = PARAMETERS(sendfile, work);
	long size = (long)of->size;

	path = in_work_place("target");
	target = (int)sure("open", open(path, O_CREAT | O_RDWR, 0600));
	fill_file(target, &of->cached_file, 0);
	add_step(work, (struct step){ CALL(sendfile, target, work->fd, (long)&at, size),
				      .gives = size });
}

static void restore(struct work *work)
{
	(void)work;
	at = 0;
	sure("lseek", lseek(target, 0, SEEK_SET));
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(target));
	sure("unlink", unlink(path));
}

const struct workload workload_sendfile = { .prepare = prepare,
					    .restore = restore,
					    .finish = finish };
