// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

static char *map;

static void prepare(struct work *work)
{
	const struct msync_parameters *of = PARAMETERS(msync, work);
	uint64_t begin = of->offset / page_size() * page_size(), end = of->offset + of->size;

	map_file(work, &map, of->cached_file.file_size);
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
	unmap_file(&map, PARAMETERS(msync, work)->cached_file.file_size);
}

const struct workload workload_msync = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
