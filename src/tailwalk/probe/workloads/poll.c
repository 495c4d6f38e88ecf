// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>

#include "workload.h"

static struct pollfd asked[MOST_SOCKETS];

static void prepare(struct work *work)
{
	const struct poll_parameters *of = PARAMETERS(poll, work);
	long number = (long)of->sockets.number / 2 * 2, writable = of->writable ? number / 10 : 0;

	for (long i = 0; i < number; i++)
		asked[i] = (struct pollfd){ .fd = sockets[i],
					    .events = POLLIN | (i < writable ? POLLOUT : 0) };
	add_step(work, (struct step){ CALL(poll, (long)asked, number, 0), .gives = writable });
}

const struct workload workload_poll = { .prepare = prepare };
