// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "workload.h"

static char *map;

static uint64_t length_of(const struct work *work)
{
	return PARAMETERS(mprotect_shared, work)->cached_file.file_size;
}

static void prepare(struct work *work)
{
	uint64_t length = length_of(work), page = page_size();

	map_file(work, &map, length);
	add_step(work, (struct step){ CALL(mprotect, (long)map, (long)length, PROT_READ) });
	add_step(work,
		 (struct step){ CALL(mprotect, (long)map, (long)length, PROT_READ | PROT_WRITE) });
	add_step(work, (struct step){ TOUCH(STORE, (length + page - 1) / page, page),
				      .with = { (long)map } });
}

static void restore(struct work *work)
{
	for (uint64_t at = 0; at < length_of(work); at += page_size())
		((volatile char *)map)[at] = 2;
}

static void finish(struct work *work)
{
	unmap_file(&map, length_of(work));
}

const struct workload workload_mprotect_shared = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
