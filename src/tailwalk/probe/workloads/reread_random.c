// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static void prepare(struct work *work)
{
	long length = (long)PARAMETERS(reread_random, work)->length, page = (long)page_size();
	struct step loads = { TOUCH(LOAD, (uint64_t)((length + page - 1) / page), (uint64_t)page),
			      .uses = { RESULT(0) } };

	make_room((uint64_t)length);
	add_step(work, (struct step){ CALL(mmap, 0, length, PROT_READ, MAP_SHARED, work->fd, 0),
				      .any = 1 });
	add_step(work,
		 (struct step){ CALL(madvise, 0, length, MADV_RANDOM), .uses = { RESULT(0) } });
	add_step(work, loads);
	add_step(work, loads);
}

static void unmap(struct work *work)
{
	if (work->results[0] >= 0)
		sure("munmap",
		     munmap((void *)work->results[0], PARAMETERS(reread_random, work)->length));
	work->results[0] = -1;
}

static void restore(struct work *work)
{
	unmap(work);
	settle_caches(work->fd);
}

static void finish(struct work *work)
{
	unmap(work);
	leave_room();
}

const struct workload workload_reread_random = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
