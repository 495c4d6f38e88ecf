// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes beside the exerciser. They change no byte of the files, so the
 * exerciser's operations stay what the seed says; but they run at the same
 * time on the other CPU: reads, writeback, reclaim, dropped caches.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define LEFT_KIB (12 * 1024) /* of the memory, for everybody else */
#define PRESSURE_MICROSECONDS 100000

static pid_t disturber, presser;

static void disturb_once(uint64_t *random, int fd, uint64_t limit)
{
	static char buffer[256 << 10];
	off_t at = (off_t)random_below(random, limit);
	void *map;

	switch (random_below(random, 8)) {
	case 0 ... 2:
		if (pread(fd, buffer, 1 + random_below(random, sizeof(buffer)), at) < 0)
			_exit(1);
		break;
	case 3:
		map = mmap(NULL, 64 << 10, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
			   at - at % (off_t)page_size());
		if (map != MAP_FAILED)
			munmap(map, 64 << 10);
		break;
	case 4:
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		break;
	case 5:
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		break;
	case 6:
		posix_fadvise(fd, at, 0, POSIX_FADV_WILLNEED);
		break;
	default:
		syncfs(fd);
	}
}

static _Noreturn void disturb_forever(uint64_t random)
{
	for (;;) {
		int file = (int)random_below(&random, FILES), fd;

		usleep((useconds_t)random_below(&random, 10000));
		fd = open_file(file, O_RDONLY);
		if (fd < 0)
			_exit(1);
		disturb_once(&random, fd, file_limits[file]);
		close(fd);
	}
}

static pid_t forked(void)
{
	pid_t child = fork();

	if (child < 0)
		fail("cannot fork");
	return child;
}

static void end(pid_t *process)
{
	if (*process <= 0)
		return;
	kill(*process, SIGKILL);
	waitpid(*process, NULL, 0);
	*process = 0;
}

void disturb(uint64_t seed)
{
	disturber = forked();
	if (disturber == 0)
		disturb_forever(seed);
}

static long available_kib(void)
{
	char line[128];
	long found = 0;
	FILE *stream = fopen("/proc/meminfo", "re");

	while (stream && !found && fgets(line, sizeof(line), stream))
		sscanf(line, "MemAvailable: %ld", &found);
	if (stream)
		fclose(stream);
	return found;
}

void press(void)
{
	end(&presser);
	presser = forked();
	if (presser)
		return;
	/* The first to go where memory runs out. */
	write_control("/proc/self/oom_score_adj", "1000");
	for (long left = available_kib() - LEFT_KIB; left >= 1024; left -= 1024)
		if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
			break;
	usleep(PRESSURE_MICROSECONDS);
	_exit(0);
}

void calm(void)
{
	end(&disturber);
	end(&presser);
}
