// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "workload.h"

#define MOST 500

static struct epoll_event found[MOST];
static int set, fds[MOST];

static void prepare(struct work *work)
{
	long ready = (long)PARAMETERS(epoll_wait, work)->ready;
	struct epoll_event event = { .events = EPOLLIN };

	set = (int)sure("epoll_create1", epoll_create1(0));
	for (long i = 0; i < ready; i++) {
		fds[i] = (int)sure("eventfd", eventfd(1, 0));
		sure("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
	}
	add_step(work,
		 (struct step){ CALL(epoll_wait, set, (long)found, ready, -1), .gives = ready });
}

static void finish(struct work *work)
{
	for (uint64_t i = 0; i < PARAMETERS(epoll_wait, work)->ready; i++)
		sure("close", close(fds[i]));
	sure("close", close(set));
}

const struct workload workload_epoll_wait = { .prepare = prepare, .finish = finish };
