// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("opened");
	make_file(path);
	add_step(work, (struct step){ CALL(open, (long)path, O_RDONLY), .any = 1 });
}

static void restore(struct work *work)
{
	close_result(work, 0);
}

static void finish(struct work *work)
{
	close_result(work, 0);
	sure("unlink", unlink(path));
}

const struct workload workload_open = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
