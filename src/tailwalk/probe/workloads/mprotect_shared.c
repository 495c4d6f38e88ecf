// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static char *map;

static void prepare(struct work *work)
{
	uint64_t length = PARAMETERS(mprotect_shared, work)->length, page = page_size();

	lay_out(work, 1, 1 << 20, 0);
	write_again(work, 0, length, 1 << 20);
	sync_file(work);
	map_file(work, &map, length);
	add_step(work, (struct step){ CALL(mprotect, (long)map, (long)length, PROT_READ) });
	add_step(work,
		 (struct step){ CALL(mprotect, (long)map, (long)length, PROT_READ | PROT_WRITE) });
	add_step(work, (struct step){ TOUCH(STORE, (length + page - 1) / page, page),
				      .with = { (long)map } });
}

static void restore(struct work *work)
{
	uint64_t length = PARAMETERS(mprotect_shared, work)->length;

	for (uint64_t at = 0; at < length; at += page_size())
		((volatile char *)map)[at] = 2;
}

static void finish(struct work *work)
{
	sure("munmap", munmap(map, PARAMETERS(mprotect_shared, work)->length));
	map = NULL;
}

const struct workload workload_mprotect_shared = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
