// SPDX-License-Identifier: GPL-2.0-or-later
/* Comparing the files with their shadow. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define CHUNK (1ull << 20)

uint64_t bytes_compared;

/* In the order in which they lie in the file. */
static uint64_t word_at(const unsigned char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* `found` holds the 8 bytes at `offset & ~7` as the kernel gave them, or is
 * NULL where the difference is not one of bytes. */
void report_difference(const struct exercise *exercise, const struct operation *at, int file,
		       const char *what, const unsigned char *found, uint64_t offset,
		       uint64_t found_size)
{
	const struct shadow *shadow = &exercise->shadows[file];
	char bytes[128] = "";

	if (found)
		snprintf(bytes, sizeof(bytes), "expected %016" PRIx64 "\nfound %016" PRIx64 "\n",
			 word_at(shadow->bytes + (offset & ~7ull)), word_at(found));
	send_text(FRAME_DIFFERENCE,
		  "operation %" PRIu64 "\ndoing %s\nwhat %s\nfile %d\noffset %" PRIu64
		  "\nexpected_size %" PRIu64 "\nfound_size %" PRIu64 "\n%s",
		  at->number, describe(at), what, file, offset, shadow->size, found_size, bytes);
	transport_exit(0);
}

/* By words and not by memcmp(3): QEMU 7.2 calls a helper for each vector
 * instruction. Where `other` is NULL the bytes are compared with zeros. */
static uint64_t first_difference(const unsigned char *bytes, const unsigned char *other,
				 uint64_t length)
{
	uint64_t at = 0;

	for (; at + 32 <= length; at += 32) {
		uint64_t a[4], b[4] = { 0 };

		memcpy(a, bytes + at, 32);
		if (other)
			memcpy(b, other + at, 32);
		if ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]))
			break;
	}
	while (at < length && bytes[at] == (other ? other[at] : 0))
		at++;
	return at;
}

static void compare(const struct exercise *exercise, const struct operation *at, const char *what,
		    const unsigned char *found, uint64_t begin, uint64_t length)
{
	const struct shadow *shadow = &exercise->shadows[at->file];
	uint64_t where = first_difference(found, shadow->bytes + begin, length);
	unsigned char word[8] = { 0 };

	bytes_compared += length;
	if (where == length)
		return;
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t byte = ((begin + where) & ~7ull) + i;

		if (byte >= begin && byte < begin + length)
			word[i] = found[byte - begin];
	}
	report_difference(exercise, at, at->file, what, word, begin + where, shadow->size);
}

static void check_range(const struct exercise *exercise, const struct operation *at,
			uint64_t begin, uint64_t end)
{
	static unsigned char buffer[CHUNK] __attribute__((aligned(DIRECT_UNIT)));

	end = least(end, exercise->shadows[at->file].size);
	while (begin < end) {
		ssize_t got = read_file(at, buffer, least(end - begin, CHUNK), begin);

		if (got < 0 && (errno == EINTR || errno == ENOMEM))
			continue;
		if (got < 0)
			fail("operation %" PRIu64 ": cannot read file %d at %" PRIu64 ": %s",
			     at->number, at->file, begin, strerror(errno));
		compare(exercise, at, "read", buffer, begin, (uint64_t)got);
		if (got == 0)
			report_difference(exercise, at, at->file, "end of file too early", NULL,
					  begin, begin);
		begin += (uint64_t)got;
	}
}

static void check_size(const struct exercise *exercise, const struct operation *at)
{
	uint64_t size = exercise->shadows[at->file].size, found = file_size(at->file);

	if (found != size)
		report_difference(exercise, at, at->file, "size", NULL, least(found, size), found);
}

static uint64_t seek(int fd, uint64_t from, int whence, uint64_t size)
{
	off_t to = lseek(fd, (off_t)from, whence);

	if (to < 0 && errno != ENXIO)
		fail("lseek for data and holes: %s", strerror(errno));
	return to < 0 ? size : least((uint64_t)to, size);
}

/* A reported hole holds no byte that is not zero; reported data lies in no
 * block that was punched, or never written to. Tells the first offset where
 * that is not so, or the size. */
static uint64_t wrong_hole(const struct exercise *exercise, int file, const char **what)
{
	const struct shadow *shadow = &exercise->shadows[file];
	int fd = file_fds[file];
	uint64_t begin = 0;

	while (begin < shadow->size) {
		uint64_t data = seek(fd, begin, SEEK_DATA, shadow->size), hole, at;

		*what = "data reported as a hole";
		at = begin + first_difference(shadow->bytes + begin, NULL, data - begin);
		if (at < data || data == shadow->size)
			return at;
		hole = seek(fd, data, SEEK_HOLE, shadow->size);
		*what = "a hole reported as data";
		for (at = data / exercise->block_size; at * exercise->block_size < hole; at++)
			if (shadow->hole[at])
				return at * exercise->block_size;
		begin = hole;
	}
	return shadow->size;
}

/* Where data has gone to unwritten blocks and its folio is dropped between
 * the two looks that lseek takes, at the blocks and at the page cache, it
 * finds neither (iomap_seek_data, v6.18): so a finding counts only if it
 * stays while nothing else runs. */
static void check_holes(const struct exercise *exercise, const struct operation *at)
{
	uint64_t size = exercise->shadows[at->file].size, where;
	const char *what;

	if (wrong_hole(exercise, at->file, &what) == size)
		return;
	calm();
	where = wrong_hole(exercise, at->file, &what);
	if (where != size)
		report_difference(exercise, at, at->file, what, NULL, where, size);
	disturb(exercise->seed + at->number);
}

void look(const struct exercise *exercise, const struct operation *at)
{
	uint64_t size = exercise->shadows[at->file].size;
	uint64_t around = exercise->writers > 1 ? 0 : 64; /* which others change */

	/* What a page that could not be written holds is known once it has been
	 * told; until then it may have been read in again (recover.c judges). */
	if (exercise->failing)
		return;
	switch (at->action) {
	case READ:
	case DIRECT_READ:
		check_range(exercise, at, at->offset, at->offset + at->length);
		break;
	case COMPARE:
		check_size(exercise, at);
		check_holes(exercise, at);
		check_range(exercise, at, 0, size);
		break;
	case COMPARE_MAP:
		compare(exercise, at, "mapping", file_maps[at->file], 0, size);
		break;
	default:
		/* What was just written, and its neighbours. */
		if (at->look)
			check_size(exercise, at);
		if (at->look && at->action != TRUNCATE)
			check_range(exercise, at, at->offset - least(at->offset, around),
				    at->offset + at->length + around);
	}
}

void look_everywhere(const struct exercise *exercise)
{
	for (int file = 0; file < FILES; file++)
		for (enum action action = COMPARE; action <= COMPARE_MAP; action++)
			look(exercise, &(struct operation){ .number = exercise->operations,
							    .action = action,
							    .file = file });
}
