// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static void prepare(struct work *work)
{
	long distance = (long)PARAMETERS(lseek, work)->distance;

	add_step(work, (struct step){ CALL(lseek, work->fd, 0, SEEK_SET) });
	add_step(work,
		 (struct step){ CALL(lseek, work->fd, distance, SEEK_SET), .gives = distance });
}

const struct workload workload_lseek = { .prepare = prepare };
