// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workload.h"

#define OTHERS 20 /* descriptors that are open besides */

int sockets[MOST_SOCKETS];
static size_t count;
static struct rlimit before;

static void prepare(const void *parameters)
{
	uint64_t number = ((const struct sockets *)parameters)->number;
	struct rlimit limit;

	sure("getrlimit", getrlimit(RLIMIT_NOFILE, &before));
	limit = before;
	if (limit.rlim_cur < number + OTHERS)
		limit.rlim_cur = number + OTHERS;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		leave_out("%llu descriptors: %s", (unsigned long long)number, strerror(errno));
	for (count = 0; count < number / 2 * 2; count += 2)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets + count)) {
			if (errno == EAFNOSUPPORT || errno == ENOSYS)
				leave_out("the kernel has no AF_UNIX sockets");
			fail("socketpair: %s", strerror(errno));
		}
}

static void finish(void)
{
	while (count)
		sure("close", close(sockets[--count]));
	sure("setrlimit", setrlimit(RLIMIT_NOFILE, &before));
}

const struct preparation preparation_sockets = { .prepare = prepare, .finish = finish };
