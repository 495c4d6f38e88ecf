// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define DEEP "0/1/2/3/4/5/6/7/8/9"

static char found[PATH_MAX];

static void prepare(struct work *work)
{
	char *path = make_deep(DEEP), *end = path + strlen(path) - strlen(DEEP) - 1;

	for (; end; end = strchr(end + 1, '/'))
		add_step(work, (struct step){ CALL(readlink, (long)strndup(path, end - path),
						   (long)found, sizeof(found)),
					      .gives = -EINVAL });
	add_step(work, (struct step){ CALL(readlink, (long)path, (long)found, sizeof(found)),
				      .gives = -EINVAL });
}

static void finish(struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		free((void *)work->steps[i].with[0]);
	remove_deep(DEEP);
}

const struct workload workload_realpath = { .prepare = prepare, .finish = finish };
