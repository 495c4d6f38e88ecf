// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe: /init of a guest, and worker on a host.
 *
 * A job is lines: a verb (verbs.c) and what it is to act on (job.c). Where a line
 * says a length, so many bytes follow it.
 */
#include <string.h>
#include <unistd.h>

#include "probe.h"

static void do_job(void)
{
	const char *verb;

	while (strcmp(verb = job_verb(), "end") != 0) {
		const struct verb *known = verbs;

		while (known->name && strcmp(known->name, verb) != 0)
			known++;
		if (!known->name)
			fail("the job has a line the probe does not know: %s", verb);
		known->act();
	}
}

/* Whoever goes on from here has a job of his own. */
void job_leave(void)
{
	job_read((struct key[]){ END });
	send_frame(FRAME_DONE, NULL, 0);
	guest_pause();
	job_start();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], NOTHING) == 0)
		return 0;
	if (getpid() == 1) {
		guest_boot();
		guest_pause();
	} else if (argc == 1) {
		channel_open_host(STDIN_FILENO, STDOUT_FILENO);
	}
	job_start();
	do_job();
	send_frame(FRAME_DONE, NULL, 0);
	if (is_guest())
		transport_exit(0);
	return 0;
}
