// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

#define ATTRIBUTE "user.tailwalk"

static char *path;
static int fd;

static void prepare(struct work *work)
{
	uint64_t size = PARAMETERS(setxattr, work)->value;

	path = in_work_place("attributed");
	make_file(path);
	fd = (int)sure("open", open(path, O_RDONLY));
	lay_out(work, 1, size, 0);
	add_step(work, (struct step){ CALL(setxattr, (long)path, (long)ATTRIBUTE,
					   (long)work->memory, (long)size, 0),
				      .cannot = { EOPNOTSUPP } });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("removexattr", removexattr(path, ATTRIBUTE));
	/* A block of its own is not free before the journal's commit. */
	sure("fsync", fsync(fd));
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(fd));
	sure("unlink", unlink(path));
}

const struct workload workload_setxattr = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
