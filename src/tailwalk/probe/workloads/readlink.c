// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

#define TARGET "target"

static char *path, found[64];

static void prepare(struct work *work)
{
	path = in_work_place("link");
	sure("symlink", symlink(TARGET, path));
	add_step(work, (struct step){ CALL(readlink, (long)path, (long)found, sizeof(found)),
				      .gives = sizeof(TARGET) - 1 });
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_readlink = { .prepare = prepare, .finish = finish };
