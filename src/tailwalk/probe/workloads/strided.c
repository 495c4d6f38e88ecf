// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "workload.h"

static long extend(const long *with)
{
	for (long i = 0; i < with[4]; i++) {
		ssize_t done = pwrite((int)with[0], (void *)with[1], (size_t)with[2], i * with[3]);

		if (done != with[2])
			return done < 0 ? -errno : -EIO;
	}
	return 0;
}

static void prepare(struct work *work)
{
	const struct strided_parameters *of = PARAMETERS(strided, work);

	lay_out(work, 1, of->size, 0);
	add_step(work, (struct step){ WHOLE(extend, work->fd, (long)work->memory, (long)of->size,
					    (long)of->stride, (long)of->writes) });
}

static void restore(struct work *work)
{
	set_size(work, 0);
	sync_file(work);
}

const struct workload workload_strided = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
