// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

#define ATTRIBUTE "user.tailwalk"

static char *path;

static void prepare(struct work *work)
{
	uint64_t size = PARAMETERS(getxattr, work)->value;

	path = in_work_place("attributed");
	make_file(path);
	lay_out(work, 1, size, 0);
	sure("setxattr", setxattr(path, ATTRIBUTE, work->memory, size, 0));
	add_step(work, (struct step){ CALL(getxattr, (long)path, (long)ATTRIBUTE,
					   (long)work->memory, (long)size),
				      .gives = (long)size, .cannot = { EOPNOTSUPP } });
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(path));
}

const struct workload workload_getxattr = { .prepare = prepare, .finish = finish };
