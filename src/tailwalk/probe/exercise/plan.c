// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The random exerciser's operations and its shadow of the files.
 *
 * Offsets are drawn where a walk over a folio's buffers can go wrong: at and
 * next to block, page and folio boundaries, across them, at the end of file
 * and beyond. Every written word names the operation, file and offset that it
 * was written for, so a byte in the wrong place tells where it comes from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exercise.h"
#include "probe.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)

const uint64_t file_limits[FILES] = { LARGEST_FILE, 4 * MIB, 2 * MIB + 12345, 200 * KIB };

#define ROW(action, ...) [action] = { __VA_ARGS__ },
const struct kind kinds[ACTIONS] = { KINDS(ROW) };

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014). */
static uint64_t random_next(uint64_t *state)
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

static void write_pattern(const struct shadow *shadow, const struct operation *done,
			  struct range range)
{
	for (uint64_t part; range.begin < range.end; range.begin += part) {
		uint64_t word = pattern(done->number, done->file, range.begin);
		uint64_t skip = range.begin & 7, left = range.end - range.begin;

		part = 8;
		if (!skip && left >= 8) { /* a constant length, and so no call */
			memcpy(shadow->bytes + range.begin, &word, 8);
			continue;
		}
		part = least(8 - skip, left);
		memcpy(shadow->bytes + range.begin, (unsigned char *)&word + skip, part);
	}
}

/* Zeros; shared, since a fork would have every later write to it copied. */
void *new_memory(uint64_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);

	if (memory == MAP_FAILED)
		fail("no memory for %" PRIu64 " bytes of shadow", length);
	return memory;
}

void free_memory(void *memory, uint64_t length)
{
	munmap(memory, length);
}

void plan_open(struct exercise *exercise)
{
	if (exercise->block_size - 1 >= LARGEST_FILE)
		fail("no file system has blocks of %" PRIu64 " bytes", exercise->block_size);
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

void plan_close(const struct exercise *exercise)
{
	for (int file = 0; file < FILES; file++) {
		const struct shadow *shadow = &exercise->shadows[file];

		free_memory(shadow->bytes, shadow->limit + 8);
		free_memory(shadow->hole, shadow->limit / exercise->block_size + 1);
	}
}

/* --- what to do --- */

static uint64_t pick_length(uint64_t *random, enum action action)
{
	static const uint64_t common[] = { 1 * KIB, 1 * KIB, 4 * KIB, 10 * KIB };
	uint64_t draw = random_below(random, action == FILL ? 4 : 16);

	if (action == FILL)
		return draw < 2 ? (1 + draw) * MIB :
				  256 * KIB + random_below(random, 7 * 256 * KIB + 1);
	if (draw >= 3 && draw < 8)
		return common[random_below(random, 4)];
	return 1 + random_below(random, draw < 3  ? 64 :
					draw < 13 ? 8 * KIB :
					draw < 15 ? 64 * KIB :
						    400 * KIB);
}

static uint64_t pick_offset(uint64_t *random, const struct shadow *shadow, uint64_t block_size,
			    uint64_t length)
{
	uint64_t at = random_below(random, shadow->size + 1), back;
	uint64_t block = at - at % block_size, folio = page_size();

	switch (random_below(random, 16)) {
	case 0 ... 3:
		return at;
	case 4 ... 5:
		return block;
	case 6: /* a page's start */
		return at - at % page_size();
	case 7: /* next to a block's start */
		back = random_below(random, 4);
		return block >= back ? block - back : block + back;
	case 8 ... 11: /* across or up to a folio's possible end */
		folio <<= random_below(random, 10);
		at += folio - at % folio;
		back = random_below(random, 2) ? length : 1 + random_below(random, length);
		return at - least(at, back);
	case 12: /* a folio's possible start */
		folio <<= random_below(random, 10);
		return at - at % folio;
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
		return shadow->size - least(random_below(random, 64 * KIB), shadow->size);
	case 4:
		return size - size % block_size;
	case 5:
		return size;
	default: /* longer */
		return shadow->size + random_below(random, shadow->limit - shadow->size + 1);
	}
}

static int is_direct(enum action action)
{
	return action == DIRECT_WRITE || action == DIRECT_READ;
}

static enum action pick_action(uint64_t *random)
{
	int at = (int)random_below(random, 1000);

	for (int action = 0; action < ACTIONS; action++)
		if ((at -= kinds[action].share) < 0)
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

/* Blocks of the disk that lie in the file. */
static void align(const struct shadow *shadow, struct operation *next)
{
	uint64_t end = next->offset + next->length + DIRECT_UNIT - 1;

	next->offset -= next->offset % DIRECT_UNIT;
	next->length = (least(end, shadow->size) - next->offset) / DIRECT_UNIT * DIRECT_UNIT;
}

void plan_next(struct exercise *exercise, uint64_t number, struct operation *next)
{
	uint64_t *random = &exercise->random;
	const struct shadow *shadow;

	if (exercise->writers > 1) {
		share_next(exercise, number, next);
		return;
	}
	*next = (struct operation){ .number = number, .action = pick_action(random) };
	if (exercise->direct && random_below(random, 8) == 0)
		next->action = random_below(random, 3) ? DIRECT_WRITE : DIRECT_READ;
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
	next->offset = least(next->offset, shadow->limit - 1);
	next->length = least(next->length, shadow->limit - next->offset);
	if (next->action == STORE || next->action == READ || next->action == MSYNC ||
	    is_direct(next->action)) {
		/* A mapping ends with the file. */
		if (next->offset >= shadow->size)
			next->offset = shadow->size ? random_below(random, shadow->size) : 0;
		next->length = least(next->length, shadow->size - next->offset);
	}
	if (is_direct(next->action))
		align(shadow, next);
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

struct range changed_range(const struct shadow *shadow, const struct operation *done)
{
	struct range range = { done->offset, done->offset + done->length };

	if (done->action == SHORT_WRITE)
		range.end = done->offset + done->good;
	else if (done->action == TRUNCATE)
		range = (struct range){ done->length, shadow->size };
	else if (done->action == PUNCH || done->action == ZERO)
		range.end = least(range.end, shadow->size);
	else if (done->action > STORE)
		range.end = 0;
	if (range.end < range.begin)
		range.end = range.begin;
	return range;
}

static void clear_holes(const struct exercise *exercise, const struct shadow *shadow,
			uint64_t begin, uint64_t end)
{
	end = least(end, shadow->limit);
	if (begin < end)
		memset(shadow->hole + begin / exercise->block_size, 0,
		       (end - 1) / exercise->block_size - begin / exercise->block_size + 1);
}

/* Blocks that lie in the range as a whole. */
static void make_holes(const struct exercise *exercise, const struct shadow *shadow,
		       uint64_t begin, uint64_t end)
{
	uint64_t first = (begin + exercise->block_size - 1) / exercise->block_size;
	uint64_t last = end / exercise->block_size;

	if (first < last)
		memset(shadow->hole + first, 1, last - first);
}

void shadow_apply(struct exercise *exercise, const struct operation *done)
{
	struct shadow *shadow = &exercise->shadows[done->file];
	struct range range = changed_range(shadow, done);
	uint64_t end = done->offset + done->length;

	if (done->action <= STORE)
		write_pattern(shadow, done, range);
	else
		memset(shadow->bytes + range.begin, 0, range.end - range.begin);
	switch (done->action) {
	case DIRECT_WRITE ... SHORT_WRITE:
		if (range.end > shadow->size)
			shadow->size = range.end;
		/* A write that fell short may have allocated blocks for all of it. */
		clear_holes(exercise, shadow, done->offset, end);
		break;
	case STORE:
		/* The fault allocates for the whole folio (ext4_page_mkwrite, v6.18). */
		if (done->length)
			clear_holes(exercise, shadow, done->offset & ~(LARGEST_FOLIO - 1),
				    (end | (LARGEST_FOLIO - 1)) + 1);
		break;
	case TRUNCATE:
		if (done->length < shadow->size)
			make_holes(exercise, shadow, done->length,
				   shadow->limit + exercise->block_size);
		shadow->size = done->length;
		break;
	case PUNCH:
		/* Blocks beyond the end of file stay (ext4_punch_hole, v6.18). */
		make_holes(exercise, shadow, done->offset, least(end, shadow->size));
		break;
	case ZERO:
	case RESERVE:
		clear_holes(exercise, shadow, done->offset, end);
		if (!done->keep_size && end > shadow->size)
			shadow->size = end;
		break;
	default:
		break;
	}
}

const char *describe(const struct operation *what)
{
	static char text[128];
	const char *name = kinds[what->action].name;

	switch (kinds[what->action].scope) {
	case EVERYTHING:
		return name;
	case WHOLE_FILE:
		snprintf(text, sizeof(text), "%s of file %d", name, what->file);
		break;
	case NEW_SIZE:
		snprintf(text, sizeof(text), "%s of file %d to %" PRIu64 " bytes", name,
			 what->file, what->length);
		break;
	case RANGE:
		snprintf(text, sizeof(text), "%s of file %d, %" PRIu64 " bytes at %" PRIu64, name,
			 what->file, what->length, what->offset);
	}
	return text;
}
