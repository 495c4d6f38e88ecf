// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

static char *path;
static struct stat found;

static void prepare(struct work *work)
{
	path = in_work_place("looked");
	make_file(path);
	add_step(work, (struct step){ CALL(newfstatat, AT_FDCWD, (long)path, (long)&found, 0) });
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_stat = { .prepare = prepare, .finish = finish };
