// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which folios cache a file, read from the kernel's page flags.
 *
 * /proc/self/pagemap gives the page frame behind each page of a mapping
 * (bits 0-54, bit 63 present), /proc/kpageflags that frame's flags: bit 15 is
 * a compound head, bit 16 a tail (Documentation/admin-guide/mm/pagemap.rst,
 * v6.12). A head and the tails that follow it are one folio.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "probe.h"

#define PAGE 4096
#define PRESENT (1ull << 63)
#define FRAME_MASK ((1ull << 55) - 1)
#define HEAD (1ull << 15)
#define TAIL (1ull << 16)

static int order_of(uint64_t pages)
{
	return 63 - __builtin_clzll(pages);
}

void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found)
{
	uint64_t pages = (size + PAGE - 1) / PAGE;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t *frames = malloc(pages * sizeof(*frames));
	volatile const char *map;
	uint64_t start = 0, length = 0;

	memset(found, 0, sizeof(*found));
	if (pagemap < 0 || kpageflags < 0)
		goto out;
	/* Looking must not change what is there: woken by a mapping of this size,
	 * khugepaged of v7.3 collapses the file's pages into larger folios. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail("cannot map the file: %s", strerror(errno));
	for (uint64_t i = 0; i < pages; i++)
		(void)map[i * PAGE];
	found->known = pread(pagemap, frames, pages * 8, (off_t)((uintptr_t)map / PAGE * 8)) ==
		       (ssize_t)(pages * 8);
	for (uint64_t i = 0; found->known && i <= pages; i++) {
		uint64_t flags = 0;

		if (i < pages) {
			uint64_t frame = frames[i] & FRAME_MASK;

			/* A frame number of 0 is what an unprivileged reader gets. */
			if (!(frames[i] & PRESENT) || !frame ||
			    pread(kpageflags, &flags, 8, (off_t)(frame * 8)) != 8) {
				found->known = 0;
				break;
			}
		}
		if (i == pages || !(flags & TAIL)) {
			if (length) {
				int order = order_of(length);

				found->count[order]++;
				if (offset / PAGE >= start && offset / PAGE < i)
					found->written = (uint64_t)order;
			}
			start = i;
			length = 0;
		}
		length++;
	}
	munmap((void *)map, size);
out:
	free(frames);
	if (pagemap >= 0)
		close(pagemap);
	if (kpageflags >= 0)
		close(kpageflags);
}
