// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

#define ATTRIBUTE "user.tailwalk"

static char *path;

static char names[256];

static void prepare(struct work *work)
{
	uint64_t size = PARAMETERS(listxattr, work)->value;

	path = in_work_place("attributed");
	make_file(path);
	lay_out(work, 1, size, 0);
	sure("setxattr", setxattr(path, ATTRIBUTE, work->memory, size, 0));
	add_step(work, (struct step){ CALL(listxattr, (long)path, (long)names, sizeof(names)),
				      .gives = sizeof(ATTRIBUTE), .cannot = { EOPNOTSUPP } });
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_listxattr = { .prepare = prepare, .finish = finish };
