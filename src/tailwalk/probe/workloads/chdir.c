// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "workload.h"

#define HERE "0/1/2/3/4/5/6/7/8/9"
#define THERE "1/2/3/4/5/6/7/8/9/0"

static char *here, *there, *before, asked[PATH_MAX];

static void prepare(struct work *work)
{
	before = realpath(".", NULL);
	here = realpath(make_deep(HERE), NULL);
	there = realpath(make_deep(THERE), NULL);
	add_step(work, (struct step){ CALL(chdir, (long)there) });
	if (PARAMETERS(chdir, work)->asks)
		add_step(work,
			 (struct step){ CALL(getcwd, (long)asked, sizeof(asked)), .any = 1 });
}

static void restore(struct work *work)
{
	(void)work;
	sure("chdir", chdir(here));
}

static void finish(struct work *work)
{
	(void)work;
	sure("chdir", chdir(before));
	remove_deep(HERE);
	remove_deep(THERE);
}

const struct workload workload_chdir = { .prepare = prepare,
					 .restore = restore,
					 .finish = finish };
