// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

static struct stat found;
static char *path;
static int fd;

static void prepare(struct work *work)
{
	path = in_work_place("looked-at");
	make_file(path);
	fd = (int)sure("open", open(path, O_RDONLY));
	add_step(work, (struct step){ CALL(fstat, fd, (long)&found) });
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(fd));
	sure("unlink", unlink(path));
}

const struct workload workload_fstat = { .prepare = prepare, .finish = finish };
