// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("unlinked");
	add_step(work, (struct step){ CALL(close, -1) });
}

static void restore(struct work *work)
{
	work->steps[0].with[0] = sure("open", open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
	sure("unlink", unlink(path));
}

const struct workload workload_close_unlinked = { .prepare = prepare,
						  .restore = restore,
						  .undoes = 1 };
