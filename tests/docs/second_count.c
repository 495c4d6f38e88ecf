// SPDX-License-Identifier: GPL-2.0-or-later
/* A second count of some cases, which shares no code with the probe: the time stamp before and
 * after each call, as a static program of the user's own would read it.
 *
 *     second_count CALL FILL
 *
 * prints the median of the calls, the least and the most, and what the page tables have of the
 * mapping. FILL is the size of the writes that fill the file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024, PAGE = 4096, MOST = 4096 };

static unsigned long counts[MOST];
static int number;
static size_t fill, file_size = 10 * MIB;
static char *block, *map;
static int fd, ends[2];

static unsigned long stamp(void)
{
	unsigned int low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long)high << 32 | low;
}

#define COUNT(call)                                 \
	do {                                        \
		unsigned long begin = stamp();      \
		call;                               \
		counts[number++] = stamp() - begin; \
	} while (0)

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static void write_all(int to, size_t size)
{
	for (size_t at = 0; at < size; at += fill)
		need(pwrite(to, block, fill, at) == (ssize_t)fill, "pwrite");
}

static void make_file(void)
{
	fd = open("second", O_RDWR | O_CREAT | O_TRUNC, 0600);
	need(fd >= 0, "open");
	write_all(fd, file_size);
	need(!fsync(fd), "fsync");
}

static void map_file(void)
{
	map = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(map != MAP_FAILED, "mmap");
}

static void touch_pages(char *at, size_t size, int store)
{
	for (size_t done = 0; done < size; done += PAGE)
		if (store)
			((volatile char *)at)[done] = 3;
		else
			(void)((volatile char *)at)[done];
}

/* How much of the mapping at an address has page table entries, and how much of that huge ones. */
static void say_mapping(const char *at)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long begin, end, kib, mapped = 0, huge = 0;
	char line[512], here = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = begin <= (unsigned long)at && (unsigned long)at < end;
		else if (here && sscanf(line, "Rss: %lu", &kib) == 1)
			mapped = kib;
		else if (here && (sscanf(line, "AnonHugePages: %lu", &kib) == 1 ||
				  sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1 ||
				  sscanf(line, "FilePmdMapped: %lu", &kib) == 1))
			huge += kib;
	}
	need(maps && mapped, "/proc/self/smaps");
	fclose(maps);
	printf("mapped %lu KiB, %lu of it huge\n", mapped, huge);
}

static void msync_one(void)
{
	map_file();
	for (int i = 0; i < 30; i++) {
		*map = (char)i;
		COUNT(need(!msync(map, PAGE, MS_SYNC), "msync"));
	}
}

static void fault(int store)
{
	for (int i = 0; i < 30; i++) {
		fsync(fd);
		map_file();
		COUNT(touch_pages(map, PAGE, store));
		if (i == 29)
			say_mapping(map);
		munmap(map, file_size);
	}
}

static void fault_read(void)
{
	fault(0);
}

static void fault_write(void)
{
	fault(1);
}

static void protect_shared(void)
{
	size_t size;

	need(!ftruncate(fd, 0), "ftruncate");
	size = file_size = 64 * MIB;
	write_all(fd, size);
	fsync(fd);
	map_file();
	for (int i = 0; i < 10; i++) {
		touch_pages(map, size, 1);
		COUNT({
			mprotect(map, size, PROT_READ);
			mprotect(map, size, PROT_READ | PROT_WRITE);
			touch_pages(map, size, 1);
		});
	}
	say_mapping(map);
}

static void protect_zero(int aligned)
{
	int zero = open("/dev/zero", O_RDWR);
	size_t size = 4 * MIB;
	void *where = NULL;

	need(zero >= 0, "/dev/zero");
	/* The next mapping that may lie anywhere then begins half way into 2 MiB. */
	map = mmap(NULL, 6 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(map, ((unsigned long)map + MIB) / (2 * MIB) * (2 * MIB) + MIB - (unsigned long)map);
	if (aligned) {
		map = mmap(NULL, size + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		where = (void *)(((unsigned long)map + 2 * MIB - 1) / (2 * MIB) * (2 * MIB));
	}
	map = mmap(where, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | (where ? MAP_FIXED : 0),
		   zero, 0);
	need(map != MAP_FAILED, "mmap");
	memset(map, 1, size);
	for (int i = 0; i < 30; i++)
		COUNT({
			touch_pages(map, size, 0);
			mprotect(map, size, PROT_NONE);
			mprotect(map, size, PROT_READ | PROT_WRITE);
		});
	say_mapping(map);
}

static void protect_zero_anywhere(void)
{
	protect_zero(0);
}

static void protect_zero_aligned(void)
{
	protect_zero(1);
}

static void splice_from(void)
{
	off_t at;

	for (int i = 0; i < 30; i++) {
		need(write(ends[1], block, MIB) == MIB, "write");
		at = 0;
		COUNT(need(splice(ends[0], NULL, fd, &at, MIB, 0) == MIB, "splice"));
	}
}

static void splice_to(void)
{
	long moved;
	off_t at;

	for (int i = 0; i < 30; i++) {
		at = 0;
		COUNT(moved = splice(fd, &at, ends[1], NULL, MIB, 0));
		need(moved > 0, "splice");
		for (long left = moved; left > 0;)
			left -= read(ends[0], block, (size_t)left);
	}
}

/* Half way into each 128 KiB of the file, which was written, dropped and read in by as much. Of the
 * rounds the last counts. */
static void touch(void)
{
	for (int round = 0; round < 3; round++) {
		write_all(fd, file_size);
		fsync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		for (size_t at = 0; at < file_size; at += 128 * KIB)
			need(pread(fd, block, 128 * KIB, at) == 128 * KIB, "pread");
		number = 0;
		for (size_t at = 64 * KIB; at < file_size; at += 128 * KIB)
			COUNT(need(pwrite(fd, block, PAGE, at) == PAGE, "pwrite"));
	}
}

static void unlink_file(void)
{
	for (int i = 0; i < 8; i++) {
		int other = open("removed", O_CREAT | O_WRONLY | O_TRUNC, 0600);

		write_all(other, 8 * MIB);
		fsync(other);
		close(other);
		COUNT(need(!unlink("removed"), "unlink"));
	}
}

static void write_back(void)
{
	for (int i = 0; i < 8; i++) {
		write_all(fd, 8 * MIB);
		COUNT(need(!fsync(fd), "fsync"));
	}
}

/* What each call of these takes away is written, and on the disk, before the next. */
static void rewritten(int (*call)(void))
{
	for (int i = 0; i < 8; i++) {
		write_all(fd, file_size);
		need(!fsync(fd), "fsync");
		COUNT(need(!call(), "a call on what was written"));
	}
}

static int drop(void)
{
	return posix_fadvise(fd, 0, 8 * MIB, POSIX_FADV_DONTNEED);
}

static int shorten(void)
{
	return ftruncate(fd, (off_t)file_size - 8 * MIB);
}

static int punch(void)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, MIB);
}

static int make_zero(void)
{
	return fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, MIB);
}

static void drop_cache(void)
{
	rewritten(drop);
}

static void truncate_down(void)
{
	rewritten(shorten);
}

static void punch_hole(void)
{
	rewritten(punch);
}

static void zero_range(void)
{
	rewritten(make_zero);
}

static void fill_empty(void)
{
	for (int i = 0; i < 8; i++) {
		need(!ftruncate(fd, 0) && !fsync(fd), "ftruncate, fsync");
		COUNT(write_all(fd, 8 * MIB));
	}
}

static void read_cold(void)
{
	for (int i = 0; i < 8; i++) {
		need(!fsync(fd) && !posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
		need(!lseek(fd, 0, SEEK_SET), "lseek");
		COUNT(for (size_t at = 0; at < 8 * MIB; at += 128 * KIB)
			      need(read(fd, block, 128 * KIB) == 128 * KIB, "read"));
	}
}

static void populate(void)
{
	for (int i = 0; i < 30; i++) {
		COUNT(map = mmap(NULL, 8 * MIB, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0));
		need(map != MAP_FAILED, "mmap");
		munmap(map, 8 * MIB);
	}
}

static void sync_small(void)
{
	for (int i = 0; i < 30; i++) {
		need(pwrite(fd, block, KIB, 0) == KIB, "pwrite");
		COUNT(need(!fdatasync(fd), "fdatasync"));
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} CALLS[] = {
	{ "fdatasync_u1k", sync_small },
	{ "msync_u1", msync_one },
	{ "fadvise_dontneed_u8m", drop_cache },
	{ "fault_read_u4k", fault_read },
	{ "fault_write_u4k", fault_write },
	{ "fill_u8m", fill_empty },
	{ "mprotect_shared_u", protect_shared },
	{ "mprot_tw4m", protect_zero_anywhere },
	{ "mprot_tw4m_aligned", protect_zero_aligned },
	{ "populate_u8m", populate },
	{ "punch_hole_u1m", punch_hole },
	{ "read_cold_u8m", read_cold },
	{ "splice_from_pipe_u1m", splice_from },
	{ "splice_to_pipe_u1m", splice_to },
	{ "touch_u4k", touch },
	{ "truncate_down_u8m", truncate_down },
	{ "unlink_u8m", unlink_file },
	{ "writeback_u8m", write_back },
	{ "zero_range_u1m", zero_range },
};

static int in_order(const void *one, const void *other)
{
	unsigned long a = *(const unsigned long *)one, b = *(const unsigned long *)other;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	need(argc == 3, "CALL FILL");
	fill = (size_t)atol(argv[2]);
	block = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(block, 5, 4 * MIB);
	need(!pipe(ends) && fcntl(ends[1], F_SETPIPE_SZ, MIB) >= MIB, "pipe");
	make_file();
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++)
		if (!strcmp(argv[1], CALLS[i].name))
			CALLS[i].run();
	need(number > 0, argv[1]);
	qsort(counts, (size_t)number, sizeof(counts[0]), in_order);
	printf("median %lu least %lu most %lu\n", counts[number / 2], counts[0],
	       counts[number - 1]);
	return 0;
}
