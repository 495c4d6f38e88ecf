/*
 * What docs/explanation/span.md counts with `tailwalk exec`: the first fill of a file or a block
 * device, and overwrites at random places.
 *
 *     cc -O2 -static -o span_load benchmarks/span_load.c
 *     tailwalk exec src:6.18+span -- ./span_load CALL FOLIOS WRITES [truncate | DEVICE]
 *
 * Fills FOLIOS times 2 MiB by calls of CALL bytes (which divide 2 MiB), then writes 1 KiB at WRITES
 * random multiples of 1 KiB, always the same ones. A DEVICE such as /dev/ram1 takes the file's place.
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
	const char *path = "span_load.data";
	int file;

	if (argc < 4 || (call = atol(argv[1])) < 1 || FOLIO % call ||
	    (folios = atol(argv[2])) < 1 || (writes = atol(argv[3])) < 0) {
		fprintf(stderr, "usage: span_load CALL FOLIOS WRITES [truncate | DEVICE]\n");
		return 2;
	}
	if (argc > 4 && argv[4][0] == '/')
		path = argv[4];
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		fail(path);
	memset(data, 7, sizeof(data));
	for (long place = 0; place < folios * FOLIO; place += call)
		if (pwrite(file, data, call, place) != call)
			fail("fill");
	while (writes--) {
		state = state * 6364136223846793005UL + 1442695040888963407UL;
		if (pwrite(file, data, WRITE,
			   (state >> 33) % (folios * (FOLIO / WRITE)) * WRITE) != WRITE)
			fail("overwrite");
	}
	if (argc > 4 && path != argv[4] && ftruncate(file, 0))
		fail("truncate");
	return 0;
}
