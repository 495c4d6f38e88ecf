// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("removed");
	add_step(work, (struct step){ CALL(unlink, (long)path) });
}

static void restore(struct work *work)
{
	(void)work;
	make_file(path);
}

const struct workload workload_unlink_empty = { .prepare = prepare,
						.restore = restore,
						.undoes = 1 };
