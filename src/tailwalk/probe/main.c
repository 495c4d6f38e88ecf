// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe: /init of a guest, and worker on a host.
 *
 * A job is lines: a verb and what it is to act on (job.c). Where a line says a
 * length, so many bytes follow it.
 */
#include <string.h>
#include <unistd.h>

#include "probe.h"

static const struct {
	const char *name;
	void (*act)(void);
} verbs[] = {
	/* what holds for all that follows */
	{ "disk", job_disk },
	{ "mount", job_mount },
	{ "still", job_still }, /* khugepaged */
	{ "pin", job_pin },
	{ "faults", job_faults }, /* of allocations that writes of an exercise make */
	/* cases: counted one by one, or prepared, timed in batches and looked at */
	{ "case", job_case },
	{ "need", job_need }, /* what a case that is alone in its guest finds there, */
	{ "leave", job_leave }, /* and the end of the job that made it */
	{ "alone", job_alone },
	{ "prepare", job_prepare },
	{ "time", job_time },
	{ "folios", job_folios },
	/* a program of the user's */
	{ "tree", job_tree }, /* its root file system, as files */
	{ "image", job_image }, /* or as an image of one, which comes before the mount */
	{ "user", job_user },
	{ "input", job_input },
	{ "file", job_file },
	{ "make", job_make },
	{ "run", job_run },
	/* the rest */
	{ "exercise", job_exercise },
	{ "recover", job_recover },
	{ "replay", job_replay },
	{ "symbols", job_symbols },
	{ "pause", job_pause }, /* stop the machine until told to go on */
};

static void do_job(void)
{
	const char *verb;

	while (strcmp(verb = job_verb(), "end") != 0) {
		size_t i = 0;

		while (i < sizeof(verbs) / sizeof(verbs[0]) && strcmp(verbs[i].name, verb) != 0)
			i++;
		if (i == sizeof(verbs) / sizeof(verbs[0]))
			fail("the job has a line the probe does not know: %s", verb);
		verbs[i].act();
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
