// SPDX-License-Identifier: GPL-2.0-or-later
/* The files under test, and carrying out operations on them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

int file_fds[FILES] = { -1, -1, -1, -1 };
unsigned char *file_maps[FILES];
uint64_t writes_repeated;

static int direct_fds[FILES] = { -1, -1, -1, -1 };

/* An operation that fails so often in turn fails for good. */
#define MOST_TRIES 50

int open_file(int file, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/mnt/file%d", file);
	return open(path, flags | O_CLOEXEC, 0600);
}

uint64_t file_size(int file)
{
	struct stat found;

	if (fstat(file_fds[file], &found))
		fail("fstat: %s", strerror(errno));
	return (uint64_t)found.st_size;
}

void files_make(const struct exercise *exercise)
{
	disk_mount(exercise->kind, exercise->device, exercise->options);
	for (int file = 0; file < FILES; file++)
		close(open_file(file, O_RDWR | O_CREAT | O_TRUNC));
	sync();
	disk_unmount();
}

static void descriptors_open(const struct exercise *exercise)
{
	for (int file = 0; file < FILES; file++) {
		file_fds[file] = open_file(file, O_RDWR);
		file_maps[file] = mmap(NULL, file_limits[file], PROT_READ | PROT_WRITE, MAP_SHARED,
				       file_fds[file], 0);
		if (file_maps[file] == MAP_FAILED)
			fail("cannot open and map file %d: %s", file, strerror(errno));
		if (!exercise->direct)
			continue;
		direct_fds[file] = open_file(file, O_RDWR | O_DIRECT);
		if (direct_fds[file] < 0)
			fail("cannot open file %d for direct I/O: %s", file, strerror(errno));
	}
}

static void descriptors_close(void)
{
	for (int file = 0; file < FILES; file++) {
		munmap(file_maps[file], file_limits[file]);
		close(file_fds[file]);
		if (direct_fds[file] >= 0)
			close(direct_fds[file]);
	}
}

void files_open(const struct exercise *exercise)
{
	disk_mount(exercise->kind, exercise->device, exercise->options);
	descriptors_open(exercise);
}

void files_open_again(const struct exercise *exercise)
{
	descriptors_close();
	descriptors_open(exercise);
}

void files_close(void)
{
	descriptors_close();
	disk_unmount();
}

ssize_t read_file(const struct operation *at, void *buffer, uint64_t length, uint64_t offset)
{
	int fd = at->action == DIRECT_READ ? direct_fds[at->file] : file_fds[at->file];

	return pread(fd, buffer, length, (off_t)offset);
}

/* Take the mapping's pages away; page tables that refer to a folio keep it in
 * the page cache. */
static void unmap_pages(int file)
{
	madvise(file_maps[file], file_limits[file], MADV_DONTNEED);
}

/* The order of the folio that caches an offset: -1 where none does that is
 * uptodate, or where the kernel does not tell. */
int folio_order(int file, uint64_t offset)
{
	unsigned char *page = file_maps[file] + offset - offset % page_size(), resident;

	if (mincore(page, page_size(), &resident) || !(resident & 1))
		return -1;
	return mapped_order(page);
}

static int again(long result)
{
	return result < 0 && (errno == EINTR || errno == ENOMEM);
}

static long write_vectors(int fd, const unsigned char *from, const struct operation *what)
{
	struct iovec vectors[MOST_VECTORS];

	for (int i = 0; i < what->vectors; i++) {
		vectors[i] = (struct iovec){ (void *)from, what->parts[i] };
		from += what->parts[i];
	}
	return writev(fd, vectors, what->vectors);
}

static long sync_map(const struct operation *what, const struct shadow *shadow)
{
	uint64_t begin = what->whole ? 0 : what->offset & ~(page_size() - 1);
	uint64_t end = what->whole ? shadow->size : what->offset + what->length;

	return begin < end ? msync(file_maps[what->file] + begin, end - begin, MS_SYNC) : 0;
}

static long forget(const struct operation *what, off_t at, off_t length)
{
	unmap_pages(what->file);
	return posix_fadvise(file_fds[what->file], at, length, POSIX_FADV_DONTNEED);
}

/* A folio that is in the page cache stays as large as it is, whatever the
 * size of the write; so those of the range are sent away first. */
static long make_room(const struct operation *what, off_t at, off_t length)
{
	unmap_pages(what->file);
	if (sync_file_range(file_fds[what->file], at, length,
			    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
		return -1;
	return forget(what, at, length);
}

static sigjmp_buf before_store;

static void leave_store(int signal)
{
	(void)signal;
	siglongjmp(before_store, 1);
}

/* A file system that has had an error does not let a page become dirty. */
static long store(const struct exercise *exercise, void *to, const void *from, size_t length)
{
	if (exercise->failing)
		signal(SIGBUS, leave_store);
	if (sigsetjmp(before_store, 1)) {
		errno = EIO;
		return -1;
	}
	memcpy(to, from, length);
	return 0;
}

/* sync(2) tells of no error. */
static long sync_all(const struct exercise *exercise)
{
	if (exercise->failing)
		return syncfs(file_fds[0]);
	sync();
	return 0;
}

static void drop_caches(const char *which)
{
	for (int file = 0; file < FILES; file++)
		unmap_pages(file);
	write_control("/proc/sys/vm/drop_caches", which);
}

static void remount(const struct exercise *exercise, const struct operation *what)
{
	calm();
	files_close();
	files_open(exercise);
	disturb(exercise->seed + what->number);
}

/* What the operation's call returns, or 0. */
static long attempt(const struct exercise *exercise, const struct operation *what)
{
	const struct shadow *shadow = &exercise->shadows[what->file];
	const unsigned char *from = shadow->bytes + what->offset;
	int fd = file_fds[what->file], keep = what->keep_size ? FALLOC_FL_KEEP_SIZE : 0;
	off_t at = (off_t)what->offset, length = (off_t)what->length;

	switch (what->action) {
	case DIRECT_WRITE:
		return pwrite(direct_fds[what->file], from, what->length, at);
	case WRITE:
		return lseek(fd, at, SEEK_SET) < 0 ? -1 : write(fd, from, what->length);
	case WRITEV:
		return lseek(fd, at, SEEK_SET) < 0 ? -1 : write_vectors(fd, from, what);
	case PWRITE:
	case FILL:
		return pwrite(fd, from, what->length, at);
	case SHORT_WRITE:
		/* Folios stay behind that are large and not uptodate: the kernel takes the folio
		 * for the whole write, and then finds that it cannot copy that much. */
		return pwrite(fd, guarded_end() - what->good, what->length, at);
	case STORE:
		return store(exercise, file_maps[what->file] + what->offset, from, what->length);
	case TRUNCATE:
		return ftruncate(fd, length);
	case PUNCH:
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
	case ZERO:
		return fallocate(fd, keep | FALLOC_FL_ZERO_RANGE, at, length);
	case RESERVE:
		return fallocate(fd, keep, at, length);
	case FSYNC:
		return fsync(fd);
	case FDATASYNC:
		return fdatasync(fd);
	case MSYNC:
		return sync_map(what, shadow);
	case SYNC:
		return sync_all(exercise);
	case FORGET:
		return fdatasync(fd) ? -1 : forget(what, 0, 0);
	case ADVISE:
		return forget(what, at, length);
	case SYNC_RANGE:
		return sync_file_range(fd, at, length,
				       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					       SYNC_FILE_RANGE_WAIT_AFTER);
	case DROP:
		if (sync_all(exercise))
			return -1;
		drop_caches(what->whole ? "3" : "1");
		return 0;
	case REMOUNT:
		/* Nor does umount(2), and there is nobody to tell after it. */
		if (exercise->failing)
			return sync_all(exercise);
		remount(exercise, what);
		return 0;
	case PRESSURE:
		press();
		return 0;
	default: /* looking is exercise.c's */
		return 0;
	}
}

static void must(const struct operation *what, long result, long wanted)
{
	if (result != wanted)
		fail("operation %" PRIu64 ", %s: %s (%ld in place of %ld)", what->number,
		     describe(what),
		     result < 0 ? strerror(errno) : "the kernel did less than it was asked for",
		     result, wanted);
}

static long prepare(const struct exercise *exercise, const struct operation *what)
{
	const unsigned char *from = exercise->shadows[what->file].bytes + what->offset;
	long result;

	if (what->action == SHORT_WRITE)
		memcpy(guarded_end() - what->good, from, what->good);
	if (what->action != FILL)
		return 0;
	while (again(result = make_room(what, (off_t)what->offset, (off_t)what->length)))
		;
	return result;
}

/* An operation that fails for want of memory has to leave the file fit for
 * the same operation: so it is repeated. Where allocations are made to fail,
 * they fail in the first call of a write only: what it leaves undone, the same
 * call does after it. */
static long carry_out(const struct exercise *exercise, const struct operation *what, long wanted)
{
	int writes = what->action <= SHORT_WRITE, undone;
	long result = prepare(exercise, what);

	if (result)
		return result;
	faults_switch(writes);
	result = attempt(exercise, what);
	faults_switch(0);
	undone = again(result) || (writes && faults_wanted() && result >= 0 && result < wanted);
	writes_repeated += (uint64_t)(writes && undone);
	while (undone) {
		result = attempt(exercise, what);
		undone = again(result);
	}
	return result;
}

/* What fails since the disk does is done again until it is done: so the files
 * are what the shadow is. Only what was to make something durable is not: it
 * would find nothing to do. */
enum outcome perform(const struct exercise *exercise, const struct operation *what)
{
	long result, wanted = 0;

	if (what->action <= SHORT_WRITE)
		wanted = (long)(what->action == SHORT_WRITE ? what->good : what->length);
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		result = carry_out(exercise, what, wanted);
		if (result == wanted)
			return tries ? TOLD : DONE;
		if (!exercise->failing || (result < 0 && errno != EIO))
			break;
		if (kinds[what->action].durable)
			return TOLD;
	}
	if (exercise->failing && result < 0 && (errno == EIO || errno == EROFS))
		return OVER;
	must(what, result, wanted);
	return DONE;
}
