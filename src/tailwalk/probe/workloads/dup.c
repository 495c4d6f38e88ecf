// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static int fd;

static void prepare(struct work *work)
{
	fd = (int)sure("open", open("/dev/null", O_RDONLY));
	add_step(work, (struct step){ CALL(dup, fd), .any = 1 });
}

static void restore(struct work *work)
{
	close_result(work, 0);
}

static void finish(struct work *work)
{
	close_result(work, 0);
	sure("close", close(fd));
}

const struct workload workload_dup = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
