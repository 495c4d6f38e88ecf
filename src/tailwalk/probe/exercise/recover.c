// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After a power cut: is everything there that had to be?
 *
 * The exerciser's operations depend on its seed alone, so they are gone
 * through once more, on the shadow only, beside what the cut left in the
 * files. A byte is explained by any value that it had since it was last made
 * durable: by the durable one, and by each of the operations after it that can
 * have begun before the cut. What was overwritten since, and what was not yet
 * asked to be durable, may be there or not; all else has to be.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define EXPLAINED 1
#define CHANGED 2 /* since it was last made durable */
#define LOST 4 /* as its change may be, of which the program was told */

struct remains {
	unsigned char *bytes; /* of the file after the cut; zeros from its end on */
	unsigned char *state; /* by byte */
	uint64_t size;
	uint64_t least, most; /* sizes that the file may have */
	struct range changed; /* every byte that is CHANGED lies in here */
};

static struct remains remains[FILES];
static uint64_t bytes_durable;

static void settle(const struct shadow *shadow, struct remains *left, struct range range)
{
	for (uint64_t i = range.begin; i < range.end; i++)
		if (!(left->state[i] & LOST))
			left->state[i] = left->bytes[i] == shadow->bytes[i] ? EXPLAINED : 0;
}

/* The operation told of an error: what changed since the last that made it
 * durable may be on the disk or not, whatever is made durable from now on. */
static void lose(const struct operation *at)
{
	for (int file = 0; file < FILES; file++) {
		struct remains *left = &remains[file];

		if (kinds[at->action].scope != EVERYTHING && file != at->file)
			continue;
		for (uint64_t i = left->changed.begin; i < left->changed.end; i++)
			if (left->state[i] & CHANGED)
				left->state[i] |= LOST;
	}
}

static void read_remains(const struct shadow *shadow, int file)
{
	struct remains *left = &remains[file];
	uint64_t room = file_limits[file] + 8;

	*left = (struct remains){ new_memory(room), new_memory(room), .size = file_size(file) };
	for (uint64_t at = 0; at < least(left->size, file_limits[file]);) {
		ssize_t got = pread(file_fds[file], left->bytes + at, file_limits[file] - at,
				    (off_t)at);

		if (got <= 0)
			fail("after the cut file %d cannot be read at %" PRIu64 ": %s", file, at,
			     got ? strerror(errno) : "it ends there");
		at += (uint64_t)got;
	}
	settle(shadow, left, (struct range){ 0, file_limits[file] });
}

/* What the operation makes durable is on the disk as it is now: a file's bytes
 * and its size, or some bytes. */
static void complete(const struct exercise *exercise, const struct operation *at)
{
	const struct shadow *shadow = &exercise->shadows[at->file];

	if (at->action == MSYNC) {
		settle(shadow, &remains[at->file],
		       at->whole ? (struct range){ 0, shadow->size } :
				   (struct range){ at->offset, at->offset + at->length });
		return;
	}
	for (int file = 0; file < FILES; file++) {
		struct remains *left = &remains[file];

		if (kinds[at->action].scope != EVERYTHING && file != at->file)
			continue;
		shadow = &exercise->shadows[file];
		settle(shadow, left, left->changed);
		left->changed = (struct range){ 0, 0 };
		left->least = left->most = shadow->size;
	}
}

/* Blocks allocated since may hold anything where the file system does not
 * order data before metadata, or data could not be written: those of bytes that
 * are or were zero. */
static void allow_anything(const struct shadow *shadow, struct remains *left, struct range range)
{
	for (uint64_t i = range.begin; i < range.end; i++)
		left->state[i] |= shadow->bytes[i] ? 0 : EXPLAINED;
}

static struct range rounded(struct range range, uint64_t unit, uint64_t limit)
{
	return (struct range){ range.begin - range.begin % unit,
			       least(range.end + unit - 1 - (range.end + unit - 1) % unit,
				     limit) };
}

/* What was allocated with the bytes, and so is not what it was where their write
 * fails: a fault allocates for the whole folio (ext4_page_mkwrite, v6.18). */
static struct range allocated_with(const struct exercise *exercise, const struct operation *at,
				   struct range range)
{
	uint64_t unit = at->action == STORE ? LARGEST_FOLIO : exercise->block_size;

	return exercise->failing ? rounded(range, unit, exercise->shadows[at->file].limit) : range;
}

static void may_begin(struct exercise *exercise, const struct operation *at, int unordered)
{
	struct shadow *shadow = &exercise->shadows[at->file];
	struct remains *left = &remains[at->file];
	struct range range = changed_range(shadow, at), *changed = &left->changed;
	struct range around = allocated_with(exercise, at, range);

	if (unordered)
		allow_anything(shadow, left, range);
	shadow_apply(exercise, at);
	left->least = least(left->least, shadow->size);
	if (shadow->size > left->most)
		left->most = shadow->size;
	if (range.begin == range.end)
		return;
	for (uint64_t i = range.begin; i < range.end; i++)
		left->state[i] &= (unsigned char)~LOST;
	for (uint64_t i = around.begin; i < around.end; i++)
		left->state[i] |= CHANGED | (left->bytes[i] == shadow->bytes[i] ? EXPLAINED : 0);
	if (unordered)
		allow_anything(shadow, left, around);
	if (changed->begin == changed->end) {
		*changed = around;
	} else {
		changed->begin = least(changed->begin, around.begin);
		changed->end = around.end > changed->end ? around.end : changed->end;
	}
}

static void judge(struct exercise *exercise, const struct operation *at, int file)
{
	struct remains *left = &remains[file];

	if (left->size < left->least || left->size > left->most) {
		exercise->shadows[file].size = left->size < left->least ? left->least : left->most;
		report_difference(exercise, at, file, "size after the cut", NULL, left->size,
				  left->size);
	}
	for (uint64_t i = 0; i < left->size; i++) {
		if (!is_own(exercise, file, i))
			continue;
		if (!(left->state[i] & EXPLAINED))
			report_difference(exercise, at, file,
					  left->state[i] & CHANGED ? "bytes after the cut" :
								     "durable bytes after the cut",
					  left->bytes + (i & ~7ull), i, left->size);
		bytes_durable += !(left->state[i] & CHANGED);
		bytes_compared++;
	}
}

/* Numbers are in order, and asked for in order. */
static int told_of(struct exercise *exercise, uint64_t number)
{
	char *end;

	if (strtoull(exercise->told, &end, 10) != number)
		return 0;
	exercise->told = *end ? end + 1 : end;
	return 1;
}

void job_recover(void)
{
	struct exercise exercise;
	struct operation next = { .number = 0 };
	int unordered;

	read_exercise(&exercise);
	unordered = exercise.failing || strstr(exercise.options, "data=writeback");
	plan_open(&exercise);
	files_open(&exercise);
	for (int file = 0; file < FILES; file++)
		read_remains(&exercise.shadows[file], file);
	for (uint64_t number = 1; number <= exercise.operations; number++) {
		int told = told_of(&exercise, number);

		plan_next(&exercise, number, &next);
		if (told)
			lose(&next);
		may_begin(&exercise, &next, unordered);
		if (number <= exercise.completed && kinds[next.action].durable && !told)
			complete(&exercise, &next);
	}
	for (int file = 0; file < FILES; file++) {
		judge(&exercise, &next, file);
		free_memory(remains[file].bytes, file_limits[file] + 8);
		free_memory(remains[file].state, file_limits[file] + 8);
	}
	plan_close(&exercise);
	files_close();
	send_text(FRAME_COUNTS, "compared %" PRIu64 "\ndurable %" PRIu64 "\n", bytes_compared,
		  bytes_durable);
}
