// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe: /init of a guest, and worker on a host.
 *
 * A job is lines of words; `disk` is followed by the bytes it announces:
 *   disk DEVICE LENGTH
 *   mount KIND DEVICE OPTIONS    (OPTIONS may be empty)
 *   case CALL SIZE VECTORS OFFSET FILL FILE_SIZE UPTODATE CALLS
 *   unmount
 *   faults PERCENT               (of the allocations that writes of an exercise make)
 *   exercise KIND DEVICE BLOCK_SIZE SEED OPERATIONS OPTIONS
 *   recover KIND DEVICE BLOCK_SIZE SEED OPERATIONS COMPLETED OPTIONS
 *   symbols
 *   pin CPU, fill, time, folios, pause    (timing.c)
 *   program, file, make, run                (program.c)
 *   replay                                  (replay.c)
 *   end
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exercise/exercise.h"
#include "probe.h"

static void do_exercise(const char *line)
{
	char kind[64], device[64], options[1024] = "";
	struct exercise exercise = { .kind = kind, .device = device, .options = options };
	unsigned long long n[4];

	if (sscanf(line, "exercise %63s %63s %llu %llu %llu %1023[^\n]", kind, device, &n[0],
		   &n[1], &n[2], options) < 5 &&
	    sscanf(line, "recover %63s %63s %llu %llu %llu %llu %1023[^\n]", kind, device, &n[0],
		   &n[1], &n[2], &n[3], options) < 6)
		fail("the job has an exercise it does not describe: %s", line);
	exercise.block_size = n[0];
	exercise.seed = n[1];
	exercise.operations = n[2];
	if (line[0] == 'e')
		run_exercise(&exercise);
	else
		run_recover(&exercise, n[3]);
}

static void do_job(void)
{
	for (;;) {
		char *line = job_line();
		char verb[16], first[64], second[64], rest[1024] = "";
		unsigned long long length;

		if (sscanf(line, "%15s", verb) != 1)
			fail("the job has an empty line");
		if (strcmp(verb, "end") == 0) {
			return;
		} else if (sscanf(line, "disk %63s %llu", first, &length) == 2) {
			disk_write(first, length);
		} else if (sscanf(line, "mount %63s %63s %1023[^\n]", first, second, rest) >= 2) {
			disk_mount(first, second, rest);
		} else if (strcmp(verb, "exercise") == 0 || strcmp(verb, "recover") == 0) {
			do_exercise(line);
		} else if (sscanf(line, "faults %llu", &length) == 1) {
			faults_prepare((unsigned int)length);
		} else if (strcmp(verb, "unmount") == 0) {
			disk_unmount();
		} else if (strcmp(verb, "symbols") == 0) {
			offer_symbols();
		} else if (strcmp(verb, "case") == 0) {
			struct call_case wanted = { .call = first };
			unsigned long long n[7];

			if (sscanf(line, "case %63s %llu %llu %llu %llu %llu %llu %llu", first,
				   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]) != 8)
				fail("the job has a case it does not describe: %s", line);
			wanted.size = n[0];
			wanted.vectors = n[1];
			wanted.offset = n[2];
			wanted.fill = n[3];
			wanted.file_size = n[4];
			wanted.uptodate = n[5];
			wanted.calls = n[6];
			run_case("/mnt/tailwalk", &wanted);
		} else if (!timing_command(line) && !program_command(line) &&
			   !replay_command(line)) {
			fail("the job has a line the probe does not know: %s", line);
		}
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	if (getpid() == 1) {
		guest_boot();
		transport_pause();
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
