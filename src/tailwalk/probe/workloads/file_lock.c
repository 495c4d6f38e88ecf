// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static int fd;
static struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
static struct flock unlock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1 };

static void prepare(struct work *work)
{
	char *path = in_work_place("locked");

	make_file(path);
	fd = (int)sure("open", open(path, O_RDWR));
	sure("unlink", unlink(path));
	add_step(work, (struct step){ CALL(fcntl, fd, F_SETLKW, (long)&lock) });
	add_step(work, (struct step){ CALL(fcntl, fd, F_SETLK, (long)&unlock) });
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(fd));
}

const struct workload workload_file_lock = { .prepare = prepare, .finish = finish };
