// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static void prepare(struct work *work)
{
	make_room(PARAMETERS(unmap, work)->length);
	add_step(work, (struct step){ CALL(munmap, 0, (long)PARAMETERS(unmap, work)->length) });
}

static void restore(struct work *work)
{
	const struct unmap_parameters *of = PARAMETERS(unmap, work);
	int anonymous = of->place.place == 2;
	volatile char *mapped = mmap(NULL, of->length, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | (anonymous ? MAP_ANONYMOUS : 0),
				     anonymous ? -1 : work->fd, 0);

	sure("mmap", mapped == MAP_FAILED ? -1 : 0);
	for (uint64_t at = 0; of->touch && at < of->length; at += page_size())
		if (of->touch == 1)
			(void)mapped[at];
		else
			mapped[at] = 1;
	work->steps[0].with[0] = (long)mapped;
}

static void finish(struct work *work)
{
	(void)work;
	leave_room();
}

const struct workload workload_unmap = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
