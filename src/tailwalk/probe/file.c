// SPDX-License-Identifier: GPL-2.0-or-later
/* The file that a case has from its preparation: what workloads bring back in it. */
#define _GNU_SOURCE // fallocate, CLOCK_REALTIME_COARSE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define MOST_REWRITES 4 /* a sync of a real disk can take longer than a tick */

/* Also a step's function. */
long write_pieces(const long *with)
{
	for (long at = with[2]; at < with[3];) {
		long left = with[3] - at, part = with[4] < left ? with[4] : left;
		ssize_t done = pwrite((int)with[0], (const void *)with[1], (size_t)part, at);

		if (done <= 0)
			return done ? -errno : -EIO;
		at += done;
	}
	return 0;
}

/* From the case's memory, which has `piece` bytes or more. */
void write_again(const struct work *work, uint64_t begin, uint64_t end, uint64_t piece)
{
	const long with[] = { work->fd, (long)work->memory, (long)begin, (long)end, (long)piece };
	long result = write_pieces(with);

	if (result)
		fail("pwrite: %s", strerror((int)-result));
}

void sync_file(const struct work *work)
{
	sure("fsync", fsync(work->fd));
}

/* A write changes the file's times where the clock that they are taken from ticked
 * since the last one, and an fsync has to bring them to the journal then. So a write
 * in a new tick is synced, and done again. */
void write_in_tick(const struct work *work, uint64_t offset, uint64_t size)
{
	static struct timespec last;

	for (int at = 0; at < MOST_REWRITES; at++) {
		struct timespec before = last;

		sure("pwrite", pwrite(work->fd, work->memory, size, (off_t)offset));
		sure("clock_gettime", clock_gettime(CLOCK_REALTIME_COARSE, &last));
		if (last.tv_sec == before.tv_sec && last.tv_nsec == before.tv_nsec)
			return;
		sync_file(work);
	}
	sure("pwrite", pwrite(work->fd, work->memory, size, (off_t)offset));
}

void set_size(const struct work *work, uint64_t size)
{
	sure("ftruncate", ftruncate(work->fd, (off_t)size));
}

/* Blocks without data, from the beginning on. */
void allocate(const struct work *work, uint64_t size)
{
	if (!fallocate(work->fd, 0, 0, (off_t)size))
		return;
	if (errno == EOPNOTSUPP || errno == ENOSYS)
		leave_out("fallocate: %s", strerror(errno));
	fail("fallocate: %s", strerror(errno));
}

/* Shared and writable, in place of what `map` was, if it was any. */
void map_file(const struct work *work, char **map, uint64_t size)
{
	if (*map)
		sure("munmap", munmap(*map, size));
	else
		make_room(size);
	*map = (char *)sure(
		"mmap", (long)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, work->fd, 0));
}

void unmap_file(char **map, uint64_t size)
{
	sure("munmap", munmap(*map, size));
	*map = NULL;
	leave_room();
}
