// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <unistd.h>

#include "workload.h"

static struct gate *gates; /* for the parent, and for the child */

static long end_child(const long *with)
{
	open_gate(&gates[1]);
	return ended((pid_t)with[0]);
}

static void prepare(struct work *work)
{
	gates = new_gates(2);
	add_step(work, (struct step){ WHOLE(end_child) });
}

static void restore(struct work *work)
{
	pid_t child = (pid_t)sure("fork", fork());

	if (child == 0) {
		open_gate(&gates[0]);
		pass_gate(&gates[1]);
		if (PARAMETERS(exit, work)->bare)
			_exit(0);
		exit(0);
	}
	pass_gate(&gates[0]);
	work->steps[0].with[0] = child;
}

static void finish(struct work *work)
{
	(void)work;
	free_gates(gates, 2);
}

const struct workload workload_exit = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
