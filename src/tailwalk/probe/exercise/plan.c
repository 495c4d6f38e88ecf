// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The random exerciser's operations and its shadow of the files.
 *
 * Offsets are drawn where a walk over a folio's buffers can go wrong: at and
 * next to block, page and folio boundaries, across them, at the end of file
 * and beyond. Every written word names the operation, file and offset that it
 * was written for, so a byte in the wrong place tells where it comes from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exercise.h"
#include "probe.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)

const uint64_t file_limits[FILES] = { LARGEST_FILE, 4 * MIB, 2 * MIB + 12345, 200 * KIB };

const char *const action_names[ACTIONS] = {
	[WRITE] = "write",
	[PWRITE] = "pwrite",
	[WRITEV] = "writev",
	[FILL] = "fill",
	[SHORT_WRITE] = "short write",
	[STORE] = "mmap store",
	[TRUNCATE] = "truncate",
	[PUNCH] = "punch hole",
	[ZERO] = "zero range",
	[RESERVE] = "reserve",
	[FSYNC] = "fsync",
	[FDATASYNC] = "fdatasync",
	[MSYNC] = "msync",
	[SYNC] = "sync",
	[FORGET] = "forget file",
	[ADVISE] = "forget range",
	[DROP] = "drop caches",
	[REMOUNT] = "remount",
	[PRESSURE] = "memory pressure",
	[READ] = "read",
	[COMPARE] = "compare",
	[COMPARE_MAP] = "compare mapped",
};

/* How often, in 1,000 operations. */
static const int shares[ACTIONS] = {
	[WRITE] = 90,	[PWRITE] = 290,	   [WRITEV] = 90, [FILL] = 40,	  [SHORT_WRITE] = 20,
	[STORE] = 70,	[TRUNCATE] = 35,   [PUNCH] = 30,  [ZERO] = 30,	  [RESERVE] = 20,
	[FSYNC] = 20,	[FDATASYNC] = 15,  [MSYNC] = 15,  [SYNC] = 3,	  [FORGET] = 18,
	[ADVISE] = 25,	[DROP] = 4,	   [REMOUNT] = 1, [PRESSURE] = 1, [READ] = 162,
	[COMPARE] = 14, [COMPARE_MAP] = 7,
};

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014). */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return limit ? (uint64_t)(((unsigned __int128)random_next(state) * limit) >> 64) : 0;
}

/* The 8 bytes at a multiple of 8 of a file: operation, file and offset, mixed
 * so that neighbours differ in every byte. verify/pattern.py turns it back. */
static inline uint64_t pattern(uint64_t number, int file, uint64_t offset)
{
	uint64_t word = number << 32 | (uint64_t)file << 28 | offset >> 3;

	word *= 0x9e3779b97f4a7c15ull;
	word ^= word >> 32;
	return word * 0xd6e8feb86659fd93ull;
}

static void write_pattern(struct exercise *exercise, uint64_t number, int file, uint64_t offset,
			  uint64_t length)
{
	unsigned char *bytes = exercise->shadows[file].bytes;
	uint64_t end = offset + length;

	while (offset < end) {
		uint64_t word = pattern(number, file, offset), skip = offset & 7;
		uint64_t part = 8 - skip;

		if (part == 8 && end - offset >= 8) {
			memcpy(bytes + offset, &word, 8);
		} else {
			if (part > end - offset)
				part = end - offset;
			memcpy(bytes + offset, (unsigned char *)&word + skip, part);
		}
		offset += part;
	}
}

/* Zeros; shared, since a fork would have every later write to it copied. */
void *new_memory(uint64_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);

	if (memory == MAP_FAILED)
		fail("no memory for %llu bytes of shadow", (unsigned long long)length);
	return memory;
}

void plan_open(struct exercise *exercise)
{
	exercise->random = exercise->seed;
	exercise->journals_data = strstr(exercise->options, "data=journal") != NULL;
	for (int file = 0; file < FILES; file++) {
		struct shadow *shadow = &exercise->shadows[file];
		uint64_t blocks = file_limits[file] / exercise->block_size + 1;

		*shadow = (struct shadow){ .limit = file_limits[file] };
		shadow->bytes = new_memory(shadow->limit + 8);
		shadow->hole = new_memory(blocks);
		memset(shadow->hole, 1, blocks);
	}
}

/* --- what to do --- */

static uint64_t pick_length(uint64_t *random, enum action action)
{
	static const uint64_t common[] = { 1 * KIB, 1 * KIB, 4 * KIB, 10 * KIB };

	if (action == FILL)
		switch (random_below(random, 4)) {
		case 0:
			return 1 * MIB;
		case 1:
			return 2 * MIB;
		default:
			return 256 * KIB + random_below(random, 7 * 256 * KIB + 1);
		}
	switch (random_below(random, 16)) {
	case 0 ... 2:
		return 1 + random_below(random, 64);
	case 3 ... 7:
		return common[random_below(random, 4)];
	case 8 ... 12:
		return 1 + random_below(random, 8 * KIB);
	case 13 ... 14:
		return 1 + random_below(random, 64 * KIB);
	default:
		return 1 + random_below(random, 400 * KIB);
	}
}

static uint64_t pick_offset(uint64_t *random, const struct shadow *shadow, uint64_t block_size,
			    uint64_t length)
{
	uint64_t at = random_below(random, shadow->size + 1), unit, back;

	switch (random_below(random, 16)) {
	case 0 ... 3:
		return at;
	case 4 ... 5: /* a block's start */
		return at & ~(block_size - 1);
	case 6: /* a page's start */
		return at & ~(page_size() - 1);
	case 7: /* next to a block's start */
		at &= ~(block_size - 1);
		back = random_below(random, 4);
		return at >= back ? at - back : at + back;
	case 8 ... 11: /* across or up to a folio's possible end */
		unit = page_size() << random_below(random, 10);
		at = (at | (unit - 1)) + 1;
		back = random_below(random, 2) ? length : 1 + random_below(random, length);
		return at >= back ? at - back : 0;
	case 12: /* a folio's possible start */
		unit = page_size() << random_below(random, 10);
		return at & ~(unit - 1);
	case 13 ... 14: /* around the end of the file */
		at = shadow->size + random_below(random, 2 * block_size);
		return at >= block_size ? at - block_size : at;
	default: /* anywhere, and so perhaps beyond a hole */
		return random_below(random, shadow->limit);
	}
}

static uint64_t pick_size(uint64_t *random, const struct shadow *shadow, uint64_t block_size)
{
	uint64_t size = random_below(random, shadow->limit + 1);

	switch (random_below(random, 8)) {
	case 0:
		return 0;
	case 1 ... 3: /* a little shorter */
		size = random_below(random, 64 * KIB);
		return shadow->size > size ? shadow->size - size : 0;
	case 4:
		return size & ~(block_size - 1);
	case 5:
		return size;
	default: /* longer */
		return shadow->size + random_below(random, shadow->limit - shadow->size + 1);
	}
}

static enum action pick_action(uint64_t *random)
{
	int at = (int)random_below(random, 1000);

	for (int action = 0; action < ACTIONS; action++)
		if ((at -= shares[action]) < 0)
			return action;
	return PWRITE;
}

static void split(uint64_t *random, struct operation *next)
{
	uint64_t left = next->length;

	next->vectors = 2 + (int)random_below(random, MOST_VECTORS - 1);
	for (int i = 0; i < next->vectors; i++) {
		next->parts[i] = i == next->vectors - 1 ? left : random_below(random, left + 1);
		left -= next->parts[i];
	}
}

/* Folios are as large as they get where the last fill was. */
static void aim_at_fill(struct exercise *exercise, struct operation *next)
{
	const struct operation *fill = &exercise->last_fill;

	if (!fill->length)
		return;
	next->file = fill->file;
	next->offset = fill->offset + next->offset % fill->length;
}

/* Where data are journalled, v6.18 takes back what a short write added to the
 * file even while a commit holds the folio, and warns that it cannot
 * (ext4_truncate_failed_write, ext4_journalled_invalidate_folio). */
static void keep_inside(const struct shadow *shadow, struct operation *next)
{
	if (next->offset + next->length <= shadow->size)
		return;
	if (next->offset >= shadow->size)
		next->action = PWRITE;
	else
		next->length = shadow->size - next->offset;
}

void plan_next(struct exercise *exercise, uint64_t number, struct operation *next)
{
	uint64_t *random = &exercise->random;
	const struct shadow *shadow;

	*next = (struct operation){ .number = number, .action = pick_action(random) };
	next->file = (int)random_below(random, FILES);
	shadow = &exercise->shadows[next->file];
	next->look = random_below(random, 4) == 0;
	next->keep_size = random_below(random, 2) == 0;
	next->whole = random_below(random, 2) == 0;
	/* Files that are still empty are filled first, small writes need folios to land in. */
	if (!shadow->size && next->action < TRUNCATE && random_below(random, 2))
		next->action = FILL;
	if (next->action == TRUNCATE) {
		next->length = pick_size(random, shadow, exercise->block_size);
		return;
	}
	next->length = pick_length(random, next->action);
	next->offset = pick_offset(random, shadow, exercise->block_size, next->length);
	if (next->action < FILL && random_below(random, 2))
		aim_at_fill(exercise, next);
	shadow = &exercise->shadows[next->file];
	if (next->action == FILL)
		next->offset = random_below(random, 4) ? next->offset & ~(LARGEST_FOLIO - 1) :
							 next->offset & ~(page_size() - 1);
	if (next->offset >= shadow->limit)
		next->offset = shadow->limit - 1;
	if (next->length > shadow->limit - next->offset)
		next->length = shadow->limit - next->offset;
	if (next->action == STORE || next->action == READ || next->action == MSYNC) {
		/* A mapping ends with the file. */
		if (next->offset >= shadow->size)
			next->offset = shadow->size ? random_below(random, shadow->size) : 0;
		if (next->length > shadow->size - next->offset)
			next->length = shadow->size - next->offset;
	}
	if (next->action == SHORT_WRITE && exercise->journals_data)
		keep_inside(shadow, next);
	if (next->action == WRITEV)
		split(random, next);
	if (next->action == FILL)
		exercise->last_fill = *next;
	if (next->action == SHORT_WRITE)
		next->good = 1 + random_below(random, next->length);
}

/* --- what it does to the files --- */

static void clear_holes(struct exercise *exercise, int file, uint64_t begin, uint64_t end)
{
	struct shadow *shadow = &exercise->shadows[file];

	if (end > shadow->limit)
		end = shadow->limit;
	if (begin < end)
		memset(shadow->hole + begin / exercise->block_size, 0,
		       (end - 1) / exercise->block_size - begin / exercise->block_size + 1);
}

/* Blocks that lie in the range as a whole. */
static void make_holes(struct exercise *exercise, int file, uint64_t begin, uint64_t end)
{
	uint64_t first = (begin + exercise->block_size - 1) / exercise->block_size;
	uint64_t last = end / exercise->block_size;

	if (first < last)
		memset(exercise->shadows[file].hole + first, 1, last - first);
}

static void written(struct exercise *exercise, const struct operation *done, uint64_t length)
{
	struct shadow *shadow = &exercise->shadows[done->file];

	write_pattern(exercise, done->number, done->file, done->offset, length);
	if (length && done->offset + length > shadow->size)
		shadow->size = done->offset + length;
	/* A write that fell short may have allocated blocks for all of it. */
	clear_holes(exercise, done->file, done->offset, done->offset + done->length);
}

static void zeroed(struct shadow *shadow, const struct operation *done)
{
	uint64_t end = done->offset + done->length;

	if (end > shadow->size)
		end = shadow->size;
	if (done->offset < end)
		memset(shadow->bytes + done->offset, 0, end - done->offset);
}

void shadow_apply(struct exercise *exercise, const struct operation *done)
{
	struct shadow *shadow = &exercise->shadows[done->file];
	uint64_t end = done->offset + done->length;

	switch (done->action) {
	case WRITE:
	case PWRITE:
	case WRITEV:
	case FILL:
		written(exercise, done, done->length);
		break;
	case SHORT_WRITE:
		written(exercise, done, done->good);
		break;
	case STORE:
		if (!done->length)
			break;
		write_pattern(exercise, done->number, done->file, done->offset, done->length);
		/* The fault allocates for the whole folio (ext4_page_mkwrite, v6.18). */
		clear_holes(exercise, done->file, done->offset & ~(LARGEST_FOLIO - 1),
			    (end | (LARGEST_FOLIO - 1)) + 1);
		break;
	case TRUNCATE:
		if (done->length < shadow->size) {
			memset(shadow->bytes + done->length, 0, shadow->size - done->length);
			make_holes(exercise, done->file, done->length,
				   shadow->limit + exercise->block_size);
		}
		shadow->size = done->length;
		break;
	case PUNCH:
		zeroed(shadow, done);
		/* Blocks beyond the end of file stay (ext4_punch_hole, v6.18). */
		make_holes(exercise, done->file, done->offset,
			   end < shadow->size ? end : shadow->size);
		break;
	case ZERO:
	case RESERVE:
		if (done->action == ZERO)
			zeroed(shadow, done);
		clear_holes(exercise, done->file, done->offset, end);
		if (!done->keep_size && end > shadow->size)
			shadow->size = end;
		break;
	default:
		break;
	}
}

/* Is what was there before this operation on the disk for certain after it? */
int is_durable(const struct operation *done)
{
	switch (done->action) {
	case FSYNC:
	case FDATASYNC:
	case MSYNC:
	case SYNC:
	case FORGET:
	case DROP:
	case REMOUNT:
		return 1;
	default:
		return 0;
	}
}

int describe(const struct operation *what, char *text, int length)
{
	const char *name = action_names[what->action];

	switch (what->action) {
	case SYNC:
	case DROP:
	case REMOUNT:
	case PRESSURE:
		return snprintf(text, length, "%s", name);
	case FSYNC:
	case FDATASYNC:
	case FORGET:
	case COMPARE:
	case COMPARE_MAP:
		return snprintf(text, length, "%s of file %d", name, what->file);
	case TRUNCATE:
		return snprintf(text, length, "%s of file %d to %llu bytes", name, what->file,
				(unsigned long long)what->length);
	default:
		return snprintf(text, length, "%s of file %d, %llu bytes at %llu", name,
				what->file, (unsigned long long)what->length,
				(unsigned long long)what->offset);
	}
}
