// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static char *path, *other;

static void prepare(struct work *work)
{
	path = in_work_place("linked");
	make_file(path);
	other = in_work_place("link");
	add_step(work, (struct step){ CALL(link, (long)path, (long)other) });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("unlink", unlink(other));
}

static void finish(struct work *work)
{
	restore(work);
	sure("unlink", unlink(path));
}

const struct workload workload_link = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
