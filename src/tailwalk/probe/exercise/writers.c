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

#define READ_AT_ONCE (64 * 1024) /* large reads get small folios, by far more readahead */

/* All files are cached anew, in folios that are as large as they get: by one write
 * of what they hold, which is none of the operations, or now and then by reading
 * on. Nothing disturbs that, and the pages that are mapped here keep their folios
 * in the page cache afterwards. */
static void refill(const struct exercise *exercise, uint64_t number)
{
	uint64_t random = exercise->seed + number;

	calm();
	for (int file = 0; file < FILES; file++) {
		uint64_t size = exercise->shadows[file].size;
		struct operation whole = { .number = number, .file = file, .length = size };
		struct operation part = whole;

		whole.action = random_below(&random, 4) ? FILL : FORGET;
		perform(exercise, &whole);
		part.action = READ;
		part.length = READ_AT_ONCE;
		for (; part.offset < size; part.offset += part.length)
			look(exercise, &part);
		whole.action = COMPARE_MAP;
		look(exercise, &whole);
	}
	disturb(exercise->seed + number);
}

/* What all do as one: `writer` stands for all of them. The files are refilled after
 * it, but before memory runs short, so that it does while they are written to. */
static void do_common(struct exercise *exercise, uint64_t number)
{
	struct operation next;

	share_next(exercise, number, &next);
	if (next.action == PRESSURE)
		refill(exercise, number);
	for (exercise->writer = exercise->writers; --exercise->writer;)
		send_step(exercise, number - 1, number, 0);
	do_operations(exercise, number, number);
	for (exercise->writer = 1; exercise->writer < exercise->writers; exercise->writer++)
		send_step(exercise, number, number, 0);
	if (next.action != PRESSURE && number >= FILES)
		refill(exercise, number);
	send_counts();
}

static void do_own(struct exercise *exercise, uint64_t from, uint64_t to)
{
	pid_t children[MOST_WRITERS];

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
