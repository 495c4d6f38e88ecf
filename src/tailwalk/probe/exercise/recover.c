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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define EXPLAINED 1
#define CHANGED 2 /* since it was last made durable */

struct remains {
	unsigned char *bytes; /* of the file after the cut; zeros from its end on */
	unsigned char *state; /* by byte */
	uint64_t size;
	uint64_t least, most; /* sizes that the file may have */
	uint64_t begin, end; /* every byte that is CHANGED lies in here */
};

static struct remains remains[FILES];
static uint64_t bytes_durable;

static void read_remains(int file)
{
	struct remains *left = &remains[file];
	struct stat found;
	uint64_t room = file_limits[file] + 8;

	left->bytes = new_memory(room);
	left->state = new_memory(room);
	if (fstat(file_fds[file], &found))
		fail("fstat: %s", strerror(errno));
	left->size = (uint64_t)found.st_size;
	for (uint64_t at = 0; at < left->size && at < file_limits[file];) {
		ssize_t got = pread(file_fds[file], left->bytes + at, file_limits[file] - at,
				    (off_t)at);

		if (got <= 0)
			fail("after the cut file %d cannot be read at %llu: %s", file,
			     (unsigned long long)at, got ? strerror(errno) : "it ends there");
		at += (uint64_t)got;
	}
}

static void settle(const struct shadow *shadow, struct remains *left, uint64_t begin, uint64_t end)
{
	for (uint64_t i = begin; i < end; i++)
		left->state[i] = left->bytes[i] == shadow->bytes[i] ? EXPLAINED : 0;
}

/* The bytes and the size that the file has now are on the disk. */
static void make_durable(const struct exercise *exercise, int file)
{
	const struct shadow *shadow = &exercise->shadows[file];
	struct remains *left = &remains[file];

	settle(shadow, left, left->begin, left->end);
	left->begin = left->end = 0;
	left->least = left->most = shadow->size;
}

static void make_range_durable(const struct exercise *exercise, const struct operation *at)
{
	const struct shadow *shadow = &exercise->shadows[at->file];
	uint64_t end = at->offset + at->length;

	if (at->whole)
		settle(shadow, &remains[at->file], 0, shadow->size);
	else
		settle(shadow, &remains[at->file], at->offset, end);
}

static void complete(const struct exercise *exercise, const struct operation *at)
{
	switch (at->action) {
	case FSYNC:
	case FDATASYNC:
	case FORGET:
		make_durable(exercise, at->file);
		break;
	case MSYNC:
		make_range_durable(exercise, at);
		break;
	default: /* those that are for all files */
		for (int file = 0; file < FILES; file++)
			make_durable(exercise, file);
	}
}

/* The range that an operation can change. */
static void changed_range(const struct operation *at, uint64_t size, uint64_t *begin,
			  uint64_t *end)
{
	*begin = at->offset;
	*end = at->offset + at->length;
	switch (at->action) {
	case TRUNCATE:
		*begin = at->length;
		*end = size;
		break;
	case SHORT_WRITE:
		*end = at->offset + at->good;
		break;
	case WRITE:
	case PWRITE:
	case WRITEV:
	case FILL:
	case STORE:
		break;
	case PUNCH:
	case ZERO:
		*end = *end < size ? *end : size;
		break;
	default:
		*end = 0;
	}
}

/* Blocks allocated since may hold anything where the file system does not
 * order data before metadata: those of bytes that are or were zero. */
static void before_change(const struct shadow *shadow, struct remains *left, uint64_t begin,
			  uint64_t end)
{
	for (uint64_t i = begin; i < end; i++)
		left->state[i] |= shadow->bytes[i] ? 0 : EXPLAINED;
}

static void may_begin(struct exercise *exercise, const struct operation *at, int unordered)
{
	struct shadow *shadow = &exercise->shadows[at->file];
	struct remains *left = &remains[at->file];
	uint64_t begin, end;

	changed_range(at, shadow->size, &begin, &end);
	if (unordered && begin < end)
		before_change(shadow, left, begin, end);
	shadow_apply(exercise, at);
	if (shadow->size < left->least)
		left->least = shadow->size;
	if (shadow->size > left->most)
		left->most = shadow->size;
	if (begin >= end)
		return;
	for (uint64_t i = begin; i < end; i++)
		left->state[i] |= CHANGED | (left->bytes[i] == shadow->bytes[i] ? EXPLAINED : 0);
	if (unordered)
		before_change(shadow, left, begin, end);
	if (left->begin == left->end) {
		left->begin = begin;
		left->end = end;
	} else {
		left->begin = begin < left->begin ? begin : left->begin;
		left->end = end > left->end ? end : left->end;
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
		if (!(left->state[i] & EXPLAINED))
			report_difference(exercise, at, file,
					  left->state[i] & CHANGED ? "bytes after the cut" :
								     "durable bytes after the cut",
					  left->bytes + (i & ~7ull), i, left->size);
		bytes_durable += !(left->state[i] & CHANGED);
	}
	bytes_compared += left->size;
}

void job_recover(void)
{
	struct exercise exercise;
	struct operation next = { .number = 0 };
	uint64_t completed;
	char text[128];
	int unordered;

	read_exercise(&exercise, (struct key)NUMBER(completed));
	unordered = strstr(exercise.options, "data=writeback") != NULL;
	plan_open(&exercise);
	files_open(&exercise);
	for (int file = 0; file < FILES; file++) {
		read_remains(file);
		settle(&exercise.shadows[file], &remains[file], 0, file_limits[file]);
	}
	for (uint64_t number = 1; number <= exercise.operations; number++) {
		plan_next(&exercise, number, &next);
		may_begin(&exercise, &next, unordered);
		if (number <= completed && is_durable(&next))
			complete(&exercise, &next);
	}
	for (int file = 0; file < FILES; file++)
		judge(&exercise, &next, file);
	files_close();
	snprintf(text, sizeof(text), "compared %llu\ndurable %llu\n",
		 (unsigned long long)bytes_compared, (unsigned long long)bytes_durable);
	send_frame(FRAME_COUNTS, text, strlen(text));
}
