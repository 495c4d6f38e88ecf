// SPDX-License-Identifier: GPL-2.0-or-later
/* Children share the channel, and one is killed in the middle of a frame; then
 * the other has something to send. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static int dies;

int is_guest(void)
{
	return 1;
}

void transport_send(const void *data, size_t length)
{
	if (dies)
		raise(SIGKILL);
	if (write(STDOUT_FILENO, data, length) != (ssize_t)length)
		abort();
}

void transport_exit(int status)
{
	_exit(40 + status);
}

uint64_t transport_open(void)
{
	abort();
}

void transport_receive(void *buffer, size_t length)
{
	(void)buffer, (void)length;
	abort();
}

void transport_receive_bulk(void *buffer, size_t length)
{
	transport_receive(buffer, length);
}

int main(int argc, char **argv)
{
	(void)argv;
	share_channel();
	if (fork() == 0) {
		dies = argc > 1;
		send_frame(FRAME_STEP, "step", 4);
		return 0;
	}
	wait(NULL);
	send_frame(FRAME_DONE, NULL, 0);
	return 0;
}
