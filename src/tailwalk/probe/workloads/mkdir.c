// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

static char *parent, *path;
static int directory;

static void prepare(struct work *work)
{
	/* Of directories in its root ext4 spreads the places (find_group_orlov). */
	parent = in_work_place("parent");
	path = in_work_place("parent/made");
	sure("mkdir", mkdir(parent, 0700));
	directory = (int)sure("open", open(parent, O_RDONLY | O_DIRECTORY));
	add_step(work, (struct step){ CALL(mkdir, (long)path, 0700) });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("rmdir", rmdir(path));
	/* Its blocks are not free before the journal's commit: each call would search
	 * further than the one before. */
	sure("fsync", fsync(directory));
}

static void finish(struct work *work)
{
	restore(work);
	sure("close", close(directory));
	sure("rmdir", rmdir(parent));
}

const struct workload workload_mkdir = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
