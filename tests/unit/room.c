// SPDX-License-Identifier: GPL-2.0-or-later
/* Where mappings of so many bytes lie, of memory or of the file "mapped", among
 * many others: LENGTH... A line for each of them: its bounds, and what else lies
 * in the same page tables. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stand_in.h"
#include "workload.h"

long sure(const char *what, long result)
{
	if (result < 0)
		fail("%s", what);
	return result;
}

/* Mappings that can be read or written; how many there are that reach into a
 * range. */
static int count_within(uint64_t begin, uint64_t end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uint64_t from, to;
	char mode[5], line[512];
	int found = 0;

	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, mode) == 3 &&
		    mode[0] == 'r' && from < end && to > begin)
			found++;
	fclose(maps);
	return found;
}

int main(int count, char **arguments)
{
	int file = open("mapped", O_RDWR | O_CREAT, 0600);

	for (int i = 1; i < count; i++) {
		uint64_t length = strtoull(arguments[i], NULL, 10), table = LARGEST_FOLIO;

		/* Others, with gaps of all sizes among them, that stay. */
		for (uint64_t pages = 1; pages < 40; pages++) {
			char *other = mmap(NULL, 2 * pages * 4096, PROT_READ,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			munmap(other, pages * 4096);
		}
		make_room(length);
		for (int of = -1; of <= file; of += file + 1) {
			uint64_t map = (uint64_t)mmap(
				NULL, length, PROT_READ | PROT_WRITE,
				of < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, of, 0);
			uint64_t first = map / table * table;
			uint64_t end = (map + length + table - 1) / table * table;

			printf("%" PRIu64 " %" PRIu64 " %d\n", map, map + length,
			       count_within(first, end) - 1);
			munmap((void *)map, length);
		}
		leave_room();
	}
	return 0;
}
