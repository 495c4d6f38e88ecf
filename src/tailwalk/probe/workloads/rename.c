// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "workload.h"

static char *from, *to;

static void prepare(struct work *work)
{
	from = in_work_place("renamed-from");
	make_file(from);
	to = in_work_place("renamed-to");
	add_step(work, (struct step){ CALL(rename, (long)from, (long)to) });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("rename", rename(to, from));
}

static void finish(struct work *work)
{
	restore(work);
	sure("unlink", unlink(from));
}

const struct workload workload_rename = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
