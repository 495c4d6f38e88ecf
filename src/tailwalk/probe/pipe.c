// SPDX-License-Identifier: GPL-2.0-or-later
/* Pipes that workloads fill and empty. */
#define _GNU_SOURCE // F_SETPIPE_SZ
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

void open_pipe(int ends[2], uint64_t size)
{
	sure("pipe", pipe(ends));
	if ((uint64_t)sure("F_GETPIPE_SZ", fcntl(ends[0], F_GETPIPE_SZ)) < size)
		sure("F_SETPIPE_SZ", fcntl(ends[0], F_SETPIPE_SZ, (int)size));
}

void fill_pipe(const struct work *work, const int ends[2], uint64_t size)
{
	if ((uint64_t)sure("write", write(ends[1], work->memory, size)) != size)
		fail("a pipe has no room for %llu bytes", (unsigned long long)size);
}

void empty_pipe(const struct work *work, const int ends[2], uint64_t size)
{
	while (size)
		size -= (uint64_t)sure("read", read(ends[0], work->memory, size));
}

void close_pipe(const int ends[2])
{
	sure("close", close(ends[0]));
	sure("close", close(ends[1]));
}
