// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static void prepare(struct work *work)
{
	const struct mmap_parameters *of = PARAMETERS(mmap, work);
	uint64_t pages = (of->length + page_size() - 1) / page_size();
	int anonymous = of->place.place == 2;

	make_room(of->length);
	add_step(work, (struct step){ CALL(mmap, 0, (long)of->length, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | (anonymous ? MAP_ANONYMOUS : 0),
					   anonymous ? -1 : work->fd, 0),
				      .any = 1 });
	if (of->touch == 1)
		add_step(work,
			 (struct step){ TOUCH(LOAD, pages, page_size()), .uses = { RESULT(0) } });
	if (of->touch == 2)
		add_step(work,
			 (struct step){ TOUCH(STORE, pages, page_size()), .uses = { RESULT(0) } });
}

static void restore(struct work *work)
{
	if (work->results[0] >= 0)
		sure("munmap", munmap((void *)work->results[0], PARAMETERS(mmap, work)->length));
	work->results[0] = -1;
}

static void finish(struct work *work)
{
	restore(work);
	leave_room();
}

const struct workload workload_mmap = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
