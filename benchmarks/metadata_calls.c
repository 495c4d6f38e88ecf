// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that write metadata, each counted by the time stamp, which under the
 * exact rig advances by one an instruction; prints the median of each. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS 120

static uint64_t taken[CALLS];

static uint64_t counter(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static int by_value(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void tell(const char *what)
{
	qsort(taken, CALLS, sizeof(*taken), by_value);
	printf("%s: %llu\n", what, (unsigned long long)taken[CALLS / 2]);
}

int main(void)
{
	char *data = aligned_alloc(4096, 8192), name[32];
	int file = open("appended", O_CREAT | O_WRONLY, 0600);
	int direct = open("direct", O_CREAT | O_WRONLY | O_DIRECT, 0600);

	if (!data || file < 0 || direct < 0)
		err(1, "open");
	memset(data, 1, 8192);
	for (int i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	for (int i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		taken[i] = counter();
		if (unlink(name))
			err(1, "unlink");
		taken[i] = counter() - taken[i];
	}
	tell("unlink of an empty file");
	for (int i = 0; i < CALLS; i++) {
		taken[i] = counter();
		if (pwrite(direct, data, 4096, i * 4096L) != 4096)
			err(1, "direct append");
		taken[i] = counter() - taken[i];
	}
	tell("direct append of 4 KiB");
	for (int i = 0; i < CALLS; i++) {
		if (pwrite(file, data, 8192, i * 8192L) != 8192)
			err(1, "append");
		taken[i] = counter();
		if (fdatasync(file))
			err(1, "fdatasync");
		taken[i] = counter() - taken[i];
	}
	tell("append of 8 KiB: fdatasync");
	return 0;
}
