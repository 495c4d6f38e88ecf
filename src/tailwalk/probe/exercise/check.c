// SPDX-License-Identifier: GPL-2.0-or-later
/* Comparing the files with their shadow. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define CHUNK (1ull << 20)

uint64_t bytes_compared;

static void add(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *text, size_t room, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, room - used, format, arguments);
	va_end(arguments);
}

static void add_bytes(char *text, size_t room, const char *name, const unsigned char *bytes,
		      int count)
{
	add(text, room, "%s ", name);
	for (int i = 0; i < count; i++)
		add(text, room, "%02x", bytes[i]);
	add(text, room, "\n");
}

/* `found` holds the 8 bytes at `offset & ~7` as the kernel gave them, or is
 * NULL where the difference is not one of bytes. */
void report_difference(const struct exercise *exercise, const struct operation *at, int file,
		       const char *what, const unsigned char *found, uint64_t offset,
		       uint64_t found_size)
{
	const struct shadow *shadow = &exercise->shadows[file];
	char text[1024] = "", words[128];

	describe(at, words, sizeof(words));
	add(text, sizeof(text), "operation %llu\ndoing %s\nwhat %s\nfile %d\noffset %llu\n",
	    (unsigned long long)at->number, words, what, file, (unsigned long long)offset);
	add(text, sizeof(text), "expected_size %llu\nfound_size %llu\n",
	    (unsigned long long)shadow->size, (unsigned long long)found_size);
	if (found) {
		add_bytes(text, sizeof(text), "expected", shadow->bytes + (offset & ~7ull), 8);
		add_bytes(text, sizeof(text), "found", found, 8);
	}
	send_frame(FRAME_DIFFERENCE, text, strlen(text));
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

static void compare(const struct exercise *exercise, const struct operation *at, int file,
		    const char *what, const unsigned char *found, uint64_t begin, uint64_t length)
{
	const struct shadow *shadow = &exercise->shadows[file];
	uint64_t where;
	unsigned char word[8] = { 0 };

	bytes_compared += length;
	where = first_difference(found, shadow->bytes + begin, length);
	if (where == length)
		return;
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t byte = ((begin + where) & ~7ull) + i;

		if (byte >= begin && byte < begin + length)
			word[i] = found[byte - begin];
	}
	report_difference(exercise, at, file, what, word, begin + where, shadow->size);
}

void check_range(const struct exercise *exercise, const struct operation *at, int file, int fd,
		 uint64_t begin, uint64_t end)
{
	static unsigned char buffer[CHUNK];
	const struct shadow *shadow = &exercise->shadows[file];

	if (end > shadow->size)
		end = shadow->size;
	while (begin < end) {
		uint64_t part = end - begin < CHUNK ? end - begin : CHUNK;
		ssize_t got = pread(fd, buffer, part, (off_t)begin);

		if (got < 0 && (errno == EINTR || errno == ENOMEM))
			continue;
		if (got < 0)
			fail("operation %llu: cannot read file %d at %llu: %s",
			     (unsigned long long)at->number, file, (unsigned long long)begin,
			     strerror(errno));
		compare(exercise, at, file, "read", buffer, begin, (uint64_t)got);
		if (got == 0)
			report_difference(exercise, at, file, "end of file too early", NULL, begin,
					  begin);
		begin += (uint64_t)got;
	}
}

void check_map(const struct exercise *exercise, const struct operation *at, int file,
	       const unsigned char *map)
{
	const struct shadow *shadow = &exercise->shadows[file];

	compare(exercise, at, file, "mapping", map, 0, shadow->size);
}

void check_size(const struct exercise *exercise, const struct operation *at, int file, int fd)
{
	const struct shadow *shadow = &exercise->shadows[file];
	struct stat found;

	if (fstat(fd, &found))
		fail("fstat: %s", strerror(errno));
	if ((uint64_t)found.st_size != shadow->size)
		report_difference(exercise, at, file, "size", NULL,
				  (uint64_t)found.st_size < shadow->size ?
					  (uint64_t)found.st_size :
					  shadow->size,
				  (uint64_t)found.st_size);
}

static off_t seek(int fd, uint64_t from, int whence, uint64_t size)
{
	off_t to = lseek(fd, (off_t)from, whence);

	if (to < 0 && errno == ENXIO)
		return (off_t)size;
	if (to < 0)
		fail("lseek for data and holes: %s", strerror(errno));
	return to;
}

/* A reported hole holds no byte that is not zero; reported data lies in no
 * block that was punched, or never written to. Tells the first offset where
 * that is not so, or the size. */
static uint64_t wrong_hole(const struct exercise *exercise, const struct shadow *shadow, int fd,
			   const char **what)
{
	uint64_t begin = 0;

	while (begin < shadow->size) {
		uint64_t data = (uint64_t)seek(fd, begin, SEEK_DATA, shadow->size), hole, at;

		if (data > shadow->size)
			data = shadow->size;
		*what = "data reported as a hole";
		at = begin + first_difference(shadow->bytes + begin, NULL, data - begin);
		if (at < data || data == shadow->size)
			return at;
		hole = (uint64_t)seek(fd, data, SEEK_HOLE, shadow->size);
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
void check_holes(const struct exercise *exercise, const struct operation *at, int file, int fd)
{
	const struct shadow *shadow = &exercise->shadows[file];
	const char *what;
	uint64_t where = wrong_hole(exercise, shadow, fd, &what);

	if (where == shadow->size)
		return;
	disturb_end();
	pressure_end();
	where = wrong_hole(exercise, shadow, fd, &what);
	if (where != shadow->size)
		report_difference(exercise, at, file, what, NULL, where, shadow->size);
	disturb(exercise->seed + at->number);
}
