// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static void prepare(struct work *work)
{
	make_room(PARAMETERS(populate, work)->size);
	add_step(work, (struct step){ CALL(mmap, 0, (long)PARAMETERS(populate, work)->size,
					   PROT_READ, MAP_SHARED | MAP_POPULATE, work->fd, 0),
				      .any = 1 });
}

static void restore(struct work *work)
{
	if (work->results[0] >= 0)
		sure("munmap", munmap((void *)work->results[0], PARAMETERS(populate, work)->size));
	work->results[0] = -1;
}

static void finish(struct work *work)
{
	restore(work);
	leave_room();
}

const struct workload workload_populate = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
