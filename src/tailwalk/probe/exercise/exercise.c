// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The random exerciser: operations on files of the file system under test,
 * compared with a shadow in memory of its own.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

/* Operations between two frames that tell the host how far the exerciser is. */
#define STRIDE 32

#define ORDERS 32

static uint64_t landed[ORDERS], uncached;

/* `completed` operations have returned; none after `limit` has begun. */
static void send_step(uint64_t completed, uint64_t limit)
{
	uint64_t step[2] = { completed, limit };

	send_frame(FRAME_STEP, step, sizeof(step));
}

/* Which folios small writes land in; of those that are to be looked at. */
static void note_folio(const struct exercise *exercise, const struct operation *next)
{
	int order;

	if (next->action > WRITEV || !next->look ||
	    next->offset >= exercise->shadows[next->file].size)
		return;
	order = folio_order(next->file, next->offset);
	if (order < 0)
		uncached++;
	else
		landed[order]++;
}

static void look(const struct exercise *exercise, const struct operation *at)
{
	int file = at->file, fd = file_fds[file];

	switch (at->action) {
	case READ:
		check_range(exercise, at, file, fd, at->offset, at->offset + at->length);
		return;
	case COMPARE:
		check_size(exercise, at, file, fd);
		check_holes(exercise, at, file, fd);
		check_range(exercise, at, file, fd, 0, exercise->shadows[file].size);
		return;
	case COMPARE_MAP:
		check_map(exercise, at, file, file_maps[file]);
		return;
	default:
		/* What was just written, and its neighbours. */
		if (!at->look)
			return;
		check_size(exercise, at, file, fd);
		if (at->action != TRUNCATE)
			check_range(exercise, at, file, fd, at->offset > 64 ? at->offset - 64 : 0,
				    at->offset + at->length + 64);
	}
}

static void look_at_everything(const struct exercise *exercise, uint64_t number)
{
	for (int file = 0; file < FILES; file++) {
		struct operation at = { .number = number, .action = COMPARE, .file = file };

		look(exercise, &at);
		at.action = COMPARE_MAP;
		look(exercise, &at);
	}
}

static void send_counts(const uint64_t *counts)
{
	char text[2048];
	int used = 0;

	for (int action = 0; action < ACTIONS; action++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "did %llu %s\n",
				 (unsigned long long)counts[action], action_names[action]);
	for (int order = 0; order < ORDERS; order++)
		if (landed[order])
			used += snprintf(text + used, sizeof(text) - (size_t)used,
					 "landed %llu order %d\n",
					 (unsigned long long)landed[order], order);
	used += snprintf(text + used, sizeof(text) - (size_t)used, "landed %llu uncached\n",
			 (unsigned long long)uncached);
	used += snprintf(text + used, sizeof(text) - (size_t)used,
			 "compared %llu\nrepeated %llu\n", (unsigned long long)bytes_compared,
			 (unsigned long long)faults_repeated);
	send_frame(FRAME_COUNTS, text, (size_t)used);
}

void read_exercise(struct exercise *exercise, struct key more)
{
	*exercise = (struct exercise){ 0 };
	job_read((struct key[]){ { .name = "kind", .text = &exercise->kind },
				 { .name = "device", .text = &exercise->device },
				 { .name = "options", .text = &exercise->options },
				 { .name = "block_size", .number = &exercise->block_size },
				 { .name = "seed", .number = &exercise->seed },
				 { .name = "operations", .number = &exercise->operations },
				 more,
				 END });
}

void job_exercise(void)
{
	struct exercise exercise;
	uint64_t counts[ACTIONS] = { 0 }, limit = 0;
	struct operation next;

	read_exercise(&exercise, (struct key)END);
	plan_open(&exercise);
	files_make(&exercise);
	files_open(&exercise);
	disturb(exercise.seed);
	for (uint64_t number = 1; number <= exercise.operations; number++) {
		if (number > limit) {
			limit = number + STRIDE - 1;
			send_step(number - 1, limit);
		}
		plan_next(&exercise, number, &next);
		note_folio(&exercise, &next);
		shadow_apply(&exercise, &next);
		perform(&exercise, &next);
		look(&exercise, &next);
		counts[next.action]++;
		if (is_durable(&next))
			send_step(number, limit);
	}
	look_at_everything(&exercise, exercise.operations);
	disturb_end();
	pressure_end();
	files_close();
	files_open(&exercise);
	look_at_everything(&exercise, exercise.operations);
	files_close();
	send_counts(counts);
}
