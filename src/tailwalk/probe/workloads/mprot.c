// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

static char *memory;

static void prepare(struct work *work)
{
	const struct mprot_parameters *of = PARAMETERS(mprot, work);
	uint64_t pages = (of->length + page_size() - 1) / page_size();
	int fd = (int)sure("open", open("/dev/zero", O_RDWR));

	make_room(of->length);
	memory = mmap(NULL, of->length, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	sure("mmap", memory == MAP_FAILED ? -1 : 0);
	use_memory(NULL, page_size()); /* libMicro's binary has made other mappings by then */
	sure("close", close(fd));
	if (of->touch)
		memset(memory, 1, of->length);
	if (of->touch > 1)
		add_step(work, (struct step){ TOUCH(LOAD, pages, page_size()),
					      .with = { (long)memory } });
	add_step(work, (struct step){ CALL(mprotect, (long)memory, (long)of->length, PROT_NONE) });
	add_step(work, (struct step){ CALL(mprotect, (long)memory, (long)of->length,
					   PROT_READ | PROT_WRITE) });
}

static void finish(struct work *work)
{
	sure("munmap", munmap(memory, PARAMETERS(mprot, work)->length));
	leave_room();
}

const struct workload workload_mprot = { .prepare = prepare, .finish = finish };
