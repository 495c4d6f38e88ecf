// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a program writes to standard output and error, on its way to the host
 * while it runs.
 *
 * It writes to two pipes, and the probe looks into them at fixed moments of the
 * guest's clock. So it depends on nothing but the program when it is taken: the
 * host may be slow, the guest's clock stands meanwhile. The program is never
 * woken for it nor made to give way, unless a pipe is full.
 */
#define _GNU_SOURCE // pipe2, F_SETPIPE_SZ
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

#define ROOM (1 << 20) /* of a pipe, and of what is taken at a time */
/* Through the port a byte takes a microsecond, and a pause of the machine, for
 * the host to take it from memory, some 20,000. */
#define BY_PORT (1 << 14)

static int pipes[2];

void output_open(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		int made[2];

		if (pipe2(made, O_CLOEXEC))
			fail("cannot make a pipe for the program's output: %s", strerror(errno));
		fcntl(made[0], F_SETFL, O_NONBLOCK);
		fcntl(made[0], F_SETPIPE_SZ, ROOM);
		pipes[i] = made[0];
		ends[i] = made[1];
	}
}

static void put(const void *data, size_t length)
{
	transport_send(data, length);
}

static void send(uint64_t stream, const char *data, size_t length)
{
	uint64_t said[3] = { stream, 0, length };
	struct part parts[] = { { said, sizeof(said) }, { data, length } };

	if (length <= BY_PORT) {
		put_frame(put, FRAME_OUTPUT, parts, 2);
		return;
	}
	said[1] = (uintptr_t)data;
	put_frame(put, FRAME_OUTPUT, parts, 1);
	guest_pause();
}

void output_pass_on(void)
{
	static char buffer[ROOM];

	for (int i = 0; i < 2; i++) {
		size_t length = 0;
		ssize_t got;

		while (length < ROOM && (got = read(pipes[i], buffer + length, ROOM - length)) > 0)
			length += (size_t)got;
		if (length)
			send((uint64_t)i + 1, buffer, length);
	}
}
