// SPDX-License-Identifier: GPL-2.0-or-later
/* What the exerciser does with a seed, a line an operation, then what its files
 * must hold: SEED OPERATIONS BLOCK_SIZE DIRECT WRITERS WRITER
 * MOUNT_OPTIONS. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "exercise/exercise.h"
#include "stand_in.h"

static void show(const struct operation *one)
{
	printf("%" PRIu64 " %s; %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %d%d%d", one->number,
	       describe(one), one->file, one->offset, one->length, one->good, one->keep_size,
	       one->whole, one->look);
	for (int i = 0; i < one->vectors; i++)
		printf(" %" PRIu64, one->parts[i]);
	printf(" %d\n", kinds[one->action].durable);
}

int main(int argc, char **argv)
{
	struct exercise exercise = {
		.seed = strtoull(argv[1], NULL, 10),
		.operations = strtoull(argv[2], NULL, 10),
		.block_size = strtoull(argv[3], NULL, 10),
		.direct = strtoull(argv[4], NULL, 10),
		.writers = strtoull(argv[5], NULL, 10),
		.writer = strtoull(argv[6], NULL, 10),
		.options = argv[argc - 1],
	};
	struct operation next;

	plan_open(&exercise);
	for (uint64_t number = 1; number <= exercise.operations; number++) {
		plan_next(&exercise, number, &next);
		show(&next);
		shadow_apply(&exercise, &next);
	}
	for (int file = 0; file < FILES; file++) {
		const struct shadow *shadow = &exercise.shadows[file];

		printf("file %d: %" PRIu64 " bytes %08x, holes %08x\n", file, shadow->size,
		       crc32(0, shadow->bytes, shadow->limit),
		       crc32(0, shadow->hole, shadow->limit / exercise.block_size + 1));
	}
	return 0;
}
