// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The random exerciser: operations on files of the file system under test,
 * compared with a shadow in memory of its own.
 */
#include <inttypes.h>

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

static void send_counts(const uint64_t *counts)
{
	for (int action = 0; action < ACTIONS; action++)
		send_text(FRAME_COUNTS, "did %" PRIu64 " %s\n", counts[action],
			  kinds[action].name);
	for (int order = 0; order < ORDERS; order++)
		if (landed[order])
			send_text(FRAME_COUNTS, "landed %" PRIu64 " order %d\n", landed[order],
				  order);
	send_text(FRAME_COUNTS,
		  "landed %" PRIu64 " uncached\ncompared %" PRIu64 "\nrepeated %" PRIu64 "\n",
		  uncached, bytes_compared, writes_repeated);
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
		if (kinds[next.action].durable)
			send_step(number, limit);
	}
	look_everywhere(&exercise);
	calm();
	files_close();
	files_open(&exercise);
	look_everywhere(&exercise);
	files_close();
	send_counts(counts);
}
