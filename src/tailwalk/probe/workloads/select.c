// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/select.h>
#include <time.h>

#include "workload.h"

static fd_set readable, writable, asked[2];
static struct timespec none;

static void prepare(struct work *work)
{
	const struct select_parameters *of = PARAMETERS(select, work);
	long number = (long)of->sockets.number / 2 * 2, tenth = of->writable ? number / 10 : 0;
	int highest = 0;

	FD_ZERO(&readable);
	FD_ZERO(&writable);
	for (long i = 0; i < number; i++) {
		if (sockets[i] >= FD_SETSIZE)
			leave_out("a descriptor of %d is too high for select(2)", sockets[i]);
		highest = sockets[i] > highest ? sockets[i] : highest;
		FD_SET(sockets[i], &readable);
		if (i < tenth)
			FD_SET(sockets[i], &writable);
	}
	add_step(work, (struct step){ CALL(pselect6, highest + 1, (long)&asked[0],
					   tenth ? (long)&asked[1] : 0, 0, (long)&none, 0),
				      .gives = tenth });
}

static void restore(struct work *work)
{
	(void)work;
	asked[0] = readable;
	asked[1] = writable;
}

const struct workload workload_select = { .prepare = prepare, .restore = restore };
