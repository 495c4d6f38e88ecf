// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a mapping lies decides what it costs. The kernel puts one into the
 * highest gap that it fits into: there it shares page tables with neighbours, or
 * is in two, as other mappings of the process happen to be long (mmap of 128 KiB
 * and a load from each page, v6.12: 25,553 instructions or 26,343). A room is
 * the highest gap that a mapping of so many bytes fits into. It lies in page
 * tables that nothing else is in, and its end is the end of one.
 */
#include <sys/mman.h>

#include "workload.h"

#define TABLE LARGEST_FOLIO /* bytes that a page table of the lowest level maps */

static struct {
	char *begin;
	uint64_t length;
} reserved[64]; /* nothing else is mapped there */
static size_t count;

static char *reserve(uint64_t length)
{
	char *begin = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	if (begin == MAP_FAILED || count == sizeof(reserved) / sizeof(reserved[0]))
		fail("no room for a mapping of %llu bytes", (unsigned long long)length);
	reserved[count].begin = begin;
	reserved[count++].length = length;
	return begin;
}

static void give_back(void)
{
	count--;
	sure("munmap", munmap(reserved[count].begin, reserved[count].length));
}

/* Higher gaps, which the mapping would be put into, are filled: the large ones
 * by large parts, as there can be many. The room has a table more than it has to,
 * since the kernel aligns what is as long as one (thp_get_unmapped_area, v6.12). */
void make_room(uint64_t length)
{
	uint64_t room = (length + 2 * TABLE - 1) / TABLE * TABLE, part = room;
	char *begin = reserve(room + 2 * TABLE), *place;

	begin += TABLE - (uintptr_t)begin % TABLE;
	sure("munmap", munmap(begin, room));
	for (;; part = part / 2 > length ? part / 2 : length) {
		while ((place = reserve(part)) >= begin + room)
			;
		give_back();
		if (part == length)
			break;
	}
	if (place < begin)
		fail("no room for a mapping of %llu bytes", (unsigned long long)length);
}

void leave_room(void)
{
	while (count)
		give_back();
}
