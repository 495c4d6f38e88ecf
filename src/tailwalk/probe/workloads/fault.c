// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static char *map;

static void prepare(struct work *work)
{
	const struct fault_parameters *of = PARAMETERS(fault, work);
	uint64_t pages = (of->size + page_size() - 1) / page_size();

	if (of->touch)
		add_step(work, (struct step){ TOUCH(STORE, pages, page_size()) });
	else
		add_step(work, (struct step){ TOUCH(LOAD, pages, page_size()) });
}

static void restore(struct work *work)
{
	sync_file(work);
	map_file(work, &map, PARAMETERS(fault, work)->cached_file.file_size);
	work->steps[0].with[0] = (long)map;
}

static void finish(struct work *work)
{
	unmap_file(&map, PARAMETERS(fault, work)->cached_file.file_size);
}

const struct workload workload_fault = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
