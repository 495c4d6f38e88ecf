// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "workload.h"

static struct epoll_event event = { .events = EPOLLIN };
static int set, fd;

static void prepare(struct work *work)
{
	set = (int)sure("epoll_create1", epoll_create1(0));
	fd = (int)sure("eventfd", eventfd(0, 0));
	add_step(work, (struct step){ CALL(epoll_ctl, set, EPOLL_CTL_ADD, fd, (long)&event) });
}

static void restore(struct work *work)
{
	if (work->results[0] == 0)
		sure("epoll_ctl", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
}

static void finish(struct work *work)
{
	(void)work;
	sure("close", close(set));
	sure("close", close(fd));
}

const struct workload workload_epoll_add = {
	.prepare = prepare, .restore = restore, .undoes = 1, .finish = finish
};
