// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a mapping lies decides what it costs: the page tables that it shares with
 * others, the windows that its pages are read around in, the kernel's tree of the
 * process's mappings (mmap of 8 KiB, v6.12: 4,612 to 5,663 instructions as there
 * are 10 to 26 others). The kernel puts one into the highest gap that it fits into.
 * Here that is below memory in use, which ends where a page table does: as in
 * libMicro's binaries, a mapping is the third below what the kernel itself maps.
 */
#define _GNU_SOURCE // MAP_FIXED_NOREPLACE
#include <sys/mman.h>

#include "workload.h"

#define TABLE LARGEST_FOLIO /* bytes that a page table of the lowest level maps */
#define WINDOW (64 << 10) /* bytes that a fault maps, if cached: fault_around_bytes */

static struct {
	char *begin;
	uint64_t length;
} taken[64];
static size_t count;

static char *take(char *at, uint64_t length, int access, int flags)
{
	char *begin = mmap(at, length, access, MAP_ANONYMOUS | flags, -1, 0);

	if (begin == MAP_FAILED || count == sizeof(taken) / sizeof(taken[0]))
		fail("no room for a mapping of %llu bytes", (unsigned long long)length);
	taken[count].begin = begin;
	taken[count++].length = length;
	return begin;
}

static char *reserve(uint64_t length)
{
	return take(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
}

static void give_back(void)
{
	count--;
	sure("munmap", munmap(taken[count].begin, taken[count].length));
}

void use_memory(char *at, uint64_t length)
{
	*take(at, length, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED_NOREPLACE : 0)) = 1;
}

/* From 2 MiB on, mappings are aligned (thp_get_unmapped_area, v6.7), which leaves
 * gaps: what lies higher is filled by smaller ones. */
void make_room(uint64_t length)
{
	uint64_t room = 4 * TABLE;
	char *end;

	while (room < length + 2 * TABLE)
		room *= 2;
	end = reserve(room) + room;
	end -= (uintptr_t)end % TABLE;
	give_back();
	for (uint64_t part = room / 2; part >= page_size(); part /= 2) {
		while (reserve(part) >= end)
			;
		give_back();
	}
	/* The middle of a window: as 128 KiB begin at the second page of one or at the last,
	 * v6.12 takes 24,915 to 27,127 instructions for a load from each page. */
	use_memory(end - WINDOW / 2, WINDOW / 2);
}

void leave_room(void)
{
	while (count)
		give_back();
}
