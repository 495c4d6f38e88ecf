// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("closed");
	make_file(path);
	add_step(work, (struct step){ CALL(close) });
}

static void restore(struct work *work)
{
	work->steps[0].with[0] = sure("open", open(path, O_RDONLY));
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_close = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
