// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "workload.h"

static char *from, *to;

static void prepare(struct work *work)
{
	from = in_work_place("replacing");
	to = in_work_place("replaced");
	make_file(to);
	add_step(work, (struct step){ CALL(rename, (long)from, (long)to) });
}

static void restore(struct work *work)
{
	(void)work;
	make_file(from);
}

static void finish(struct work *work)
{
	(void)work;
	sure("unlink", unlink(to));
}

const struct workload workload_rename_over = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
