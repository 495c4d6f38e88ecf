// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/stat.h>

#include "workload.h"

static struct stat found;

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(stat, (long)in_work_place("absent"), (long)&found),
				      .gives = -ENOENT });
}

const struct workload workload_stat_absent = { .prepare = prepare };
