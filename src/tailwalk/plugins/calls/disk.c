// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests are counted where submit_bio() is entered, as file systems make them:
 * what lies below takes the flags off for a disk that has no cache, and splits.
 */
#include "calls/disk.h"

#include <string.h>

#include "calls/memory.h"
#include "x86_64.h"

/* struct bio and enum req_op (include/linux/blk_types.h). Since v7.3 a pointer, of
 * requests that have data, lies before the sector. */
enum { DISK = 8, WHAT = 16, SECTOR = 32, SIZE = 40, SIZE_AFTER_POINTER = 48 };
enum { READ, WRITE, OPERATIONS = 0xff };
enum { FORCED = 1 << 17, FLUSH = 1 << 18 };

/* struct block_device points to its struct gendisk (include/linux/blkdev.h), in
 * which the name is behind three numbers, among its first words; on v6.1 after a
 * struct device. No other one lies as near: an inode follows (block/bdev.c).
 */
enum { FIRST_WORDS = 128, NAME = 12 }; /* of DISK_NAME_LEN, 32 */

enum whose { UNREAD, OTHERS, WANTED };

static size_t known; /* which word it is, once the disk that is wanted was seen by it */

static bool is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

	return length > 2 && !text[length];
}

/* What a word of a block device's says. */
static enum whose look_at(uint32_t info, uint64_t address, const char *wanted)
{
	char name[33] = "";
	uint64_t word;

	if (!read_memory(info, address, &word, sizeof(word)) ||
	    word - ALL_MEMORY >= ALL_MEMORY_SIZE ||
	    !read_memory(info, word + NAME, name, sizeof(name) - 1))
		return UNREAD;
	return !strcmp(name, wanted) ? WANTED : known || is_name(name) ? OTHERS : UNREAD;
}

/* Nothing is remembered of an address: another disk may have it later. */
static enum whose whose_is(uint32_t info, uint64_t address, const char *wanted)
{
	enum whose whose = UNREAD;

	if (known)
		return look_at(info, address + known * sizeof(address), wanted);
	for (size_t i = 0; i < FIRST_WORDS && whose != WANTED; i++) {
		enum whose found = look_at(info, address + i * sizeof(address), wanted);

		if (found != UNREAD)
			whose = found;
		if (found == WANTED)
			known = i;
	}
	return whose;
}

bool add_request(uint32_t info, uint64_t bio, const char *disk, struct requests *(*sum)(void))
{
	uint64_t address, before;
	uint32_t what, size;
	struct requests *found;
	enum whose whose;

	if (!read_memory(info, bio + DISK, &address, sizeof(address)) ||
	    !read_memory(info, bio + WHAT, &what, sizeof(what)) ||
	    !read_memory(info, bio + SECTOR, &before, sizeof(before)) ||
	    !read_memory(info, bio + (before >> 63 ? SIZE_AFTER_POINTER : SIZE), &size,
			 sizeof(size)))
		return false;
	whose = whose_is(info, address, disk);
	found = sum();
	if (whose != WANTED || !found)
		return whose != UNREAD;
	if ((what & OPERATIONS) == READ)
		found->read += size;
	if ((what & OPERATIONS) == WRITE) {
		found->written += size;
		found->writes += size > 0;
		found->forced += (what & FORCED) && size;
	}
	found->flushes += (what & FLUSH) > 0;
	return true;
}
