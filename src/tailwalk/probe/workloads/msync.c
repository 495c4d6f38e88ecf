// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

static char *map;

static void prepare(struct work *work)
{
	const struct msync_parameters *of = PARAMETERS(msync, work);
	uint64_t begin = of->offset / page_size() * page_size(), end = of->offset + of->size;

	map_file(work, &map, end);
	add_step(work,
		 (struct step){ CALL(msync, (long)(map + begin), (long)(end - begin), MS_SYNC) });
}

static void restore(struct work *work)
{
	const struct msync_parameters *of = PARAMETERS(msync, work);

	memset(map + of->offset, 7, of->size);
}

static void finish(struct work *work)
{
	const struct msync_parameters *of = PARAMETERS(msync, work);

	sure("munmap", munmap(map, of->offset + of->size));
	map = NULL;
}

const struct workload workload_msync = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
