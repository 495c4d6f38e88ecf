// SPDX-License-Identifier: GPL-2.0-or-later
/* Which folios cache a file: a folio is a page and the tails that follow it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "pages.h"

void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found)
{
	uint64_t page = page_size(), pages = (size + page - 1) / page;
	uint64_t *frames = malloc(pages * sizeof(*frames));
	volatile const char *map;
	uint64_t start = 0, length = 0, flags;

	memset(found, 0, sizeof(*found));
	if (!frame_flags(1, &flags, 1)) /* they are not for this user */
		goto out;
	/* Looking must not change what is there: woken by a mapping of this size,
	 * khugepaged of v7.3 collapses the file's pages into larger folios. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || !frames)
		fail("cannot map the file: %s", strerror(errno));
	for (uint64_t i = 0; i < pages; i++)
		(void)map[i * page];
	found->known = (uint64_t)page_frames(map, frames, pages);
	for (uint64_t i = 0; found->known && i <= pages; i++) {
		flags = 0;
		if (i < pages && !frame_flags(frames[i], &flags, 1)) {
			found->known = 0;
			break;
		}
		if (i == pages || !(flags & FLAG_TAIL)) {
			if (length) {
				int order = order_of(length);

				found->count[order]++;
				if (offset / page >= start && offset / page < i)
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
}
