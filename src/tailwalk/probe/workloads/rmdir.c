// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

static char *parent, *path;

static void prepare(struct work *work)
{
	parent = in_work_place("parent");
	path = in_work_place("parent/removed");
	sure("mkdir", mkdir(parent, 0700));
	add_step(work, (struct step){ CALL(rmdir, (long)path) });
}

static void restore(struct work *work)
{
	(void)work;
	sure("mkdir", mkdir(path, 0700));
}

static void finish(struct work *work)
{
	(void)work;
	sure("rmdir", rmdir(parent));
}

const struct workload workload_rmdir = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
