// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What several writers to the same files do.
 *
 * Of every file each owns the bytes of every so many units: so blocks, pages and
 * folios are shared, and no byte is. What an operation is depends on the seed,
 * the writer and its number alone; some are common, done by one while the others
 * wait, and make all files anew. In between no file changes its size. So what a
 * writer's bytes must be is known whatever the others do.
 */
#include "exercise.h"
#include "probe.h"

#define KIB 1024ull
#define ROUND 400 /* operations from one that is common to the next */
#define CROWD 64 /* operations for which all writers meet in one place */
#define PLACE (16 * KIB) /* of so many bytes */

/* Bytes that one writer owns before the next does: they end within a block, a
 * page, many pages. Direct I/O is on the one file of aligned units: nothing is
 * stored there through the mapping, since the kernel promises nothing where
 * both meet in a folio. */
#define DIRECT_FILE 2
static const uint64_t units[FILES] = { 1000, 5000, 8 * KIB, 333 };

/* Shares among 1,000. */
static const struct {
	enum action action;
	int share;
} mix[] = {
	{ WRITE, 60 }, { PWRITE, 310 }, { WRITEV, 60 },	   { STORE, 200 },
	{ FSYNC, 50 }, { MSYNC, 50 },	{ FDATASYNC, 50 }, { SYNC_RANGE, 60 },
	{ FORGET, 5 }, { ADVISE, 10 },	{ READ, 145 },
};

static uint64_t stream(const struct exercise *exercise, uint64_t number, uint64_t which)
{
	return exercise->seed * 0x9e3779b97f4a7c15ull ^ number << 8 ^ which;
}

int is_common(uint64_t number)
{
	return number <= FILES || number % ROUND == 0;
}

int is_own(const struct exercise *exercise, int file, uint64_t offset)
{
	return exercise->writers == 1 ||
	       offset / units[file] % exercise->writers == exercise->writer;
}

static void common_next(const struct exercise *exercise, struct operation *next)
{
	uint64_t random = stream(exercise, next->number, 0), draw = random_below(&random, 10);

	next->file = next->number <= FILES ? (int)next->number - 1 :
					     (int)random_below(&random, FILES);
	next->action = next->number <= FILES || draw < 6 ? FILL :
		       draw < 7				 ? PRESSURE :
		       draw < 9				 ? DROP :
							   REMOUNT;
	next->length = next->action == FILL ? file_limits[next->file] : 0;
}

static enum action pick(uint64_t *random)
{
	int at = (int)random_below(random, 1000), i = 0;

	while ((at -= mix[i].share) >= 0)
		i++;
	return mix[i].action;
}

/* Past the cache or through it, but not through the mapping. */
static void make_direct(const struct exercise *exercise, uint64_t *random, struct operation *next)
{
	uint64_t end = next->offset + next->length;
	int direct = exercise->direct && random_below(random, 2);

	if (next->action == STORE)
		next->action = PWRITE;
	if (!direct || (next->action != PWRITE && next->action != READ))
		return;
	next->action = next->action == READ ? DIRECT_READ : DIRECT_WRITE;
	/* A unit is whole disk blocks, but for the file's last. */
	next->offset -= next->offset % DIRECT_UNIT;
	end = least(end + DIRECT_UNIT - 1, file_limits[next->file]);
	next->length = (end - next->offset) / DIRECT_UNIT * DIRECT_UNIT;
}

void share_next(const struct exercise *exercise, uint64_t number, struct operation *next)
{
	uint64_t random = stream(exercise, number, 1 + exercise->writer);
	uint64_t crowd = stream(exercise, number / CROWD, 255), at, unit, end;

	*next = (struct operation){ .number = number };
	if (is_common(number)) {
		common_next(exercise, next);
		return;
	}
	next->file = (int)random_below(&crowd, FILES);
	at = random_below(&crowd, file_limits[next->file] - PLACE) + random_below(&random, PLACE);
	if (random_below(&random, 4) == 0) {
		next->file = (int)random_below(&random, FILES);
		at = random_below(&random, file_limits[next->file]);
	}
	unit = units[next->file];
	at = at / unit / exercise->writers * exercise->writers + exercise->writer;
	if (at * unit >= file_limits[next->file])
		at -= exercise->writers;
	end = least((at + 1) * unit, file_limits[next->file]);
	next->offset = at * unit;
	if (random_below(&random, 3))
		next->offset += random_below(&random, end - next->offset);
	next->length = 1 + random_below(&random, end - next->offset);
	next->action = pick(&random);
	next->look = random_below(&random, 4) == 0;
	next->whole = random_below(&random, 2) == 0;
	if (next->file == DIRECT_FILE)
		make_direct(exercise, &random, next);
	if (next->action == WRITEV) {
		next->vectors = 2;
		next->parts[0] = random_below(&random, next->length + 1);
		next->parts[1] = next->length - next->parts[0];
	}
}
