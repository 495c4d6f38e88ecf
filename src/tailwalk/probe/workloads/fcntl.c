// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static int fd;

static void prepare(struct work *work)
{
	char *path = in_work_place("asked");

	make_file(path);
	fd = (int)sure("open", open(path, O_RDONLY));
	sure("unlink", unlink(path));
	add_step(work, (struct step){ CALL(fcntl, fd, F_GETFL), .any = 1 });
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(fd));
}

const struct workload workload_fcntl = { .prepare = prepare, .finish = finish };
