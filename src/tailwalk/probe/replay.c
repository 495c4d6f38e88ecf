// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sequences of system calls on one small file each, and what is seen after
 * every call. Nothing is judged here: tailwalk/conformance compares what was seen
 * with what the model says.
 *
 * Looking changes nothing: no byte is read that is not in the page cache
 * already, and no page is mapped but for a store.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

#define MOST_BLOCKS 64u
#define LARGEST_FILE (1u << 16)
#define MOST_PAGES (LARGEST_FILE / SMALLEST_PAGE)
#define FILLER 0xee
#define PATH "/mnt/sequence"
#define CACHESTAT 451 /* since v6.5, if it is configured */

enum layout { HOLE, PREALLOCATED, WRITTEN };

enum action { WRITE, STORE, TRUNCATE, PUNCH, READ, FSYNC, WRITEBACK, DROP };

/* A step of the job, and the record of what is seen after it; both are
 * followed by nothing but the next (tailwalk/conformance/wire.py). */
struct step {
	uint8_t action, value;
	uint16_t unused;
	uint32_t offset, length;
	uint32_t readable; /* WRITE: bytes of the program's memory that are there */
};

struct seen {
	int32_t result; /* of the call: a count, or -errno */
	uint32_t size;
};

enum page_bits {
	CACHED = 1,
	UPTODATE = 2,
	DIRTY = 4,
	UNDER_WRITEBACK = 8,
	TAIL = 16,
	COUNTED = 32
};
enum block_bits { DATA = 1, SHOWN = 2, SPLIT = 4 };

static struct {
	int fd;
	uint32_t block, blocks, length, pages;
	unsigned char *map;
	unsigned char bytes[LARGEST_FILE]; /* as far as they were seen */
} file;

/* Take away what the kernel may do or not: writeback by the clock, and
 * zeroing a preallocated block because a neighbour is written. */
static void forbid_freedoms(const char *device)
{
	const char *slash = strrchr(device, '/');
	char path[128];

	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/extent_max_zeroout_kb",
		 slash ? slash + 1 : device);
	write_control(path, "0");
	write_control("/proc/sys/vm/dirty_writeback_centisecs", "0");
}

struct cache_counts {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* 0 where the kernel is built without cachestat. */
static int count_cached(uint64_t offset, uint64_t length, struct cache_counts *counts)
{
	struct {
		uint64_t offset, length;
	} range = { offset, length };

	memset(counts, 0, sizeof(*counts));
	if (!syscall(CACHESTAT, file.fd, &range, counts, 0))
		return 1;
	if (errno != ENOSYS)
		fail("cannot count pages of the page cache: %s", strerror(errno));
	return 0;
}

static void must(long result, const char *what)
{
	if (result < 0)
		fail("cannot %s the file of a sequence: %s", what, strerror(errno));
}

static void make_file(const unsigned char *layout)
{
	struct cache_counts counts;

	memset(file.bytes, FILLER, file.block);
	file.fd = open(PATH, O_RDWR | O_CREAT | O_EXCL | O_NOATIME | O_CLOEXEC, 0600);
	must(file.fd, "make");
	for (uint32_t i = 0; i < file.blocks; i++) {
		off_t at = (off_t)i * file.block;

		if (layout[i] == WRITTEN)
			must(pwrite(file.fd, file.bytes, file.block, at), "write");
		else if (layout[i] == PREALLOCATED)
			must(fallocate(file.fd, FALLOC_FL_KEEP_SIZE, at, file.block),
			     "reserve blocks of");
	}
	must(ftruncate(file.fd, file.length), "lengthen");
	must(fsync(file.fd), "write back");
	write_control("/proc/sys/vm/drop_caches", "1");
	count_cached(0, file.length, &counts);
	if (counts.cached)
		fail("pages of a file that is written back stay in the page cache");
	file.map = mmap(NULL, file.length, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
	must(file.map == MAP_FAILED ? -1 : 0, "map");
}

static long take(const struct step *step)
{
	unsigned char *memory = guarded_end() - step->readable;
	int fd = file.fd;

	switch ((enum action)step->action) {
	case WRITE:
		memset(memory, step->value, step->readable);
		return pwrite(fd, memory, step->length, step->offset);
	case STORE:
		memset(file.map + step->offset, step->value, step->length);
		/* Page tables that refer to a folio would keep it in the page cache. */
		return madvise(file.map, file.length, MADV_DONTNEED);
	case TRUNCATE:
		return ftruncate(fd, step->offset);
	case PUNCH:
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, step->offset,
				 step->length);
	case READ:
		return pread(fd, file.bytes, file.length, 0);
	case FSYNC:
		return fsync(fd);
	case WRITEBACK:
		return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT);
	case DROP:
		write_control("/proc/sys/vm/drop_caches", "1");
		return 0;
	}
	fail("the job has a step of unknown kind %d", step->action);
}

/* The flags of uptodate folios themselves. The mark by which cachestat counts
 * dirty pages outlives the dirty flag where a folio has nothing to write
 * (try_to_free_buffers, v6.18). Page flags are found through a mapping, which
 * ends with the file, and touching a page that is not uptodate would read it. */
static void look_at_flags(unsigned char *pages, uint32_t count)
{
	uint64_t frames[MOST_PAGES], flags;

	for (uint32_t i = 0; i < count; i++)
		if (pages[i] & UPTODATE)
			(void)*(volatile unsigned char *)(file.map + i * page_size());
	must(page_frames(file.map, frames, count) ? 0 : -1, "look at");
	for (uint32_t i = 0; i < count; i++) {
		if (!(pages[i] & UPTODATE))
			continue;
		if (!frame_flags(frames[i], &flags, 1))
			fail("the kernel tells nothing of its page flags (/proc/kpageflags)");
		pages[i] = (pages[i] & COUNTED) | CACHED | UPTODATE |
			   (flags & FLAG_DIRTY ? DIRTY : 0) |
			   (flags & FLAG_WRITEBACK ? UNDER_WRITEBACK : 0) |
			   (flags & FLAG_TAIL ? TAIL : 0);
	}
	madvise(file.map, file.length, MADV_DONTNEED);
}

static void look_at_pages(unsigned char *pages, uint32_t size)
{
	unsigned char resident[MOST_PAGES];
	uint64_t page = page_size();
	uint32_t in_file = (uint32_t)((size + page - 1) / page);

	must(mincore(file.map, file.length, resident), "look at");
	for (uint32_t i = 0; i < file.pages; i++) {
		struct cache_counts counts;

		pages[i] = (count_cached(i * page, page, &counts) ? COUNTED : 0) |
			   (counts.cached ? CACHED : 0) |
			   (resident[i] & 1 ? UPTODATE | CACHED : 0) | (counts.dirty ? DIRTY : 0) |
			   (counts.writeback ? UNDER_WRITEBACK : 0);
	}
	if (memchr(resident, 1, in_file))
		look_at_flags(pages, in_file);
}

static void look_for_data(unsigned char *blocks, uint32_t size)
{
	off_t hole = 0;

	while (hole < size) {
		off_t data = lseek(file.fd, hole, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return;
		must(data, "seek data in");
		/* Data behind the end of the file in a folio that it shares are
		 * found at the end (mapping_seek_hole_data, v6.18). */
		if (data >= size)
			return;
		hole = lseek(file.fd, data, SEEK_HOLE);
		must(hole, "seek a hole in");
		for (off_t i = data / file.block; i * file.block < hole; i++)
			blocks[i] |= DATA;
		if (data % file.block)
			blocks[data / file.block] |= SPLIT;
		if (hole % file.block && hole != size)
			blocks[hole / file.block] |= SPLIT;
	}
}

/* Only pages that are there are asked for: of others even such a read begins
 * to read ahead (filemap_get_pages, v6.18). */
static int in_cache(const unsigned char *pages, uint32_t at, uint32_t length)
{
	struct iovec part = { file.bytes + at, length };

	for (uint64_t i = at / page_size(); i * page_size() < at + length; i++)
		if (!(pages[i] & CACHED))
			return 0;
	return preadv2(file.fd, &part, 1, at, RWF_NOWAIT) == (ssize_t)length;
}

/* Bytes that the page cache holds; a folio that is only partly uptodate gives
 * none to a read that asks for more than that part. */
static void look_at_bytes(unsigned char *blocks, const unsigned char *pages, uint32_t size,
			  int all_read)
{
	int all = all_read || in_cache(pages, 0, size);

	for (uint32_t at = 0, i = 0; at < size; at += file.block, i++)
		if (all || in_cache(pages, at, size - at < file.block ? size - at : file.block))
			blocks[i] |= SHOWN;
}

/* The first byte, and the first that is another; by words as far as they are
 * all the same. */
static void show_unit(unsigned char unit[2], const unsigned char *at, const unsigned char *end)
{
	uint64_t all = *at * 0x0101010101010101u, word;

	unit[0] = unit[1] = *at;
	for (; end - at >= 8 && (memcpy(&word, at, 8), word == all); at += 8)
		;
	for (; at < end; at++)
		if (*at != unit[0]) {
			unit[1] = *at;
			return;
		}
}

static void show_units(unsigned char *units, const unsigned char *blocks, uint32_t size)
{
	uint32_t unit = file.block / 2;

	for (uint32_t i = 0; i * unit < size; i++)
		if (blocks[i / 2] & SHOWN)
			show_unit(units + 2 * (size_t)i, file.bytes + i * unit,
				  file.bytes + (i * unit + unit < size ? i * unit + unit : size));
}

static unsigned char *look(unsigned char *out, long result, int is_read)
{
	struct seen seen = { .result = (int32_t)result };
	unsigned char *pages = out + sizeof(seen), *blocks = pages + file.pages;
	unsigned char *end = blocks + file.blocks + 4 * file.blocks;
	struct stat status;

	memset(out, 0, (size_t)(end - out));
	must(fstat(file.fd, &status), "look at");
	seen.size = (uint32_t)status.st_size;
	if (seen.size > file.length)
		fail("the file of a sequence grew to %u bytes", seen.size);
	memcpy(out, &seen, sizeof(seen));
	look_at_pages(pages, seen.size);
	look_for_data(blocks, seen.size);
	look_at_bytes(blocks, pages, seen.size, is_read && result == (long)seen.size);
	show_units(blocks + file.blocks, blocks, seen.size);
	return end;
}

static void read_step(struct step *step)
{
	job_bytes(step, sizeof(*step));
	if (step->length > file.length || step->offset > file.length - step->length ||
	    step->readable > step->length)
		fail("a step on %u bytes at %u, %u of them readable, in a file of %u",
		     step->length, step->offset, step->readable, file.length);
}

static void replay_one(uint32_t steps)
{
	unsigned char layout[MOST_BLOCKS];
	size_t room = steps * (sizeof(struct seen) + MOST_PAGES + 5ul * MOST_BLOCKS);
	unsigned char *out = malloc(room), *end = out;

	if (!out)
		fail("no memory for %u steps", steps);
	job_bytes(layout, file.blocks);
	make_file(layout);
	while (steps--) {
		struct step step;
		long result;

		read_step(&step);
		result = take(&step);
		end = look(end, result < 0 ? -errno : result, step.action == READ);
	}
	munmap(file.map, file.length);
	close(file.fd);
	must(unlink(PATH), "remove");
	send_frame(FRAME_SEEN, out, (size_t)(end - out));
	free(out);
}

/* `length` bytes follow: for each sequence the number of its file's blocks and
 * that of its steps, as 32-bit words; a byte for each block, what it is before
 * the first step; then the steps. The answer to each sequence is a frame with a
 * record for each step. */
void job_replay(void)
{
	const char *device;
	uint64_t block_size, length, whole;

	job_read((struct key[]){ TEXT(device), NUMBER(block_size), NUMBER(length), END });
	forbid_freedoms(device);
	for (; length; length -= whole) {
		uint32_t head[2];

		job_bytes(head, sizeof(head));
		whole = sizeof(head) + head[0] + head[1] * sizeof(struct step);
		if (!head[0] || head[0] > MOST_BLOCKS || block_size > LARGEST_FILE / head[0] ||
		    block_size < 2 || whole > length)
			fail("a sequence of %u steps on %u blocks of %llu bytes", head[1], head[0],
			     (unsigned long long)block_size);
		file.block = (uint32_t)block_size;
		file.blocks = head[0];
		file.length = file.block * file.blocks;
		file.pages = (uint32_t)((file.length + page_size() - 1) / page_size());
		replay_one(head[1]);
	}
}
