// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static void prepare(struct work *work)
{
	const struct pread_parameters *of = PARAMETERS(pread, work);

	work->call = (struct call){
		SYS_pread64, work->fd, (long)work->memory, (long)of->size, (long)of->offset, 0, 0
	};
	work->expected = of->size;
}

static long call(struct work *work)
{
	const struct pread_parameters *of = PARAMETERS(pread, work);

	return pread(work->fd, work->memory, of->size, (off_t)of->offset);
}

const struct workload workload_pread = { .prepare = prepare, .call = call };
