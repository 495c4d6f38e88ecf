// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

static char *path;

static void prepare(struct work *work)
{
	path = in_work_place("removed");
	lay_out(work, 1, PARAMETERS(unlink, work)->cached_file.fill, 0);
	add_step(work, (struct step){ CALL(unlink, (long)path) });
}

static void restore(struct work *work)
{
	const struct unlink_parameters *of = PARAMETERS(unlink, work);
	struct work removed = *work;

	removed.fd = (int)sure("open", open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	write_again(&removed, 0, of->size, of->cached_file.fill);
	sync_file(&removed);
	sure("close", close(removed.fd));
}

const struct workload workload_unlink = { .prepare = prepare, .restore = restore, .undoes = 1 };
