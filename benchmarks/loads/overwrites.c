// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overwrites BYTES SYNC written|read_in MIB COUNTED
 *
 * Writes of so many bytes at random multiples of as many in a file of MIB MiB, with fdatasync after
 * every SYNCth, or never (0). The file is in the page cache, and clean, by writes of 2 MiB, or
 * dropped and read in from its begin to its end. A quarter as many writes come before those that
 * are counted.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tailwalk.h"

#define MIB (1L << 20)

static unsigned char buffer[2 * MIB];

static void fill(int file, long size)
{
	for (long at = 0; at < size; at += (long)sizeof(buffer))
		if (pwrite(file, buffer, sizeof(buffer), at) != (ssize_t)sizeof(buffer))
			err(1, "cannot fill the file");
	if (fsync(file))
		err(1, "fsync");
}

static void read_in(int file)
{
	ssize_t got;

	if (posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED))
		errx(1, "cannot drop the file from the page cache");
	while ((got = read(file, buffer, 128 << 10)) > 0)
		;
	if (got < 0)
		err(1, "cannot read the file");
	lseek(file, 0, SEEK_SET);
}

static unsigned long random_below(unsigned long limit)
{
	static unsigned long state = 1;

	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (state >> 33) % limit;
}

static void overwrite(int file, long size, size_t bytes, long sync, long count)
{
	for (long i = 1; i <= count; i++) {
		off_t at = (off_t)(random_below((unsigned long)size / bytes) * bytes);

		memset(buffer, (int)i, 64);
		if (pwrite(file, buffer, bytes, at) != (ssize_t)bytes)
			err(1, "cannot overwrite");
		if (sync && i % sync == 0 && fdatasync(file))
			err(1, "fdatasync");
	}
}

int main(int argc, char **argv)
{
	long sync, size, count;
	size_t bytes;
	int file = open("file", O_RDWR | O_CREAT | O_EXCL, 0600);

	if (argc != 6)
		errx(2, "usage: overwrites BYTES SYNC written|read_in MIB COUNTED");
	bytes = strtoul(argv[1], NULL, 10);
	sync = atol(argv[2]);
	size = atol(argv[4]) * MIB;
	count = atol(argv[5]);
	if (file < 0 || !bytes || bytes > sizeof(buffer) || size < (long)sizeof(buffer))
		errx(1, "no file, or no bytes to write");
	memset(buffer, 1, sizeof(buffer));
	fill(file, size);
	if (!strcmp(argv[3], "read_in"))
		read_in(file);
	overwrite(file, size, bytes, sync, count / 4);
	TAILWALK_BEGIN;
	overwrite(file, size, bytes, sync, count);
	TAILWALK_END;
	return 0;
}
