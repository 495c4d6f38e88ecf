// SPDX-License-Identifier: GPL-2.0-or-later
/* The files under test, and carrying out operations on them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

int file_fds[FILES] = { -1, -1, -1, -1 };
unsigned char *file_maps[FILES];

void file_path(int file, char *path, int length)
{
	snprintf(path, length, "/mnt/file%d", file);
}

void files_make(const struct exercise *exercise)
{
	char path[32];

	disk_mount(exercise->kind, exercise->device, exercise->options);
	for (int file = 0; file < FILES; file++) {
		file_path(file, path, sizeof(path));
		close(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	}
	sync();
	disk_unmount();
}

void files_open(const struct exercise *exercise)
{
	char path[32];

	disk_mount(exercise->kind, exercise->device, exercise->options);
	for (int file = 0; file < FILES; file++) {
		file_path(file, path, sizeof(path));
		file_fds[file] = open(path, O_RDWR | O_CLOEXEC);
		if (file_fds[file] < 0)
			fail("cannot open %s: %s", path, strerror(errno));
		file_maps[file] = mmap(NULL, file_limits[file], PROT_READ | PROT_WRITE, MAP_SHARED,
				       file_fds[file], 0);
		if (file_maps[file] == MAP_FAILED)
			fail("cannot map %s: %s", path, strerror(errno));
	}
}

void files_close(void)
{
	for (int file = 0; file < FILES; file++) {
		munmap(file_maps[file], file_limits[file]);
		close(file_fds[file]);
	}
	disk_unmount();
}

/* Take the mapping's pages away; page tables that refer to a folio keep it in
 * the page cache. */
static void unmap_pages(int file)
{
	madvise(file_maps[file], file_limits[file], MADV_DONTNEED);
}

/* The order of the folio that caches an offset: -1 where none does that is
 * uptodate, or where the kernel does not tell. Page flags are read for the
 * largest folio that the page can be in, which starts at a multiple of its
 * length in memory too. */
int folio_order(int file, uint64_t offset)
{
	uint64_t pages = LARGEST_FOLIO / page_size();
	uint64_t flags[LARGEST_FOLIO / SMALLEST_PAGE], frame, first, last;
	unsigned char *page = file_maps[file] + (offset & ~(page_size() - 1));
	unsigned char resident;

	if (mincore(page, page_size(), &resident) || !(resident & 1))
		return -1;
	(void)*(volatile unsigned char *)page;
	if (!page_frames(page, &frame, 1) || !frame)
		return -1;
	first = last = frame % pages;
	if (!frame_flags(frame - first, flags, pages))
		return -1;
	while (first && flags[first] & FLAG_TAIL)
		first--;
	while (last + 1 < pages && flags[last + 1] & FLAG_TAIL)
		last++;
	return order_of(last - first + 1);
}

static int again(long result)
{
	return result < 0 && (errno == EINTR || errno == ENOMEM);
}

/* An operation that fails for want of memory has to leave the file fit for
 * the same operation: so it is repeated. */
#define REPEAT(call)                            \
	({                                      \
		long repeat_result;             \
		do                              \
			repeat_result = (call); \
		while (again(repeat_result));   \
		repeat_result;                  \
	})

/* As REPEAT for writes. Where allocations are made to fail, they fail in the
 * first call only: what it leaves undone, the same call does after it. */
#define WRITE_ALL(call, wanted)                                                                \
	({                                                                                     \
		long write_result;                                                             \
		int write_error;                                                               \
		faults_begin();                                                                \
		write_result = (call);                                                         \
		write_error = errno;                                                           \
		faults_end();                                                                  \
		errno = write_error;                                                           \
		if (again(write_result) ||                                                     \
		    (faults_wanted() && write_result >= 0 && write_result < (long)(wanted))) { \
			faults_repeated++;                                                     \
			write_result = REPEAT(call);                                           \
		}                                                                              \
		write_result;                                                                  \
	})

static void must(const struct operation *what, long result, uint64_t wanted)
{
	char text[128];

	if (result == (long)wanted)
		return;
	describe(what, text, sizeof(text));
	fail("operation %llu, %s: %s (%ld in place of %llu)", (unsigned long long)what->number,
	     text, result < 0 ? strerror(errno) : "the kernel did less than it was asked for",
	     result, (unsigned long long)wanted);
}

static long write_vectors(int fd, const unsigned char *from, const struct operation *what)
{
	struct iovec vectors[MOST_VECTORS];

	for (int i = 0; i < what->vectors; i++) {
		vectors[i] = (struct iovec){ (void *)from, what->parts[i] };
		from += what->parts[i];
	}
	if (lseek(fd, (off_t)what->offset, SEEK_SET) < 0)
		return -1;
	return writev(fd, vectors, what->vectors);
}

/* Memory whose last bytes may be read and whose next may not. */
static unsigned char *memory_end(void)
{
	static unsigned char *memory;

	if (!memory) {
		memory = mmap(NULL, LARGEST_FOLIO + page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			fail("no memory for a buffer");
		mprotect(memory + LARGEST_FOLIO, page_size(), PROT_NONE);
	}
	return memory + LARGEST_FOLIO;
}

/* Folios stay behind that are large and not uptodate: the kernel takes the
 * folio for the whole write, and then finds that it cannot copy that much. */
static void write_short(int fd, const unsigned char *from, const struct operation *what)
{
	unsigned char *memory = memory_end() - what->good;

	memcpy(memory, from, what->good);
	must(what, WRITE_ALL(pwrite(fd, memory, what->length, (off_t)what->offset), what->good),
	     what->good);
}

/* A folio that is in the page cache stays as large as it is, whatever the
 * size of the write; so those of the range are sent away first. */
static void fill(int fd, const unsigned char *from, const struct operation *what)
{
	off_t at = (off_t)what->offset, length = (off_t)what->length;

	unmap_pages(what->file);
	must(what,
	     REPEAT(sync_file_range(fd, at, length,
				    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)),
	     0);
	must(what, posix_fadvise(fd, at, length, POSIX_FADV_DONTNEED), 0);
	must(what, WRITE_ALL(pwrite(fd, from, what->length, at), what->length), what->length);
}

static void drop_caches(int also_slabs)
{
	int control = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (control < 0 || write(control, also_slabs ? "3" : "1", 1) != 1)
		fail("cannot drop the caches: %s", strerror(errno));
	close(control);
}

static void sync_map(const struct operation *what, const struct shadow *shadow)
{
	uint64_t begin = what->whole ? 0 : what->offset & ~(page_size() - 1);
	uint64_t end = what->whole ? shadow->size : what->offset + what->length;

	if (begin < end)
		must(what, REPEAT(msync(file_maps[what->file] + begin, end - begin, MS_SYNC)), 0);
}

void perform(struct exercise *exercise, const struct operation *what)
{
	const struct shadow *shadow = &exercise->shadows[what->file];
	const unsigned char *from = shadow->bytes + what->offset;
	int fd = file_fds[what->file], flags = what->keep_size ? FALLOC_FL_KEEP_SIZE : 0;
	off_t at = (off_t)what->offset, length = (off_t)what->length;

	switch (what->action) {
	case WRITE:
		must(what,
		     WRITE_ALL(lseek(fd, at, SEEK_SET) < 0 ? -1 : write(fd, from, what->length),
			       what->length),
		     what->length);
		break;
	case FILL:
		fill(fd, from, what);
		break;
	case PWRITE:
		must(what, WRITE_ALL(pwrite(fd, from, what->length, at), what->length),
		     what->length);
		break;
	case WRITEV:
		must(what, WRITE_ALL(write_vectors(fd, from, what), what->length), what->length);
		break;
	case SHORT_WRITE:
		write_short(fd, from, what);
		break;
	case STORE:
		memcpy(file_maps[what->file] + what->offset, from, what->length);
		break;
	case TRUNCATE:
		must(what, REPEAT(ftruncate(fd, length)), 0);
		break;
	case PUNCH:
		flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		must(what, REPEAT(fallocate(fd, flags, at, length)), 0);
		break;
	case ZERO:
		must(what, REPEAT(fallocate(fd, flags | FALLOC_FL_ZERO_RANGE, at, length)), 0);
		break;
	case RESERVE:
		must(what, REPEAT(fallocate(fd, flags, at, length)), 0);
		break;
	case FSYNC:
		must(what, REPEAT(fsync(fd)), 0);
		break;
	case FDATASYNC:
		must(what, REPEAT(fdatasync(fd)), 0);
		break;
	case MSYNC:
		sync_map(what, shadow);
		break;
	case SYNC:
		sync();
		break;
	case FORGET:
		must(what, REPEAT(fdatasync(fd)), 0);
		unmap_pages(what->file);
		must(what, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		break;
	case ADVISE:
		unmap_pages(what->file);
		must(what, posix_fadvise(fd, at, length, POSIX_FADV_DONTNEED), 0);
		break;
	case DROP:
		sync();
		for (int file = 0; file < FILES; file++)
			unmap_pages(file);
		drop_caches(what->whole);
		break;
	case REMOUNT:
		disturb_end();
		pressure_end();
		files_close();
		files_open(exercise);
		disturb(exercise->seed + what->number);
		break;
	case PRESSURE:
		pressure_begin();
		break;
	default: /* looking is exercise.c's */
		break;
	}
}
