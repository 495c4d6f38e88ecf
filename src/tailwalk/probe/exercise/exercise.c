// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The random exerciser: operations on files of the file system under test,
 * compared with a shadow in memory of its own.
 */
#include <inttypes.h>
#include <string.h>

#include "exercise.h"
#include "probe.h"

/* Operations between two frames that tell the host how far the exerciser is. */
#define STRIDE 32

#define ORDERS 32

static uint64_t did[ACTIONS], landed[ORDERS], uncached;

/* Of the writer's operations `completed` have returned, and none after `limit`
 * has begun; number `told` told of an error. */
void send_step(const struct exercise *exercise, uint64_t completed, uint64_t limit, uint64_t told)
{
	uint64_t step[] = { completed, limit, exercise->writer, told };

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

/* And begin to count once more. */
void send_counts(void)
{
	for (int action = 0; action < ACTIONS; action++)
		if (did[action] || kinds[action].share)
			send_text(FRAME_COUNTS, "did %" PRIu64 " %s\n", did[action],
				  kinds[action].name);
	for (int order = 0; order < ORDERS; order++)
		if (landed[order])
			send_text(FRAME_COUNTS, "landed %" PRIu64 " order %d\n", landed[order],
				  order);
	send_text(FRAME_COUNTS,
		  "landed %" PRIu64 " uncached\ncompared %" PRIu64 "\nrepeated %" PRIu64 "\n",
		  uncached, bytes_compared, writes_repeated);
	memset(did, 0, sizeof(did));
	memset(landed, 0, sizeof(landed));
	uncached = bytes_compared = writes_repeated = 0;
}

void read_exercise(struct exercise *exercise)
{
	*exercise = (struct exercise){ 0 };
	job_read((struct key[]){ { .name = "kind", .text = &exercise->kind },
				 { .name = "device", .text = &exercise->device },
				 { .name = "options", .text = &exercise->options },
				 { .name = "block_size", .number = &exercise->block_size },
				 { .name = "seed", .number = &exercise->seed },
				 { .name = "operations", .number = &exercise->operations },
				 { .name = "direct", .number = &exercise->direct },
				 { .name = "failing", .number = &exercise->failing },
				 { .name = "writers", .number = &exercise->writers },
				 { .name = "writer", .number = &exercise->writer },
				 { .name = "completed", .number = &exercise->completed },
				 { .name = "told", .text = &exercise->told },
				 END });
	if (exercise->writers - 1 >= MOST_WRITERS)
		fail("there cannot be %" PRIu64 " writers", exercise->writers);
}

/* False where the file system takes no more. */
int do_operations(struct exercise *exercise, uint64_t from, uint64_t to)
{
	uint64_t limit = 0;

	for (uint64_t number = from; number <= to; number++) {
		struct operation next;
		enum outcome outcome;

		if (number > limit) {
			limit = number + STRIDE - 1;
			/* The others do not go on before this one has done its part. */
			if (exercise->writers > 1)
				limit = least(limit, to);
			send_step(exercise, number - 1, limit, 0);
		}
		plan_next(exercise, number, &next);
		note_folio(exercise, &next);
		shadow_apply(exercise, &next);
		outcome = perform(exercise, &next);
		if (outcome == OVER)
			return 0;
		look(exercise, &next);
		did[next.action]++;
		if (kinds[next.action].durable || outcome == TOLD)
			send_step(exercise, number, limit, outcome == TOLD ? number : 0);
	}
	return 1;
}

void job_exercise(void)
{
	struct exercise exercise;

	read_exercise(&exercise);
	plan_open(&exercise);
	files_make(&exercise);
	files_open(&exercise);
	disturb(exercise.seed);
	if (exercise.writers > 1) {
		let_them_write(&exercise);
	} else if (!do_operations(&exercise, 1, exercise.operations)) {
		calm();
		send_counts();
		return;
	}
	look_everywhere(&exercise);
	calm();
	files_close();
	files_open(&exercise);
	look_everywhere(&exercise);
	files_close();
	send_counts();
}
