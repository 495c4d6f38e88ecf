// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // statx
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

static struct statx found;
static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("looked-at");
	make_file(path);
	add_step(work, (struct step){ CALL(statx, AT_FDCWD, (long)path, 0, STATX_BASIC_STATS,
					   (long)&found) });
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_statx = { .prepare = prepare, .finish = finish };
