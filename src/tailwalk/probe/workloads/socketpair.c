// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workload.h"

static int pair[2];

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, (long)pair),
				      .cannot = { EAFNOSUPPORT } });
}

static void restore(struct work *work)
{
	if (work->results[0] < 0)
		return;
	sure("close", close(pair[0]));
	sure("close", close(pair[1]));
	work->results[0] = -1;
}

const struct workload workload_socketpair = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = restore
};
