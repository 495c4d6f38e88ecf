// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "workload.h"

static struct gate *gates; /* for the parent, and for the child */

static long fork_until_begun(const long *with)
{
	pid_t child = fork();

	(void)with;
	if (child < 0)
		return -errno;
	if (child == 0) {
		open_gate(&gates[0]);
		pass_gate(&gates[1]);
		_exit(0);
	}
	pass_gate(&gates[0]);
	return child;
}

static void prepare(struct work *work)
{
	gates = new_gates(2);
	add_step(work, (struct step){ WHOLE(fork_until_begun), .any = 1 });
}

static void restore(struct work *work)
{
	if (work->results[0] <= 0)
		return;
	open_gate(&gates[1]);
	if (ended((pid_t)work->results[0]))
		fail("the child did not end as it should");
	work->results[0] = -1;
}

static void finish(struct work *work)
{
	restore(work);
	free_gates(gates, 2);
}

const struct workload workload_fork = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
