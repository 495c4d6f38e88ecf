// SPDX-License-Identifier: GPL-2.0-or-later
/* Several processes that write to the same files at the same time, on as many
 * CPUs as there are. */
#define _GNU_SOURCE // sched_setaffinity
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

static void use_cpu(uint64_t writer)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(writer % (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("a writer cannot choose its CPU: %s", strerror(errno));
}

/* What all do as one: `writer` stands for all of them. */
static void do_common(struct exercise *exercise, uint64_t number)
{
	for (exercise->writer = exercise->writers; --exercise->writer;)
		send_step(exercise, number - 1, number, 0);
	do_operations(exercise, number, number);
	for (exercise->writer = 1; exercise->writer < exercise->writers; exercise->writer++)
		send_step(exercise, number, number, 0);
	send_counts();
}

static void do_own(struct exercise *exercise, uint64_t from, uint64_t to)
{
	pid_t children[MOST_WRITERS];

	/* Pages that are mapped here keep their folios in the page cache, as large as
	 * they are. */
	for (int file = 0; file < FILES; file++)
		look(exercise, &(struct operation){
				       .number = from - 1, .action = COMPARE_MAP, .file = file });
	for (uint64_t i = 0; i < exercise->writers; i++) {
		children[i] = fork();
		if (children[i] < 0)
			fail("cannot fork");
		if (children[i])
			continue;
		exercise->writer = i;
		use_cpu(i);
		files_open_again(exercise);
		do_operations(exercise, from, to);
		send_counts();
		_exit(0);
	}
	for (uint64_t i = 0; i < exercise->writers; i++) {
		int status;

		if (waitpid(children[i], &status, 0) < 0 || status)
			fail("writer %" PRIu64 " ended with status %#x", i, status);
	}
}

void let_them_write(struct exercise *exercise)
{
	share_channel();
	for (uint64_t number = 1, next; number <= exercise->operations; number = next) {
		next = number + 1;
		if (is_common(number)) {
			do_common(exercise, number);
			continue;
		}
		while (next <= exercise->operations && !is_common(next))
			next++;
		do_own(exercise, number, next - 1);
		if (number > FILES)
			look_everywhere(exercise);
	}
}
