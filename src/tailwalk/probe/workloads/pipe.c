// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workload.h"

static int ends[2] = { -1, -1 }; /* to read from, and to write to */
static int listening = -1;
static struct sockaddr_in address;

/* A guest's loopback is down when it has booted. */
static void raise_loopback(int any)
{
	struct ifreq request = { .ifr_name = "lo" };

	sure("ioctl", ioctl(any, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	sure("ioctl", ioctl(any, SIOCSIFFLAGS, &request));
}

static void begin_to_listen(void)
{
	socklen_t length = sizeof(address);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (listening < 0 && errno == EAFNOSUPPORT)
		leave_out("the kernel has no TCP");
	sure("socket", listening);
	if (is_guest())
		raise_loopback(listening);
	sure("bind", bind(listening, (struct sockaddr *)&address, length));
	sure("listen", listen(listening, 1));
	sure("getsockname", getsockname(listening, (struct sockaddr *)&address, &length));
}

static void connect_ends(void)
{
	int on = 1;

	ends[1] = (int)sure("socket", socket(AF_INET, SOCK_STREAM, 0));
	sure("connect", connect(ends[1], (struct sockaddr *)&address, sizeof(address)));
	ends[0] = (int)sure("accept", accept(listening, NULL, NULL));
	for (int i = 0; i < 2; i++)
		sure("setsockopt", setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

static void close_ends(void)
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			sure("close", close(ends[i]));
	ends[0] = ends[1] = -1;
}

static void prepare(struct work *work)
{
	const struct pipe_parameters *of = PARAMETERS(pipe, work);
	long size = (long)of->size;

	lay_out(work, 1, of->size, 0);
	if (of->way == 2)
		begin_to_listen();
	add_step(work, (struct step){ CALL(write, -1, (long)work->memory, size), .gives = size });
	add_step(work, (struct step){ CALL(read, -1, (long)work->memory, size), .gives = size });
}

/* What goes through first makes the buffers. */
static void restore(struct work *work)
{
	const struct pipe_parameters *of = PARAMETERS(pipe, work);

	close_ends();
	if (of->way == 0)
		sure("pipe", pipe(ends));
	else if (of->way == 1)
		sure("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	else
		connect_ends();
	sure("write", write(ends[1], work->memory, of->size));
	sure("read", read(ends[0], work->memory, of->size));
	work->steps[0].with[0] = ends[1];
	work->steps[1].with[0] = ends[0];
}

static void finish(struct work *work)
{
	(void)work;
	close_ends();
	if (listening >= 0)
		sure("close", close(listening));
	listening = -1;
}

const struct workload workload_pipe = { .prepare = prepare, .restore = restore, .finish = finish };
