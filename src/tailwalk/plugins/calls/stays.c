// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls/stays.h"

#include <string.h>

#include "calls/tree.h"

struct block **blocks;

uint32_t another_block(void)
{
	static uint32_t count;

	if (!(++count % BLOCKS_TOGETHER) || !blocks) {
		size_t room = count / BLOCKS_TOGETHER + 1;

		blocks = grow(blocks, room * sizeof(*blocks));
		blocks[room - 1] = grow(NULL, BLOCKS_TOGETHER * sizeof(**blocks));
	}
	return count;
}

void sum_up(struct stay *stay)
{
	static uint32_t *places;
	static size_t room;
	size_t kept = 0;

	if (room < node_count) {
		places = grow(places, 2ul * node_count * sizeof(*places));
		memset(places + room, 0, (2ul * node_count - room) * sizeof(*places));
		room = 2ul * node_count;
	}
	for (size_t i = 0; i < stay->step_count; i++) {
		struct step step = stay->steps[i];
		uint32_t *place = &places[step.node];

		if (*place) {
			stay->steps[*place - 1].count += step.count;
			stay->steps[*place - 1].entered += step.entered;
		} else {
			stay->steps[kept++] = step;
			*place = (uint32_t)kept;
		}
	}
	for (size_t i = 0; i < kept; i++)
		places[stay->steps[i].node] = 0;
	stay->step_count = stay->arrived = kept;
}

void note(struct stay *stay, uint32_t node, uint64_t count, uint32_t entered)
{
	struct step *last = NULL;

	if (stay->step_count > stay->arrived)
		last = &stay->steps[stay->step_count - 1];
	if (last && last->node == node) {
		last->count += count;
		last->entered += entered;
		return;
	}
	if (stay->step_count == stay->step_room) {
		if (stay->step_count >= MANY_STEPS)
			sum_up(stay);
		if (2 * stay->step_count >= stay->step_room) {
			stay->step_room = stay->step_room ? 2 * stay->step_room : 64;
			stay->steps = grow(stay->steps, stay->step_room * sizeof(struct step));
		}
	}
	stay->steps[stay->step_count++] =
		(struct step){ .node = node, .entered = entered, .count = count };
}

uint64_t sum_of(const struct stay *stay)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < stay->step_count; i++)
		sum += stay->steps[i].count;
	return sum;
}

void forget(struct stay *stay)
{
	stay->step_count = stay->arrived = 0;
	stay->requests = (struct requests){ 0 };
}
