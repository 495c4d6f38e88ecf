// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>

#include "workload.h"

static struct gate *gate;
static pthread_t thread;

static void *begin(void *argument)
{
	pass_gate(gate);
	return argument;
}

static long create(const long *with)
{
	(void)with;
	return -pthread_create(&thread, NULL, begin, NULL);
}

static void prepare(struct work *work)
{
	gate = new_gates(1);
	add_step(work, (struct step){ WHOLE(create) });
}

static void restore(struct work *work)
{
	if (work->results[0])
		return;
	open_gate(gate);
	if (pthread_join(thread, NULL))
		fail("the thread cannot be joined");
	work->results[0] = -1;
}

static void finish(struct work *work)
{
	restore(work);
	free_gates(gate, 1);
}

const struct workload workload_pthread = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
