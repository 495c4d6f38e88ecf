// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What docs/explanation/span.md counts with `tailwalk exec`: the first fill of a file or a block
 * device, and overwrites at random places.
 *
 *     cc -O2 -static -o span_load benchmarks/span_load.c
 *     tailwalk exec src:6.18+span -- ./span_load CALL FOLIOS WRITES [HOW]
 *
 * Fills FOLIOS times 2 MiB by calls of CALL bytes (which divide 2 MiB), then writes 1 KiB at WRITES
 * random multiples of 1 KiB, always the same ones. HOW may be
 *
 *     truncate    truncate the file to nothing afterwards
 *     last        write all of them to the last KiB of the first folio, where a search is remembered
 *     alternate   write them by turns to the last KiB and to that of the third quarter: each searches
 *     DEVICE      such as /dev/ram1, in place of a file
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLIO (2L << 20)
#define WRITE 1024

static char data[FOLIO];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned long state = 1;
	long call, folios, writes;
	const char *path = "span_load.data", *how;
	int file;

	if (argc < 4 || (call = atol(argv[1])) < 1 || FOLIO % call ||
	    (folios = atol(argv[2])) < 1 || (writes = atol(argv[3])) < 0) {
		fprintf(stderr, "usage: span_load CALL FOLIOS WRITES [HOW]\n");
		return 2;
	}
	how = argc > 4 ? argv[4] : "";
	if (how[0] == '/')
		path = how;
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		fail(path);
	memset(data, 7, sizeof(data));
	for (long place = 0; place < folios * FOLIO; place += call)
		if (pwrite(file, data, call, place) != call)
			fail("fill");
	while (writes--) {
		long place;

		state = state * 6364136223846793005UL + 1442695040888963407UL;
		place = (state >> 33) % (folios * (FOLIO / WRITE)) * WRITE;
		if (!strcmp(how, "last"))
			place = FOLIO - WRITE;
		else if (!strcmp(how, "alternate"))
			place = (writes & 1 ? FOLIO : FOLIO / 4 * 3) - WRITE;
		if (pwrite(file, data, WRITE, place) != WRITE)
			fail("overwrite");
	}
	if (!strcmp(how, "truncate") && ftruncate(file, 0))
		fail("truncate");
	return 0;
}
