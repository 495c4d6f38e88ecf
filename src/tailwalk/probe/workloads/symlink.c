// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static char *other;

static void prepare(struct work *work)
{
	other = in_work_place("link");
	add_step(work, (struct step){ CALL(symlink, (long)"target", (long)other) });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("unlink", unlink(other));
}

const struct workload workload_symlink = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
